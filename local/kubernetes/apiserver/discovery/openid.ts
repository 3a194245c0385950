/** Who signs the tokens of service accounts, and with what: for those who check them without asking this server (OpenID Connect). */
import { ISSUER } from '../auth/service-account-tokens.ts';
import type { Answer, Call } from '../call.ts';

const CONFIGURATION = '/.well-known/openid-configuration';
const KEYS = '/openid/v1/jwks';
export const OPENID_PATHS = [CONFIGURATION, KEYS];

/** The answer for one of the paths; undefined for others. */
export function openId(call: Call, path: string): Answer | undefined {
  if (!OPENID_PATHS.includes(path)) return undefined;
  const { context, headers, response } = call;
  // The keys of a cluster do not change from one minute to the next.
  response.setHeader('cache-control', 'public, max-age=3600');
  if (path === KEYS) return { code: 200, text: JSON.stringify(context.signer.keys), type: 'application/jwk-set+json' };
  const configuration = {
    issuer: ISSUER,
    jwks_uri: `https://${headers.host ?? headers[':authority']}${KEYS}`,
    response_types_supported: ['id_token'],
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: context.signer.keys.keys.map(({ alg }) => alg),
  };
  return { code: 200, text: JSON.stringify(configuration), type: 'application/json' };
}
