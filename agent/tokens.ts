/**
 * The agent's tokens in the Secret `roadstead-agent`, read and written through the API, never from the mount (which lags).
 * `install-token` is the installer's field; the others are ours. A new token is always written as `agent-token-next` before its hash
 * is sent anywhere, and becomes `agent-token` after the first connection with it, so a crash at any point loses neither the old nor the new.
 */
import { createHash, randomBytes } from 'node:crypto';
import type { Clock } from './clock.ts';
import { hasStatus, type Kubernetes } from './kubernetes/client.ts';

const NAME = 'roadstead-agent';
const MANAGER = 'roadstead-agent';

export interface Tokens {
  /** One use, 1 h, put there by whoever installed the agent. */
  readonly install?: string;
  readonly current?: string;
  readonly next?: string;
  /** SHA-256 of the install token that `next` was made to be traded for; absent when it was made by rotation. */
  readonly nextFor?: string;
  /** When `current` became current (wall clock). */
  readonly since?: Date;
}

export interface TokenStore {
  read(): Promise<Tokens>;
  /** Makes a token and writes it as the next one. */
  makeNext(forInstallToken?: string): Promise<string>;
  /** A connection with `token` was made: it is the current one from now on. */
  promote(token: string): Promise<void>;
}

export const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

const makeToken = () => `rsc_${randomBytes(32).toString('base64url')}`;

interface Secret {
  readonly data?: Readonly<Record<string, string>>;
}

export const tokenStore = (kubernetes: Kubernetes, namespace: string, clock: Clock): TokenStore => {
  const path = `/api/v1/namespaces/${namespace}/secrets/${NAME}`;

  /** `null` removes a key. */
  const patch = (values: Readonly<Record<string, string | null>>) =>
    kubernetes.request('PATCH', path, {
      query: { fieldManager: MANAGER },
      contentType: 'application/merge-patch+json',
      body: {
        data: Object.fromEntries(
          Object.entries(values).map(([key, value]) => [key, value && Buffer.from(value).toString('base64')]),
        ),
      },
    });

  return {
    read: async () => {
      const secret = await kubernetes.request<Secret>('GET', path).catch((error: unknown) => {
        if (!hasStatus(error, 404)) throw error;
        throw new Error(`the Secret ${namespace}/${NAME} does not exist: apply the install manifest again`);
      });
      const value = (key: string) => {
        const encoded = secret.data?.[key];
        return encoded ? Buffer.from(encoded, 'base64').toString('utf8') : undefined;
      };
      const since = new Date(value('agent-token-since') ?? Number.NaN);
      const entries = {
        install: value('install-token'),
        current: value('agent-token'),
        next: value('agent-token-next'),
        nextFor: value('agent-token-next-for'),
        since: Number.isNaN(since.getTime()) ? undefined : since,
      };
      return Object.fromEntries(Object.entries(entries).filter(([, entry]) => entry !== undefined)) as Tokens;
    },
    makeNext: async (forInstallToken) => {
      const token = makeToken();
      await patch({
        'agent-token-next': token,
        'agent-token-next-for': forInstallToken === undefined ? null : sha256(forInstallToken),
      });
      return token;
    },
    promote: async (token) => {
      await patch({
        'agent-token': token,
        'agent-token-since': clock.wall().toISOString(),
        'agent-token-next': null,
        'agent-token-next-for': null,
      });
    },
  };
};
