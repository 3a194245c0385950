/** The composition root: the only place that makes the clients every function has; what only some need they make beside it. */
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Logger } from '@aws-lambda-powertools/logger';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { typeid } from 'typeid-js';
import { createStore, type Store } from '#core/store/store.ts';
import { fips } from './fips.ts';

/** What every function is given. Plain values and functions, so that a test hands over its own. */
export interface Deps {
  readonly store: Store;
  /** The present, RFC 3339 with milliseconds. */
  readonly now: () => string;
  /** `clu` → `clu_01k…`: 26 lower-case characters, sortable by time. */
  readonly newId: (prefix: string) => string;
  /** A new 256-bit secret, base64url, without its kind's prefix. */
  readonly newSecret: () => string;
  readonly log: Pick<Logger, 'debug' | 'info' | 'warn' | 'error'>;
}

export const newId = (prefix: string): string => typeid(prefix).toString();

/** A new 256-bit secret in base64url. */
export const newSecret = (): string => randomBytes(32).toString('base64url');

export const liveDeps = (
  env: { readonly TABLE: string; readonly LOG_LEVEL: 'DEBUG' | 'INFO' | 'WARN' | 'ERROR' },
  service: string,
): Deps => ({
  store: createStore({
    client: new DynamoDBClient(fips('dynamodb')),
    name: env.TABLE,
    random: Math.random,
    sleep: (milliseconds) => sleep(milliseconds),
  }),
  now: () => new Date().toISOString(),
  newId,
  newSecret,
  log: new Logger({ serviceName: service, logLevel: env.LOG_LEVEL }),
});
