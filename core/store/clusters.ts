/** Reads of clusters with their operations and leases; the awaited task tokens, which are no entities. */
import type { Role } from '../contract/account.ts';
import { AppError } from '../contract/errors.ts';
import { ClusterId } from '../contract/names.ts';
import type { MemberState } from '../domain/account.ts';
import { epochSeconds, plus } from '../domain/clock.ts';
import type { ClusterSubject } from '../domain/cluster-command.ts';
import type { ClusterState } from '../domain/cluster-state.ts';
import type { Awaited, Lease } from '../domain/link.ts';
import type { OperationState } from '../domain/operation.ts';
import type { SeatAwaited } from '../domain/workspace-command.ts';
import { asEntity, fromItem } from './items.ts';
import { type DueKind, due, keys, lists } from './keys.ts';
import { everything, onePage } from './pages.ts';
import type { Step, Table } from './table.ts';

/** A workflow's task token and what it waits for (DESIGN §3 task). */
export interface AwaitItem {
  readonly operation: string;
  readonly resource: OperationState['resource'];
  readonly awaited: Awaited | SeatAwaited;
  readonly taskToken: string;
}

/** A cluster and its lease, read together. */
export interface ClusterRead {
  readonly cluster: ClusterState | null;
  readonly lease: Lease | null;
}

/** The versions of Kubernetes that a provider offers, kept by the sweeper (DESIGN §4 EKS row). */
export interface ProviderVersions {
  readonly default: string;
  readonly offered: readonly string[];
  readonly refreshedAt: string;
}

/** Something of ours in a cloud that belongs to nothing, from when its end begins until nothing is left of it. */
export interface OrphanItem {
  readonly provider: string;
  /** Its infrastructure name. */
  readonly name: string;
  /** The cluster that it says it is of. */
  readonly clusterId: string | undefined;
  readonly since: string;
}

/** Nobody renewed the lease since. */
const asRead = ({ link, lastSeenAt }: Lease) => ({
  condition: 'link = :link AND lastSeenAt = :seen',
  values: { ':link': link, ':seen': lastSeenAt },
});

