/** The calls that manage users: made with the pool's id and checked by IAM. */
import { randomUUID } from 'node:crypto';
import { AwsError } from '#local/types.ts';
import type { Context } from './context.ts';
import { checkPassword, hash, makePassword } from './password.ts';
import type { User } from './users.ts';

const DAY_MS = 86_400_000;

/** `[{ Name, Value }]` as Cognito passes attributes. */
export type AttributeList = readonly { readonly Name: string; readonly Value?: string | undefined }[];

const described = (user: User, attributes: 'Attributes' | 'UserAttributes') => ({
  Username: user.username,
  [attributes]: Object.entries({ sub: user.sub, ...user.attributes }).map(([Name, Value]) => ({ Name, Value })),
  UserCreateDate: user.createdAt / 1000,
  UserLastModifiedDate: user.modifiedAt / 1000,
  Enabled: user.enabled,
  UserStatus: user.status,
});

/** The user of an admin call; these do say when nobody is there. */
function existing(context: Context, poolId: string, username: string): User {
  const user = context.lookUp(context.pools.pool(poolId), username);
  if (!user) throw new AwsError('UserNotFoundException', 'User does not exist.');
  return user;
}

const attributesOf = (list: AttributeList): Record<string, string> =>
  Object.fromEntries(list.filter((it) => it.Name !== 'sub').map((it) => [it.Name, it.Value ?? '']));

/** The invitation: Cognito sends it when it makes a user, unless told not to. */
function invite(context: Context, user: User, password: string, media: readonly string[]): void {
  const { email } = user.attributes;
  if (!email || !media.includes('EMAIL'))
    throw new AwsError('InvalidParameterException', 'User has no attribute matching desired delivery mediums');
  context.onMail({ kind: 'invitation', to: email, username: user.username, code: password });
}

interface Named {
  readonly UserPoolId: string;
  readonly Username: string;
}

/** AdminCreateUser: a user with a temporary password, mailed unless `MessageAction` is SUPPRESS; RESEND mails a new one. */
export async function adminCreateUser(
  context: Context,
  input: Named & {
    readonly UserAttributes: AttributeList;
    readonly TemporaryPassword?: string | undefined;
    readonly MessageAction?: 'SUPPRESS' | 'RESEND' | undefined;
    readonly DesiredDeliveryMediums: readonly string[];
    readonly ForceAliasCreation: boolean;
  },
) {
  const pool = context.pools.pool(input.UserPoolId);
  const known = context.lookUp(pool, input.Username);
  const resend = input.MessageAction === 'RESEND';
  if (known && !resend) throw new AwsError('UsernameExistsException', 'User account already exists');
  if (!known && resend) throw new AwsError('UserNotFoundException', 'User does not exist.');
  if (known && known.status !== 'FORCE_CHANGE_PASSWORD')
    throw new AwsError(
      'UnsupportedUserStateException',
      `Resend not possible. ${known.username} status is not FORCE_CHANGE_PASSWORD`,
    );
  if (pool.emailIsUsername && !input.Username.includes('@'))
    throw new AwsError('InvalidParameterException', 'Username should be an email.');
  const attributes: Record<string, string> = {
    ...(pool.emailIsUsername && { email: input.Username }),
    ...attributesOf(input.UserAttributes),
  };
  const holder = attributes.email && pool.emailIsAlias && context.users.findByEmail(pool.id, attributes.email);
  if (!known && holder && attributes.email_verified === 'true' && !input.ForceAliasCreation)
    throw new AwsError('AliasExistsException', 'An account with the email already exists.');
  const password = input.TemporaryPassword ?? makePassword(pool.policy);
  checkPassword(password, pool.policy);
  const now = Date.now();
  const sub = known?.sub ?? randomUUID();
  const user: User = {
    ...(known ?? {
      poolId: pool.id,
      username: pool.emailIsUsername ? sub : input.Username,
      sub,
      attributes,
      status: 'FORCE_CHANGE_PASSWORD',
      enabled: true,
      createdAt: now,
      reset: null,
    }),
    modifiedAt: now,
    password: await hash(password),
    temporaryUntil: now + pool.policy.temporaryPasswordDays * DAY_MS,
  };
  if (input.MessageAction !== 'SUPPRESS') invite(context, user, password, input.DesiredDeliveryMediums);
  context.users.save(user);
  return { User: described(user, 'Attributes') };
}

/** AdminSetUserPassword: a permanent password confirms the user, any other must be changed at the next sign-in. */
export async function adminSetUserPassword(
  context: Context,
  { UserPoolId, Username, Password, Permanent }: Named & { readonly Password: string; readonly Permanent: boolean },
) {
  const user = existing(context, UserPoolId, Username);
  const { policy } = context.pools.pool(UserPoolId);
  checkPassword(Password, policy);
  context.users.save({
    ...user,
    password: await hash(Password),
    status: Permanent ? 'CONFIRMED' : 'FORCE_CHANGE_PASSWORD',
    temporaryUntil: Permanent ? null : Date.now() + policy.temporaryPasswordDays * DAY_MS,
    modifiedAt: Date.now(),
  });
  return {};
}

/** AdminGetUser. */
export const adminGetUser = (context: Context, { UserPoolId, Username }: Named) =>
  described(existing(context, UserPoolId, Username), 'UserAttributes');

/** AdminUpdateUserAttributes. */
export function adminUpdateUserAttributes(
  context: Context,
  { UserPoolId, Username, UserAttributes }: Named & { readonly UserAttributes: AttributeList },
) {
  const user = existing(context, UserPoolId, Username);
  const attributes = { ...user.attributes, ...attributesOf(UserAttributes) };
  context.users.save({ ...user, attributes, modifiedAt: Date.now() });
  return {};
}

/** AdminDeleteUser: the user's refresh tokens go with it. */
export function adminDeleteUser(context: Context, { UserPoolId, Username }: Named) {
  context.users.remove(existing(context, UserPoolId, Username));
  return {};
}

/** AdminDisableUser and AdminEnableUser. */
export const adminEnableUser = (enabled: boolean) =>
  function enable(context: Context, { UserPoolId, Username }: Named) {
    context.users.save({ ...existing(context, UserPoolId, Username), enabled, modifiedAt: Date.now() });
    return {};
  };

/** AdminUserGlobalSignOut: every refresh token of the user is revoked. */
export function adminUserGlobalSignOut(context: Context, { UserPoolId, Username }: Named) {
  context.users.revokeAll(existing(context, UserPoolId, Username));
  return {};
}
