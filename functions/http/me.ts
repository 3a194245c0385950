/** Lambda: who one is, socket tickets. */
import { readEnv } from '../lib/env.ts';
import { liveSecretHttp } from '../lib/http/live.ts';
import { http } from '../lib/http.ts';
import { app } from './apps/me.ts';

const env = readEnv('http/me');

export const handler = http(app({ ...liveSecretHttp(env, 'me'), socketUrl: env.SOCKET_URL }));
