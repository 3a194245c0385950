/** Lambda: secrets for dev pods. */
import { readEnv } from '../lib/env.ts';
import { liveSecretHttp } from '../lib/http/live.ts';
import { http } from '../lib/http.ts';
import { app } from './apps/secrets.ts';

const env = readEnv('http/secrets');

export const handler = http(app(liveSecretHttp(env, 'secrets')));
