/** Lambda: Looks whether the cluster is gone. */
import { liveDeps } from '../../lib/deps.ts';
import { readEnv } from '../../lib/env.ts';
import { liveProviders } from '../providers/live.ts';
import { observeDeleted } from '../steps/delete.ts';

const env = readEnv('tasks/cluster-delete/observe-deleted');

export const handler = observeDeleted({
  ...liveDeps(env, 'cluster-delete-observe-deleted'),
  providers: liveProviders(env),
});
