/** A cluster as it is answered and pushed: `Expired` and `Connected` are computed where they are read (DESIGN §1). */
import type { Cluster } from '../contract/cluster.ts';
import type { Condition } from '../contract/names.ts';
import type { ClusterChanged } from '../contract/socket.ts';
import { plus } from './clock.ts';
import { expired } from './cluster-expiry.ts';
import { costOf } from './cluster-origin.ts';
import { type ClusterState, isExpired } from './cluster-state.ts';
import { isTrue, withCondition } from './conditions.ts';
import { isStale, type Lease } from './link.ts';

/** The stored conditions with what the present adds: expiry, and silence longer than the lease. */
export const conditionsAt = (cluster: ClusterState, lease: Lease | null, now: string): Condition[] => {
  let conditions = [...cluster.conditions];
  if (isExpired(cluster, now) && cluster.expiresAt !== undefined)
    conditions = withCondition(conditions, expired(cluster), cluster.expiresAt);
  if (lease !== null && lease.link === cluster.agent?.link && isTrue(conditions, 'Connected') && isStale(lease, now)) {
    conditions = withCondition(
      conditions,
      {
        type: 'Connected',
        status: 'False',
        reason: 'HeartbeatLost',
        message: `Nothing was heard of the agent since ${lease.lastSeenAt}.`,
      },
      plus(lease.lastSeenAt, lease.staleAfterSeconds),
    );
  }
  return conditions;
};

const optional = <T extends object, K extends keyof T>(from: T, ...keys: readonly K[]): Partial<Pick<T, K>> =>
  Object.fromEntries(keys.filter((key) => from[key] !== undefined).map((key) => [key, from[key]])) as Partial<
    Pick<T, K>
  >;

/** What the API answers. */
export const toCluster = (cluster: ClusterState, lease: Lease | null, now: string): Cluster => ({
  id: cluster.id,
  name: cluster.name,
  team: cluster.team,
  provider: cluster.provider,
  phase: cluster.phase,
  conditions: conditionsAt(cluster, lease, now),
  kubernetesVersion: cluster.kubernetesVersion,
  workers: { ...cluster.workers },
  labels: { ...cluster.labels },
  takesWorkspaces: cluster.takesWorkspaces,
  isolation: cluster.isolation,
  options: { ...cluster.options },
  ttlSeconds: cluster.ttlSeconds,
  createdAt: cluster.createdAt,
  createdBy: cluster.createdBy,
  ...optional(
    cluster,
    'step',
    'expiresAt',
    'readyAt',
    'deletedAt',
    'operationId',
    'lastOperationId',
    'error',
    'endpoint',
    'info',
  ),
  ...(cluster.agent === undefined
    ? {}
    : {
        agent: {
          version: cluster.agent.version,
          kubernetesVersion: cluster.agent.kubernetesVersion,
          connectedAt: cluster.agent.connectedAt,
          ...(lease === null ? {} : { lastSeenAt: lease.lastSeenAt }),
        },
      }),
  estimatedUsdPerHour: costOf(cluster),
  ...(cluster.remains === undefined
    ? {}
    : { remains: { objects: [...cluster.remains], command: `kubectl delete ${cluster.remains.join(' ')}` } }),
  version: cluster.version,
  revision: cluster.revision,
});

/** What is pushed to people (≤ 4 KB). */
export const toClusterChanged = (cluster: ClusterState): ClusterChanged => ({
  type: 'cluster.changed',
  id: cluster.id,
  team: cluster.team,
  name: cluster.name,
  version: cluster.version,
  at: cluster.updatedAt,
  phase: cluster.phase,
  conditions: conditionsAt(cluster, null, cluster.updatedAt).map((each) => ({
    ...each,
    message: each.message.slice(0, 256),
  })),
  ...optional(cluster, 'step', 'expiresAt', 'operationId'),
  ...(cluster.phase === 'Deleted' ? { deleted: true as const } : {}),
});
