/** What people may change of themselves with an access token: only what their client may write. Public calls, without IAM. */
import { AwsError } from '#local/types.ts';
import type { AttributeList } from './admin.ts';
import type { Context } from './context.ts';

/** Set by Cognito alone, whatever a client may write. */
const FLAGS = new Set(['sub', 'email_verified', 'phone_number_verified']);

/** UpdateUserAttributes: a changed address counts as not verified. No code is mailed to it: nothing here calls VerifyUserAttribute. */
export function updateUserAttributes(
  context: Context,
  { AccessToken, UserAttributes }: { readonly AccessToken: string; readonly UserAttributes: AttributeList },
) {
  const { client, username } = context.tokens.read(AccessToken, context.pools.client);
  const pool = context.pools.pool(client.poolId);
  const user = context.users.find(pool.id, username);
  if (!user?.enabled) throw new AwsError('NotAuthorizedException', 'User does not exist or is disabled.');
  for (const { Name } of UserAttributes) {
    if (FLAGS.has(Name) || client.writes?.includes(Name) === false)
      throw new AwsError('NotAuthorizedException', 'A client attempted to write unauthorized attribute');
    if (pool.immutable.includes(Name))
      throw new AwsError('InvalidParameterException', `user.${Name}: Attribute cannot be updated.`);
  }
  const given = Object.fromEntries(UserAttributes.map(({ Name, Value }) => [Name, Value ?? '']));
  context.users.save({
    ...user,
    attributes: { ...user.attributes, ...given, ...('email' in given ? { email_verified: 'false' } : {}) },
    modifiedAt: Date.now(),
  });
  return { CodeDeliveryDetailsList: [] };
}
