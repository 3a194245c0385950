/** Lambda: One step of the cluster's removal. */
import { liveDeps } from '../../lib/deps.ts';
import { readEnv } from '../../lib/env.ts';
import { liveProviders } from '../providers/live.ts';
import { deleteCluster } from '../steps/delete.ts';

const env = readEnv('tasks/cluster-delete/delete-cluster');

export const handler = deleteCluster({
  ...liveDeps(env, 'cluster-delete-delete-cluster'),
  providers: liveProviders(env),
});
