/** Lambda: Looks whether the cluster is active. */
import { liveDeps } from '../../lib/deps.ts';
import { readEnv } from '../../lib/env.ts';
import { liveProviders } from '../providers/live.ts';
import { observeCluster } from '../steps/create.ts';

const env = readEnv('tasks/cluster-create/observe-cluster');

export const handler = observeCluster({
  ...liveDeps(env, 'cluster-create-observe-cluster'),
  providers: liveProviders(env),
  activeDeadlineSeconds: env.ACTIVE_DEADLINE_SECONDS,
});
