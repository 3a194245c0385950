/** Lambda: groups of dev pods. */
import { readEnv } from '../lib/env.ts';
import { liveHttp } from '../lib/http/live.ts';
import { http } from '../lib/http.ts';
import { app } from './apps/groups.ts';

const env = readEnv('http/groups');

export const handler = http(app(liveHttp(env, 'groups')));
