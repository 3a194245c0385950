/** Lambda: the stream consumer that pushes changes to sockets. */
import { liveConnections } from '../lib/connections.ts';
import { liveDeps } from '../lib/deps.ts';
import { readEnv } from '../lib/env.ts';
import { stream } from '../lib/stream.ts';
import { push } from './reactions/push.ts';

const env = readEnv('stream/push');
const deps = {
  ...liveDeps(env, 'push'),
  connections: liveConnections(env.CALLBACK_URL),
  watched: { paceSeconds: env.PACE_WATCHED_SECONDS, staleAfterSeconds: env.STALE_WATCHED_SECONDS },
};

export const handler = stream(deps, push(deps));
