/** A forgotten password: a code by mail, then a new password. Public calls, without IAM. */
import { AwsError } from '#local/types.ts';
import type { Context } from './context.ts';
import { checkPassword, hash, makeCode, verify } from './password.ts';
import type { User } from './users.ts';

/** A code counts one hour, and five wrong tries end it. */
const CODE_MS = 3_600_000;
const MAX_MISSES = 5;

const masked = (email: string): string => email.replace(/^(.)[^@]*@(.)[^.]*(.*)$/, '$1***@$2***');

const delivery = (email: string) => ({
  CodeDeliveryDetails: { Destination: masked(email), DeliveryMedium: 'EMAIL', AttributeName: 'email' },
});

/** ForgotPassword: with PreventUserExistenceErrors, nobody learns whether a code was really sent. */
export async function forgotPassword(
  context: Context,
  { ClientId, Username }: { readonly ClientId: string; readonly Username: string },
) {
  const client = context.pools.client(ClientId);
  const user = context.lookUp(context.pools.pool(client.poolId), Username);
  const refuse = (code: string, message: string) => {
    if (!client.hidesUsers) throw new AwsError(code, message);
    return delivery(Username.includes('@') ? Username : `${Username}@example.com`);
  };
  if (!user) return refuse('UserNotFoundException', 'User does not exist.');
  if (!user.enabled) return refuse('NotAuthorizedException', 'User is disabled.');
  const { email, email_verified } = user.attributes;
  if (!email || email_verified !== 'true')
    return refuse(
      'InvalidParameterException',
      'Cannot reset password for the user as there is no registered/verified email or phone_number',
    );
  if (user.status !== 'CONFIRMED')
    throw new AwsError('NotAuthorizedException', 'User password cannot be reset in the current state.');
  const code = makeCode();
  context.users.save({
    ...user,
    reset: { code: await hash(code), until: Date.now() + CODE_MS, misses: 0 },
    modifiedAt: Date.now(),
  });
  context.onMail({ kind: 'reset', to: email, username: user.username, code });
  return delivery(email);
}

/** ConfirmForgotPassword: sets the password if the code is the one that was mailed. */
export async function confirmForgotPassword(
  context: Context,
  input: {
    readonly ClientId: string;
    readonly Username: string;
    readonly ConfirmationCode: string;
    readonly Password: string;
  },
) {
  const client = context.pools.client(input.ClientId);
  const pool = context.pools.pool(client.poolId);
  const user: User | undefined = context.lookUp(pool, input.Username);
  const mismatch = () => new AwsError('CodeMismatchException', 'Invalid verification code provided, please try again.');
  if (!user?.enabled)
    throw client.hidesUsers
      ? mismatch()
      : new AwsError('UserNotFoundException', 'Username/client id combination not found.');
  const { reset } = user;
  if (!reset || reset.until <= Date.now())
    throw new AwsError('ExpiredCodeException', 'Invalid code provided, please request a code again.');
  if (reset.misses >= MAX_MISSES)
    throw new AwsError('LimitExceededException', 'Attempt limit exceeded, please try after some time.');
  if (!(await verify(input.ConfirmationCode, reset.code))) {
    context.users.save({ ...user, reset: { ...reset, misses: reset.misses + 1 } });
    throw mismatch();
  }
  checkPassword(input.Password, pool.policy);
  context.users.save({
    ...user,
    password: await hash(input.Password),
    status: 'CONFIRMED',
    reset: null,
    modifiedAt: Date.now(),
  });
  return {};
}
