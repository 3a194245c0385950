/** Lambda: Writes why an operation failed. */
import { liveDeps } from '../lib/deps.ts';
import { readEnv } from '../lib/env.ts';
import { recordFailure } from './steps/record.ts';

const env = readEnv('tasks/record-failure');

export const handler = recordFailure(liveDeps(env, 'record-failure'));