export const clustersIn = (table: Table) => {
  const cluster = async (id: string): Promise<ClusterState | null> =>
    asEntity<ClusterState>(await table.get(keys.cluster(id)));
  const operation = async (id: string): Promise<OperationState | null> =>
    asEntity<OperationState>(await table.get(keys.operation(id)));
  const lease = async (id: string): Promise<Lease | null> => asEntity<Lease>(await table.get(keys.lease(id)));
  const subjectOf = async (found: ClusterState | null): Promise<ClusterSubject> => {
    const named = found?.operationId ?? found?.lastOperationId;
    return { cluster: found, operation: named === undefined ? null : await operation(named) };
  };
  const withLease = async (id: string): Promise<ClusterRead> => {
    const [found, held] = await table.batchGet([keys.cluster(id), keys.lease(id)]);
    return { cluster: asEntity<ClusterState>(found), lease: asEntity<Lease>(held) };
  };

  /** In the order asked, null for what is not there. */
  const leases = async (ids: readonly string[]): Promise<(Lease | null)[]> =>
    (await table.batchGet(ids.map(keys.lease))).map((item) => asEntity<Lease>(item));

  return {
    cluster,
    operation,
    lease,
    leases,

    withLease,

    /** By id, or by name within a team; nulls when it is not there or not of that team. Deleted clusters are found by id only. */
    find: async (team: string, ref: string): Promise<ClusterRead> => {
      if (ref.startsWith('clu_')) return withLease(ref);
      const pointer = await table.get(keys.clusterName(team, ref));
      return pointer === null ? { cluster: null, lease: null } : withLease(String(pointer.cluster));
    },

    /** The cluster with its open or last operation: what decideCluster is given. */
    subject: async (id: string): Promise<ClusterSubject> => subjectOf(await cluster(id)),

    /** The same of a cluster that was read just now. */
    subjectOf,

    /** One page of a team's clusters, newest first, with their leases and the account's role in the team. Filters run over the page. */
    page: async (of: {
      team: string;
      account: string;
      limit: number;
      cursor: string | undefined;
      matches: (cluster: ClusterState) => boolean;
    }): Promise<{
      role: Role | null;
      items: { cluster: ClusterState; lease: Lease | null }[];
      nextCursor: string | undefined;
    }> => {
      const { items: kept, nextCursor } = await onePage<ClusterState>(
        table,
        { index: 'gsi1', pk: lists.clustersOf(of.team) },
        { ...of, keyOf: (id) => (ClusterId.safeParse(id).success ? keys.cluster(id) : null) },
      );
      const [member, ...held] = await table.batchGet([
        keys.member(of.team, of.account),
        ...kept.map(({ id }) => keys.lease(id)),
      ]);
      return {
        role: asEntity<MemberState>(member)?.role ?? null,
        items: kept.map((each, at) => ({ cluster: each, lease: asEntity<Lease>(held[at]) })),
        nextCursor,
      };
    },

    /** All clusters of a team that are not deleted, for pushes to their agents. */
    ofTeam: (team: string): Promise<ClusterState[]> =>
      everything<ClusterState>(table, { index: 'gsi1', pk: lists.clustersOf(team) }),

    /** Writes the lease; a late report of an older link changes nothing. `stale` is when the sweeper looks; it moves itself. */
    leaseStep: (id: string, held: Lease): Step => ({
      item: {
        Put: {
          TableName: table.name,
          Item: {
            ...keys.lease(id),
            entity: 'Lease',
            cluster: id,
            ...held,
            gsi2pk: due('lease'),
            gsi2sk: `${plus(held.lastSeenAt, held.staleAfterSeconds)}#${id}`,
          },
          ConditionExpression: 'attribute_not_exists(pk) OR link <= :link',
          ExpressionAttributeValues: { ':link': held.link },
        },
      },
      onFailed: () => new AppError('conflict', { detail: 'a newer link holds the lease' }),
    }),

    /** A heartbeat: touches neither the cluster nor an index. False when the link is not the current one. */
    touchLease: async (id: string, held: Lease): Promise<boolean> =>
      (await table.update(keys.lease(id), {
        expression: 'SET lastSeenAt = :at, paceSeconds = :pace, staleAfterSeconds = :stale',
        values: {
          ':at': held.lastSeenAt,
          ':pace': held.paceSeconds,
          ':stale': held.staleAfterSeconds,
          ':link': held.link,
        },
        condition: 'link = :link',
      })) !== null,

    /** The sweeper looks at this lease again at `at`, unless the agent was heard since it was read: then what that wrote stays. */
    rearmLease: async (id: string, read: Lease, at: string): Promise<void> => {
      const { condition, values } = asRead(read);
      await table.update(keys.lease(id), {
        expression: 'SET gsi2sk = :sk, gsi2pk = :pk',
        values: { ...values, ':sk': `${at}#${id}`, ':pk': due('lease') },
        condition,
      });
    },

    /** The sweeper need not look at this lease until it is renewed by a new hello; one that came since it was read is such. */
    restLease: async (id: string, read: Lease): Promise<void> => {
      await table.update(keys.lease(id), { expression: 'REMOVE gsi2pk, gsi2sk', ...asRead(read) });
    },

    /** The next link number of a cluster: an atomic add. */
    nextLink: async (id: string): Promise<number> =>
      Number(
        (
          await table.update(keys.link(id), {
            expression: 'ADD #number :one SET entity = :entity',
            names: { '#number': 'number' },
            values: { ':one': 1, ':entity': 'Link' },
          })
        )?.number,
      ),

    /** The sweeper looks at this operation again at `at`; no version moves. */
    rearmOperation: async (id: string, at: string): Promise<void> => {
      await table.update(keys.operation(id), {
        expression: 'SET gsi2sk = :sk',
        values: { ':sk': `${at}#${id}`, ':open': due('operation') },
        condition: 'gsi2pk = :open',
      });
    },

    /** Keeps a task token while a workflow waits; a retry of the task replaces it. */
    putAwait: async (item: AwaitItem, now: string): Promise<void> => {
      await table.put({
        ...keys.await(item.operation),
        entity: 'Await',
        ...item,
        createdAt: now,
        gsi2pk: due('await'),
        gsi2sk: `${now}#${item.operation}`,
        ttl: epochSeconds(plus(now, 86_400 * 2)),
      });
    },

    await: async (operationId: string): Promise<AwaitItem | null> =>
      asEntity<AwaitItem>(await table.get(keys.await(operationId))),

    /** The wait is over: removes this very token, not a newer one. */
    endAwait: async (item: AwaitItem): Promise<void> => {
      await table.remove(keys.await(item.operation), {
        expression: 'taskToken = :token',
        values: { ':token': item.taskToken },
      });
    },

    /** What is due up to `now` in one kind, oldest first; at most one page. */
    due: async <E>(kind: DueKind, upTo: string): Promise<E[]> => {
      const { items } = await table.query({ index: 'gsi2', pk: due(kind), upTo: `${upTo}#\uFFFF`, limit: 100 });
      return items.map((item) => fromItem<E>(item));
    },

    /** Every cluster that is not deleted, of all teams: for administration. */
    all: async (): Promise<ClusterState[]> =>
      (await table.scan('Cluster'))
        .map((item) => fromItem<ClusterState>(item))
        .filter(({ phase }) => phase !== 'Deleted'),

    versions: async (provider: string): Promise<ProviderVersions | null> =>
      asEntity<ProviderVersions>(await table.get(keys.versions(provider))),
    putVersions: async (provider: string, versions: ProviderVersions): Promise<void> => {
      await table.put({ ...keys.versions(provider), entity: 'Versions', ...versions });
    },

    /** Every cluster that has an end, of all teams: all that are Ready and ours, and those that failed. */
    ending: (): Promise<ClusterState[]> => everything<ClusterState>(table, { index: 'gsi2', pk: due('cluster') }),

    putOrphan: async (orphan: OrphanItem): Promise<void> => {
      await table.put({
        ...keys.orphan(orphan.name),
        entity: 'Orphan',
        ...orphan,
        gsi2pk: due('orphan'),
        gsi2sk: `${orphan.since}#${orphan.name}`,
      });
    },
    forgetOrphan: async (name: string): Promise<void> => {
      await table.remove(keys.orphan(name));
    },

    /** How many clusters and vCPUs the deployment holds, and whether creates are stopped. */
    deployment: async (): Promise<{ clusters: number; vcpu: number; createsStopped: boolean }> => {
      const item = await table.get(keys.deploymentQuota());
      return {
        clusters: Number(item?.clusterCount ?? 0),
        vcpu: Number(item?.vcpuCount ?? 0),
        createsStopped: item?.createsStopped === true,
      };
    },
    /** The switch that stops creates (DESIGN §4 watching). */
    stopCreates: async (stopped: boolean): Promise<void> => {
      await table.update(keys.deploymentQuota(), {
        expression: 'SET createsStopped = :stopped, entity = :entity',
        values: { ':stopped': stopped, ':entity': 'Quota' },
      });
    },
  };
};
