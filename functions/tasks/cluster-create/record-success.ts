/** Lambda: The cluster is Ready. */
import { liveDeps } from '../../lib/deps.ts';
import { readEnv } from '../../lib/env.ts';
import { recordCreated } from '../steps/record.ts';

const env = readEnv('tasks/cluster-create/record-success');

export const handler = recordCreated(liveDeps(env, 'cluster-create-record-success'));
