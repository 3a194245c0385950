/** Lambda: dev pods. */
import { readEnv } from '../lib/env.ts';
import { liveHttp } from '../lib/http/live.ts';
import { http } from '../lib/http.ts';
import { seatLimitsOf, seatTimingsOf } from '../lib/seat-limits.ts';
import { app } from './apps/workspaces.ts';

const env = readEnv('http/workspaces');

export const handler = http(
  app({ ...liveHttp(env, 'workspaces'), limits: seatLimitsOf(env), timings: seatTimingsOf(env) }),
);
