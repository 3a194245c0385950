/** The user pool behind one small interface: its user names are our account ids, its errors become ours (DESIGN §4 identity). */
import {
  AdminCreateUserCommand,
  AdminSetUserPasswordCommand,
  AdminUserGlobalSignOutCommand,
  type AuthenticationResultType,
  CognitoIdentityProviderClient,
  ConfirmForgotPasswordCommand,
  ForgotPasswordCommand,
  InitiateAuthCommand,
  RespondToAuthChallengeCommand,
  RevokeTokenCommand,
} from '@aws-sdk/client-cognito-identity-provider';
import type { TokenReply } from '#core/contract/account.ts';
import { AppError, type ErrorCode } from '#core/contract/errors.ts';
import { fips } from './fips.ts';

export interface Identity {
  /** Makes the user, or a new code for one that has none of its own password yet, and mails it. A user with a password is left alone. */
  readonly invite: (account: string, email: string) => Promise<void>;
  /** Makes the user, if need be, with a password that counts at once; mails nothing. */
  readonly create: (account: string, email: string, password: string) => Promise<void>;
  /** Trades the mailed code for a password. Throws `auth.code_invalid`. */
  readonly confirm: (account: string, code: string, password: string) => Promise<TokenReply>;
  /** Throws `auth.invalid_credentials` and `auth.not_confirmed`. */
  readonly signIn: (account: string, password: string) => Promise<TokenReply>;
  readonly refresh: (refreshToken: string) => Promise<TokenReply>;
  /** Ends a refresh token; one that is not to be ended is fine. */
  readonly revoke: (refreshToken: string) => Promise<void>;
  /** Ends all refresh tokens of a person. */
  readonly revokeAll: (account: string) => Promise<void>;
  /** Mails a code, if there is somebody to mail it to. */
  readonly forgot: (account: string) => Promise<void>;
  readonly reset: (account: string, code: string, password: string) => Promise<void>;
}

const PASSWORD: Record<string, ErrorCode> = {
  InvalidPasswordException: 'auth.password_policy',
  PasswordHistoryPolicyViolationException: 'auth.password_policy',
};
const BUSY: Record<string, ErrorCode> = {
  LimitExceededException: 'auth.rate_limited',
  TooManyRequestsException: 'auth.rate_limited',
  TooManyFailedAttemptsException: 'auth.rate_limited',
};
const refusedAs = (code: ErrorCode): Record<string, ErrorCode> => ({
  ...PASSWORD,
  ...BUSY,
  NotAuthorizedException: code,
  UserNotFoundException: code,
  UserNotConfirmedException: code,
  PasswordResetRequiredException: code,
  CodeMismatchException: code,
  ExpiredCodeException: code,
  InvalidParameterException: code,
});
const POLICY = { ...PASSWORD, ...BUSY };
const CREDENTIALS = refusedAs('auth.invalid_credentials');
const CODE = refusedAs('auth.code_invalid');
const TOKEN = refusedAs('auth.invalid_token');

const nameOf = (error: unknown): string => (error instanceof Error ? error.name : '');

/** Runs a call; an error that the table names becomes ours, any other stays what it is. Cognito's words are not passed on. */
const translated = async <T>(codes: Record<string, ErrorCode>, call: Promise<T>): Promise<T> => {
  try {
    return await call;
  } catch (error) {
    const code = codes[nameOf(error)];
    throw code === undefined
      ? error
      : new AppError(code, { cause: error, ...(code === 'auth.rate_limited' ? { retryAfterSeconds: 60 } : {}) });
  }
};

/** Runs a call whose failure by one of these errors means that there is nothing to do. */
const unless = async (names: readonly string[], call: Promise<unknown>): Promise<boolean> => {
  try {
    await call;
    return true;
  } catch (error) {
    if (names.includes(nameOf(error))) return false;
    throw error;
  }
};

const toReply = (result: AuthenticationResultType | undefined): TokenReply => {
  if (result?.AccessToken === undefined) throw new Error('the user pool answered no access token');
  return {
    access_token: result.AccessToken,
    token_type: 'Bearer',
    expires_in: result.ExpiresIn ?? 900,
    ...(result.RefreshToken === undefined ? {} : { refresh_token: result.RefreshToken }),
  };
};

