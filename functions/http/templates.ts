/** Lambda: templates. */
import { readEnv } from '../lib/env.ts';
import { liveHttp } from '../lib/http/live.ts';
import { http } from '../lib/http.ts';
import { app } from './apps/templates.ts';

const env = readEnv('http/templates');

export const handler = http(app(liveHttp(env, 'templates')));
