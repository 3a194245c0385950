/** Lambda: Keeps the task token until the agent says hello. */
import { liveDeps } from '../../lib/deps.ts';
import { readEnv } from '../../lib/env.ts';
import { awaitAgent } from '../steps/await.ts';

const env = readEnv('tasks/cluster-create/await-agent');

export const handler = awaitAgent(liveDeps(env, 'cluster-create-await-agent'));
