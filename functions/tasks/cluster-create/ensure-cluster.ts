/** Lambda: Makes the cluster, or finds the one that an earlier try made. */
import { liveDeps } from '../../lib/deps.ts';
import { readEnv } from '../../lib/env.ts';
import { liveProviders } from '../providers/live.ts';
import { ensureCluster } from '../steps/create.ts';

const env = readEnv('tasks/cluster-create/ensure-cluster');

export const handler = ensureCluster({
  ...liveDeps(env, 'cluster-create-ensure-cluster'),
  providers: liveProviders(env),
});
