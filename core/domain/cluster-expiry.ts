/** A cluster whose time is over: when the system deletes it, and what is said of it until it is gone. */
import type { Condition } from '../contract/names.ts';
import { plus } from './clock.ts';
import { type ClusterState, isExpired } from './cluster-state.ts';

/** Seconds from a failed delete of an expired cluster to the next one: at first, and at most. */
const WAIT = { first: 120, longest: 3600 } as const;

/**
 * When the delete that has just failed is tried again; undefined while the cluster's time is not over. It waits as long again as the end is past:
 * so the waits double, also when the deletes themselves take long, and no failures have to be counted.
 */
export const deleteAgainAt = ({ expiresAt }: Pick<ClusterState, 'expiresAt'>, now: string): string | undefined => {
  if (expiresAt === undefined || expiresAt > now) return undefined;
  const past = (Date.parse(now) - Date.parse(expiresAt)) / 1000;
  return plus(now, Math.min(Math.max(past, WAIT.first), WAIT.longest));
};

/** When the sweeper looks at it next for its end; undefined where there is none, or a delete is under way. */
export const endsAt = ({ phase, expiresAt, deleteAgainAt: again }: ClusterState): string | undefined =>
  phase === 'Ready' || phase === 'Failed' ? (again ?? expiresAt) : undefined;

/** True when the system deletes it now. */
export const isToEnd = (cluster: ClusterState, now: string): boolean =>
  isExpired(cluster, now) && (cluster.deleteAgainAt ?? now) <= now;

/** The condition of a cluster that `isExpired`. */
export const expired = ({
  expiresAt,
  deleteAgainAt: again,
}: Pick<ClusterState, 'expiresAt' | 'deleteAgainAt'>): Omit<Condition, 'lastTransitionTime'> => ({
  type: 'Expired',
  status: 'True',
  reason: 'TimeToLive',
  message: `The cluster expired at ${expiresAt}.${again === undefined ? '' : ` Its delete failed and is tried again at ${again}; delete it to try at once.`}`,
});
