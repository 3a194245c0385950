/** Lambda: Ends an operation of a dev pod. */
import { liveDeps } from '../../lib/deps.ts';
import { readEnv } from '../../lib/env.ts';
import { recordSeatSuccess } from '../steps/seat.ts';

const env = readEnv('tasks/seat/record-success');

export const handler = recordSeatSuccess(liveDeps(env, 'seat-record-success'));
