/** Lambda: Removes what outlived the cluster. */
import { liveDeps } from '../../lib/deps.ts';
import { readEnv } from '../../lib/env.ts';
import { liveLeftovers } from '../providers/live-leftovers.ts';
import { sweepLeftovers } from '../steps/delete.ts';

const env = readEnv('tasks/cluster-delete/sweep-leftovers');

export const handler = sweepLeftovers({
  ...liveDeps(env, 'cluster-delete-sweep-leftovers'),
  leftovers: liveLeftovers(),
});
