/** Lambda: the WebSocket API's three routes. */
import { liveDeps } from '../lib/deps.ts';
import { readEnv } from '../lib/env.ts';
import { seatLimitsOf } from '../lib/seat-limits.ts';
import { socket } from '../lib/socket.ts';
import { connect, disconnect } from './messages/connect.ts';
import { message } from './messages/message.ts';

const env = readEnv('socket/handler');
const deps = {
  ...liveDeps(env, 'socket'),
  deploymentId: env.DEPLOYMENT_ID,
  watched: { paceSeconds: env.PACE_WATCHED_SECONDS, staleAfterSeconds: env.STALE_WATCHED_SECONDS },
  seatLimits: seatLimitsOf(env),
  idle: { paceSeconds: env.PACE_IDLE_SECONDS, staleAfterSeconds: env.STALE_IDLE_SECONDS },
};

export const handler = socket(deps, { connect: connect(deps), disconnect: disconnect(deps), message: message(deps) });
