/** Lambda: Asks the agent to empty the cluster and keeps the task token until it has. */
import { liveDeps } from '../../lib/deps.ts';
import { readEnv } from '../../lib/env.ts';
import { drain } from '../steps/await.ts';

const env = readEnv('tasks/cluster-delete/drain');

export const handler = drain(liveDeps(env, 'cluster-delete-drain'));
