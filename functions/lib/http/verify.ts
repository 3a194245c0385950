/** Checks access tokens offline: signature, issuer, client, use and time (DESIGN §4 identity; aws.md finding 29). */
import { JwtVerifier } from 'aws-jwt-verify';
import { JwtBaseError } from 'aws-jwt-verify/error';
import { SimpleJwksCache } from 'aws-jwt-verify/jwk';
import { AppError } from '#core/contract/errors.ts';
import type { Verify } from './call.ts';

/** The keys' address may be plain http on one's own machine, which the library's own fetcher refuses. */
const fetcher = {
  fetch: async (uri: string): Promise<ArrayBuffer> => {
    const response = await fetch(uri, { signal: AbortSignal.timeout(3000) });
    if (!response.ok) throw new Error(`${uri} answered ${response.status}`);
    return response.arrayBuffer();
  },
};

/** `issuer` is the pool's, `client` the id of its one client. */
export const verifier = (of: {
  readonly ISSUER: string;
  readonly JWKS_URI: string;
  readonly USER_POOL_CLIENT_ID: string;
}): Verify => {
  const jwt = JwtVerifier.create(
    {
      issuer: of.ISSUER,
      jwksUri: of.JWKS_URI,
      // Access tokens of Cognito have no audience but a client id.
      audience: null,
      customJwtCheck: ({ payload }) => {
        if (payload.token_use !== 'access')
          throw new AppError('auth.invalid_token', { detail: 'this is not an access token' });
        if (payload.client_id !== of.USER_POOL_CLIENT_ID)
          throw new AppError('auth.invalid_token', { detail: 'the token was made for another client' });
      },
    },
    { jwksCache: new SimpleJwksCache({ fetcher }) },
  );
  return async (token) => {
    try {
      const { username, origin_jti: session, auth_time: began } = await jwt.verify(token);
      if (typeof username !== 'string') throw new AppError('auth.invalid_token', { detail: 'the token names nobody' });
      return {
        account: username,
        session: typeof session === 'string' ? session : undefined,
        began: typeof began === 'number' ? began : undefined,
      };
    } catch (error) {
      // Only what the library says about the token is the caller's fault; keys that cannot be had are ours.
      if (error instanceof JwtBaseError)
        throw new AppError('auth.invalid_token', { detail: 'it is expired, or not one of ours' });
      throw error;
    }
  };
};
