/** Lambda: operations. */
import { readEnv } from '../lib/env.ts';
import { liveHttp } from '../lib/http/live.ts';
import { http } from '../lib/http.ts';
import { app } from './apps/operations.ts';

const env = readEnv('http/operations');

export const handler = http(app(liveHttp(env, 'operations')));
