/** Lambda: Keeps the task token until the agent has done what was asked of a dev pod. */
import { liveDeps } from '../../lib/deps.ts';
import { readEnv } from '../../lib/env.ts';
import { awaitSeat } from '../steps/seat.ts';

const env = readEnv('tasks/seat/await');

export const handler = awaitSeat(liveDeps(env, 'seat-await'));
