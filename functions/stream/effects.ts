/** Lambda: the stream consumer that starts and signals workflows. */
import { liveDeps } from '../lib/deps.ts';
import { readEnv } from '../lib/env.ts';
import { seatLimitsOf, seatTimingsOf } from '../lib/seat-limits.ts';
import { stream } from '../lib/stream.ts';
import { liveWorkflows } from '../lib/workflows.ts';
import { effects } from './reactions/effects.ts';

const env = readEnv('stream/effects');
const deps = {
  ...liveDeps(env, 'effects'),
  ...liveWorkflows(env),
  limits: seatLimitsOf(env),
  timings: seatTimingsOf(env),
};

export const handler = stream(deps, effects(deps));
