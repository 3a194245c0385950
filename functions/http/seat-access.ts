/** Lambda: credentials for seats. */
import { setTimeout as sleep } from 'node:timers/promises';
import { readEnv } from '../lib/env.ts';
import { liveSecretHttp } from '../lib/http/live.ts';
import { http } from '../lib/http.ts';
import { app } from './apps/seat-access.ts';

const env = readEnv('http/seat-access');

export const handler = http(
  app({
    ...liveSecretHttp(env, 'seat-access'),
    sleep: (milliseconds) => sleep(milliseconds),
    apiUrl: env.API_URL,
    patience: 20_000,
  }),
);
