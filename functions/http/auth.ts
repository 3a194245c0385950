/** Lambda: signing up, in and out. */
import { readEnv } from '../lib/env.ts';
import { liveHttp } from '../lib/http/live.ts';
import { http } from '../lib/http.ts';
import { createIdentity } from '../lib/identity.ts';
import { app } from './apps/auth.ts';

const env = readEnv('http/auth');

export const handler = http(
  app({
    ...liveHttp(env, 'auth'),
    identity: createIdentity({ pool: env.USER_POOL_ID, clientId: env.USER_POOL_CLIENT_ID }),
    registration: env.REGISTRATION,
  }),
);