export const createIdentity = (
  { pool, clientId }: { readonly pool: string; readonly clientId: string },
  client = new CognitoIdentityProviderClient(fips('cognito-idp')),
): Identity => {
  const make = (account: string, email: string, action: 'RESEND' | 'SUPPRESS' | undefined) =>
    client.send(
      new AdminCreateUserCommand({
        UserPoolId: pool,
        Username: account,
        UserAttributes: [
          { Name: 'email', Value: email },
          { Name: 'email_verified', Value: 'true' },
        ],
        DesiredDeliveryMediums: ['EMAIL'],
        ...(action === undefined ? {} : { MessageAction: action }),
      }),
    );
  const authenticate = (
    AuthFlow: 'USER_PASSWORD_AUTH' | 'REFRESH_TOKEN_AUTH',
    AuthParameters: Record<string, string>,
  ) => client.send(new InitiateAuthCommand({ ClientId: clientId, AuthFlow, AuthParameters }));

  return {
    invite: async (account, email) => {
      if (await unless(['UsernameExistsException'], translated(BUSY, make(account, email, undefined)))) return;
      await unless(['UnsupportedUserStateException'], translated(BUSY, make(account, email, 'RESEND')));
    },
    create: async (account, email, password) => {
      await unless(['UsernameExistsException'], translated(BUSY, make(account, email, 'SUPPRESS')));
      await translated(
        POLICY,
        client.send(
          new AdminSetUserPasswordCommand({ UserPoolId: pool, Username: account, Password: password, Permanent: true }),
        ),
      );
    },
    confirm: async (account, code, password) => {
      const begun = await translated(CODE, authenticate('USER_PASSWORD_AUTH', { USERNAME: account, PASSWORD: code }));
      // Whoever has a password of their own already is told nothing about it here.
      if (begun.ChallengeName !== 'NEW_PASSWORD_REQUIRED') throw new AppError('auth.code_invalid');
      const { AuthenticationResult } = await translated(
        CODE,
        client.send(
          new RespondToAuthChallengeCommand({
            ClientId: clientId,
            ChallengeName: 'NEW_PASSWORD_REQUIRED',
            Session: begun.Session,
            ChallengeResponses: { USERNAME: account, NEW_PASSWORD: password },
          }),
        ),
      );
      return toReply(AuthenticationResult);
    },
    signIn: async (account, password) => {
      const begun = await translated(
        CREDENTIALS,
        authenticate('USER_PASSWORD_AUTH', { USERNAME: account, PASSWORD: password }),
      );
      if (begun.ChallengeName !== undefined) throw new AppError('auth.not_confirmed');
      return toReply(begun.AuthenticationResult);
    },
    refresh: async (refreshToken) =>
      toReply(
        (await translated(TOKEN, authenticate('REFRESH_TOKEN_AUTH', { REFRESH_TOKEN: refreshToken })))
          .AuthenticationResult,
      ),
    revoke: async (refreshToken) => {
      await unless(
        [
          'NotAuthorizedException',
          'InvalidParameterException',
          'UnsupportedTokenTypeException',
          'UnauthorizedException',
        ],
        client.send(new RevokeTokenCommand({ ClientId: clientId, Token: refreshToken })),
      );
    },
    revokeAll: async (account) => {
      await client.send(new AdminUserGlobalSignOutCommand({ UserPoolId: pool, Username: account }));
    },
    forgot: async (account) => {
      // The answer must not depend on whether there is such an account, or in which state.
      await unless(
        [
          'UserNotFoundException',
          'NotAuthorizedException',
          'InvalidParameterException',
          'UserNotConfirmedException',
          'LimitExceededException',
        ],
        client.send(new ForgotPasswordCommand({ ClientId: clientId, Username: account })),
      );
    },
    reset: async (account, code, password) => {
      await translated(
        CODE,
        client.send(
          new ConfirmForgotPasswordCommand({
            ClientId: clientId,
            Username: account,
            ConfirmationCode: code,
            Password: password,
          }),
        ),
      );
    },
  };
};
