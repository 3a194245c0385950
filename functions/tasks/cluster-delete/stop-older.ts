/** Lambda: Stops the execution of the operation that the delete superseded. */
import { liveDeps } from '../../lib/deps.ts';
import { readEnv } from '../../lib/env.ts';
import { liveWorkflows } from '../../lib/workflows.ts';
import { liveProviders } from '../providers/live.ts';
import { stopOlder } from '../steps/delete.ts';

const env = readEnv('tasks/cluster-delete/stop-older');

export const handler = stopOlder({
  ...liveDeps(env, 'cluster-delete-stop-older'),
  providers: liveProviders(env),
  workflows: liveWorkflows(env),
});
