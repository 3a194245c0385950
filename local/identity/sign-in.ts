/** Signing in: the password, the first change of a temporary one, refresh and revocation. Public calls, without IAM. */
import { randomBytes } from 'node:crypto';
import { AwsError } from '#local/types.ts';
import type { Context } from './context.ts';
import { checkPassword, hash, verify } from './password.ts';
import type { Client } from './pool.ts';
import type { User } from './users.ts';

const refuse = (message: string): never => {
  throw new AwsError('NotAuthorizedException', message);
};

/** A hash that no password has: an unknown user takes as long to refuse as a known one. */
const NOBODY = `${'00'.repeat(16)}.${'00'.repeat(32)}`;

/** Challenges that wait for an answer; they end with the process, as sessions of a few minutes may. */
interface Challenge {
  readonly poolId: string;
  readonly username: string;
  readonly clientId: string;
  readonly until: number;
}
/** The open challenges by session. */
export type Challenges = Map<string, Challenge>;

function needFlow(client: Client, flow: string): void {
  if (!client.flows.includes(`ALLOW_${flow}`))
    throw new AwsError('InvalidParameterException', `${flow} flow not enabled for this client`);
}

async function withPassword(
  context: Context,
  challenges: Challenges,
  client: Client,
  parameters: Readonly<Record<string, string>>,
) {
  needFlow(client, 'USER_PASSWORD_AUTH');
  const { USERNAME: name, PASSWORD: password } = parameters;
  if (!name) throw new AwsError('InvalidParameterException', 'Missing required parameter USERNAME');
  if (!password) throw new AwsError('InvalidParameterException', 'Missing required parameter PASSWORD');
  const user = context.lookUp(context.pools.pool(client.poolId), name);
  const right = await verify(password, user?.password ?? NOBODY);
  if (!user && !client.hidesUsers) throw new AwsError('UserNotFoundException', 'User does not exist.');
  if (!user || !right) return refuse('Incorrect username or password.');
  if (!user.enabled) refuse('User is disabled.');
  if (user.status === 'CONFIRMED')
    return { ChallengeParameters: {}, AuthenticationResult: context.tokens.begin(user, client) };
  if (user.temporaryUntil !== null && user.temporaryUntil <= Date.now())
    refuse('Temporary password has expired and must be reset by an administrator.');
  const session = randomBytes(48).toString('base64url');
  for (const [key, open] of challenges) if (open.until <= Date.now()) challenges.delete(key);
  challenges.set(session, {
    poolId: user.poolId,
    username: user.username,
    clientId: client.id,
    until: Date.now() + client.sessionSeconds * 1000,
  });
  return {
    ChallengeName: 'NEW_PASSWORD_REQUIRED',
    Session: session,
    ChallengeParameters: {
      USER_ID_FOR_SRP: user.username,
      requiredAttributes: '[]',
      userAttributes: JSON.stringify(user.attributes),
    },
  };
}

/** InitiateAuth with USER_PASSWORD_AUTH or REFRESH_TOKEN_AUTH. */
export async function initiateAuth(
  context: Context,
  challenges: Challenges,
  {
    ClientId,
    AuthFlow,
    AuthParameters,
  }: {
    readonly ClientId: string;
    readonly AuthFlow: string;
    readonly AuthParameters: Readonly<Record<string, string>>;
  },
) {
  const client = context.pools.client(ClientId);
  if (AuthFlow === 'USER_PASSWORD_AUTH') return withPassword(context, challenges, client, AuthParameters);
  if (AuthFlow !== 'REFRESH_TOKEN_AUTH' && AuthFlow !== 'REFRESH_TOKEN')
    throw new AwsError(
      'InvalidParameterException',
      `Auth flow ${AuthFlow} is not supported here: USER_PASSWORD_AUTH or REFRESH_TOKEN_AUTH`,
    );
  needFlow(client, 'REFRESH_TOKEN_AUTH');
  const { REFRESH_TOKEN: token } = AuthParameters;
  if (!token) throw new AwsError('InvalidParameterException', 'Missing required parameter REFRESH_TOKEN');
  const userOf = (signIn: { readonly poolId: string; readonly username: string }): User => {
    const user = context.users.find(signIn.poolId, signIn.username);
    if (!user) return refuse('Invalid Refresh Token');
    return user.enabled ? user : refuse('User is disabled.');
  };
  return { ChallengeParameters: {}, AuthenticationResult: context.tokens.refresh(token, client, userOf) };
}

/** RespondToAuthChallenge to NEW_PASSWORD_REQUIRED: the session proves that the temporary password was given. */
export async function respondToAuthChallenge(
  context: Context,
  challenges: Challenges,
  input: {
    readonly ClientId: string;
    readonly ChallengeName: string;
    readonly Session: string;
    readonly ChallengeResponses: Readonly<Record<string, string>>;
  },
) {
  const client = context.pools.client(input.ClientId);
  if (input.ChallengeName !== 'NEW_PASSWORD_REQUIRED')
    throw new AwsError(
      'InvalidParameterException',
      `Challenge ${input.ChallengeName} is not supported here: NEW_PASSWORD_REQUIRED`,
    );
  const { USERNAME: name, NEW_PASSWORD: password } = input.ChallengeResponses;
  if (!name || !password)
    throw new AwsError('InvalidParameterException', 'Missing required parameter USERNAME or NEW_PASSWORD');
  const open = challenges.get(input.Session);
  const user = open && context.users.find(open.poolId, open.username);
  const named = context.lookUp(context.pools.pool(client.poolId), name);
  if (!open || !user || open.clientId !== client.id || named?.sub !== user.sub)
    return refuse('Invalid session for the user.');
  if (open.until <= Date.now()) refuse('Invalid session for the user, session is expired.');
  if (!user.enabled) refuse('User is disabled.');
  checkPassword(password, context.pools.pool(client.poolId).policy);
  challenges.delete(input.Session);
  const confirmed: User = {
    ...user,
    password: await hash(password),
    status: 'CONFIRMED',
    temporaryUntil: null,
    modifiedAt: Date.now(),
  };
  context.users.save(confirmed);
  return { ChallengeParameters: {}, AuthenticationResult: context.tokens.begin(confirmed, client) };
}

/** RevokeToken: access tokens of the sign-in live on until they end; the refresh token is done. */
export function revokeToken(
  context: Context,
  { ClientId, Token }: { readonly ClientId: string; readonly Token: string },
) {
  context.tokens.revoke(Token, context.pools.client(ClientId));
  return {};
}
