/** Lambda: Nodes and a default StorageClass. */
import { liveDeps } from '../../lib/deps.ts';
import { readEnv } from '../../lib/env.ts';
import { connectKubernetes } from '../lib/kubernetes.ts';
import { liveProviders } from '../providers/live.ts';
import { ensureCompute } from '../steps/create.ts';

const env = readEnv('tasks/cluster-create/ensure-compute');

export const handler = ensureCompute({
  ...liveDeps(env, 'cluster-create-ensure-compute'),
  providers: liveProviders(env),
  connect: connectKubernetes,
});
