/** Lambda: The cluster is Deleted. */
import { liveDeps } from '../../lib/deps.ts';
import { readEnv } from '../../lib/env.ts';
import { seatLimitsOf } from '../../lib/seat-limits.ts';
import { recordDeleted } from '../steps/record.ts';

const env = readEnv('tasks/cluster-delete/record-success');

export const handler = recordDeleted({
  ...liveDeps(env, 'cluster-delete-record-success'),
  limits: seatLimitsOf(env),
});
