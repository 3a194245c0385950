/** Lambda: what agents fetch and post. */
import { liveDeps } from '../lib/deps.ts';
import { readEnv } from '../lib/env.ts';
import { checkReplies } from '../lib/http/live.ts';
import { http } from '../lib/http.ts';
import { liveSealing } from '../lib/sealing.ts';
import { app } from './apps/seat-agent.ts';

const env = readEnv('http/seat-agent');

export const handler = http(
  app({ ...liveDeps(env, 'seat-agent'), sealing: liveSealing(env.KEY_ARN), checkReplies: checkReplies() }),
);
