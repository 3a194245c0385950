/** Access and id tokens as Cognito makes them, and the documents that verify them. */
import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  randomUUID,
  sign,
  verify,
} from 'node:crypto';
import { AwsError } from '#local/types.ts';
import type { Client } from './pool.ts';
import type { SignIn, User, Users } from './users.ts';

/** What a sign-in answers (`AuthenticationResult`). */
export interface AuthenticationResult {
  readonly AccessToken: string;
  readonly IdToken: string;
  readonly RefreshToken?: string;
  readonly ExpiresIn: number;
  readonly TokenType: 'Bearer';
}

/** Makes and renews tokens for the pools of one issuer. */
export interface Tokens {
  /** Begins a sign-in: all three tokens. */
  begin(user: User, client: Client): AuthenticationResult;
  /** Access and id token of an existing sign-in. Throws `NotAuthorizedException` when the refresh token is unknown, revoked or too old. */
  refresh(refreshToken: string, client: Client, userOf: (signIn: SignIn) => User): AuthenticationResult;
  /** Ends a sign-in; unknown tokens are no error (RFC 7009). */
  revoke(token: string, client: Client): void;
  /** Whose access token this is. Throws `NotAuthorizedException` for one that is not ours or has ended. */
  read(accessToken: string, clientOf: (id: string) => Client): { readonly client: Client; readonly username: string };
  issuer(poolId: string): string;
  jwks(poolId: string): { readonly keys: readonly object[] };
}

const base64url = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
const claimsIn = (body: string): Record<string, unknown> | null => {
  try {
    return JSON.parse(Buffer.from(body, 'base64url').toString()) as Record<string, unknown> | null;
  } catch {
    return null;
  }
};
const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
const newKey = (): string =>
  generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;

/** `issuerBase` is where the pools' documents are served; the issuer is `<issuerBase>/<pool id>`. */
export function createTokens(users: Users, issuerBase: string): Tokens {
  const keys = new Map<string, { readonly key: KeyObject; readonly kid: string }>();
  const keyOf = (poolId: string) => {
    const known = keys.get(poolId);
    if (known) return known;
    const key = createPrivateKey(users.signingKey(poolId, newKey));
    const made = {
      key,
      kid: sha256(createPublicKey(key).export({ type: 'spki', format: 'pem' }) as string).slice(0, 16),
    };
    keys.set(poolId, made);
    return made;
  };
  const issuer = (poolId: string): string => `${issuerBase}/${poolId}`;
  const jwt = (poolId: string, claims: object): string => {
    const { key, kid } = keyOf(poolId);
    const signed = `${base64url({ kid, alg: 'RS256' })}.${base64url(claims)}`;
    return `${signed}.${sign('sha256', Buffer.from(signed), key).toString('base64url')}`;
  };
  const pair = (user: User, client: Client, it: Pick<SignIn, 'originJti' | 'authTime'>) => {
    const iat = Math.floor(Date.now() / 1000);
    const common = {
      sub: user.sub,
      iss: issuer(user.poolId),
      origin_jti: it.originJti,
      event_id: randomUUID(),
      auth_time: it.authTime,
      iat,
    };
    const { email, email_verified } = user.attributes;
    return {
      AccessToken: jwt(user.poolId, {
        ...common,
        client_id: client.id,
        token_use: 'access',
        scope: 'aws.cognito.signin.user.admin',
        exp: iat + client.accessSeconds,
        jti: randomUUID(),
        username: user.username,
      }),
      IdToken: jwt(user.poolId, {
        ...common,
        aud: client.id,
        token_use: 'id',
        exp: iat + client.idSeconds,
        jti: randomUUID(),
        'cognito:username': user.username,
        ...(email !== undefined && { email, email_verified: email_verified === 'true' }),
      }),
      ExpiresIn: client.accessSeconds,
      TokenType: 'Bearer' as const,
    };
  };
  const refuse = (message: string): never => {
    throw new AwsError('NotAuthorizedException', message);
  };
  return {
    issuer,
    begin(user, client) {
      const refreshToken = randomBytes(64).toString('base64url');
      const signIn: SignIn = {
        id: sha256(refreshToken),
        clientId: client.id,
        poolId: user.poolId,
        username: user.username,
        originJti: randomUUID(),
        authTime: Math.floor(Date.now() / 1000),
        until: Date.now() + client.refreshSeconds * 1000,
        revoked: false,
      };
      users.addSignIn(signIn);
      return { ...pair(user, client, signIn), RefreshToken: refreshToken };
    },
    refresh(refreshToken, client, userOf) {
      const signIn = users.signIn(sha256(refreshToken));
      if (signIn?.clientId !== client.id) return refuse('Invalid Refresh Token');
      if (signIn.revoked) refuse('Refresh Token has been revoked');
      if (signIn.until <= Date.now()) refuse('Refresh Token has expired');
      return pair(userOf(signIn), client, signIn);
    },
    revoke(token, client) {
      if (!client.revocation)
        throw new AwsError('UnsupportedOperationException', 'Token revocation is not enabled for this client');
      if (token.split('.').length === 3)
        throw new AwsError('UnsupportedTokenTypeException', 'Only a refresh token can be revoked');
      const signIn = users.signIn(sha256(token));
      if (signIn && signIn.clientId !== client.id)
        throw new AwsError('UnauthorizedException', 'The token is of another client');
      if (signIn) users.revoke(signIn.id);
    },
    read(accessToken, clientOf) {
      const [head = '', body = '', signature = ''] = accessToken.split('.');
      const claims = claimsIn(body);
      if (claims?.token_use !== 'access') return refuse('Invalid Access Token');
      const client = clientOf(String(claims.client_id));
      const key = createPublicKey(keyOf(client.poolId).key);
      if (!verify('sha256', Buffer.from(`${head}.${body}`), key, Buffer.from(signature, 'base64url')))
        refuse('Invalid Access Token');
      if (Number(claims.exp) * 1000 <= Date.now()) refuse('Access Token has expired');
      return { client, username: String(claims.username) };
    },
    jwks(poolId) {
      const { key, kid } = keyOf(poolId);
      return { keys: [{ ...createPublicKey(key).export({ format: 'jwk' }), kid, alg: 'RS256', use: 'sig' }] };
    },
  };
}
