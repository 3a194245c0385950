/** From a bearer token to a user: static tokens, service-account tokens, then the webhook. */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { unauthorized } from '../errors.ts';
import { certificateUser } from './client-certificate.ts';
import { ISSUER, type TokenSigner } from './service-account-tokens.ts';
import { ANONYMOUS, AUTHENTICATED, MASTERS, type User } from './user.ts';

export interface AuthenticateOptions {
  adminToken: string;
  components?: Record<string, { token: string; user: string; groups: string[] }>;
  /** URL that answers TokenReviews for tokens nobody here knows. */
  tokenWebhook?: string;
}

/** How long an answer of the webhook is believed. */
const WEBHOOK_CACHE_MS = 5_000;
const WEBHOOK_TIMEOUT_MS = 5_000;

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();

export interface Authenticated {
  user: User;
  /** Those of the asked ones that the token is meant for. */
  audiences: string[];
}

export type Authenticator = (token: string, audiences?: string[]) => Promise<Authenticated | undefined>;

export function authenticator(options: AuthenticateOptions, signer: TokenSigner): Authenticator {
  const fixed = [
    { hash: digest(options.adminToken), user: { name: 'kubernetes-admin', groups: [MASTERS] } },
    ...Object.values(options.components ?? {}).map(({ token, user, groups }) => ({
      hash: digest(token),
      user: { name: user, groups },
    })),
  ];
  const reviewed = new Map<string, { user: User; until: number }>();

  async function ask(url: string, token: string): Promise<User | undefined> {
    const key = digest(token).toString('hex');
    const known = reviewed.get(key);
    if (known && known.until > Date.now()) return known.user;
    reviewed.delete(key);
    try {
      const response = await fetch(url, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({
          apiVersion: 'authentication.k8s.io/v1',
          kind: 'TokenReview',
          metadata: {},
          spec: { token },
        }),
        signal: AbortSignal.timeout(WEBHOOK_TIMEOUT_MS),
      });
      const { status } = (await response.json()) as {
        status?: {
          authenticated?: boolean;
          user?: { username: string; uid?: string; groups?: string[]; extra?: Record<string, string[]> };
        };
      };
      if (!response.ok || status?.authenticated !== true || !status.user?.username) return undefined;
      const { username, uid, groups = [], extra } = status.user;
      const user: User = { name: username, groups, ...(uid && { uid }), ...(extra && { extra }) };
      for (const [old, { until }] of reviewed) if (until <= Date.now()) reviewed.delete(old);
      reviewed.set(key, { user, until: Date.now() + WEBHOOK_CACHE_MS });
      return user;
    } catch {
      // A webhook that does not answer says nothing about the token, which therefore nobody vouches for.
      return undefined;
    }
  }

  return async (token, audiences = [ISSUER]) => {
    const hash = digest(token);
    const own = signer.authenticate(token, audiences);
    if (own) return own;
    // Other tokens name no audience: they are meant for this server alone.
    if (!audiences.includes(ISSUER)) return undefined;
    const match = fixed.find((one) => timingSafeEqual(one.hash, hash));
    const user = match?.user ?? (options.tokenWebhook && (await ask(options.tokenWebhook, token)));
    return user ? { user, audiences: [ISSUER] } : undefined;
  };
}

const withGroup = (user: User): User =>
  user.groups.includes(AUTHENTICATED) ? user : { ...user, groups: [...user.groups, AUTHENTICATED] };

/**
 * The user behind a request: of its client certificate, else of its Authorization header. Throws 401 for a certificate of somebody else's or a token
 * that nobody knows; without either it is anonymous.
 */
export async function userOf(request: IncomingMessage, authenticate: Authenticator): Promise<User> {
  const header = request.headers.authorization;
  const certified = certificateUser(request);
  if (certified) return withGroup(certified);
  const token = /^Bearer\s+(\S+)\s*$/i.exec(header ?? '')?.[1];
  if (token === undefined) {
    if (header && /^Bearer\b/i.test(header)) throw unauthorized();
    return ANONYMOUS;
  }
  const found = await authenticate(token);
  if (!found) throw unauthorized();
  return withGroup(found.user);
}

export { withGroup };
