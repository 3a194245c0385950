/** The sweeper's duty for clusters: warn before the end of their life, end it, and notice agents that have gone silent. */
import { plus } from '#core/domain/clock.ts';
import { decideCluster } from '#core/domain/cluster.ts';
import type { ClusterState } from '#core/domain/cluster-state.ts';
import { heartbeatLost, isStale, type Lease } from '#core/domain/link.ts';
import { Stale } from '#core/store/commit.ts';
import type { Deps } from '../../lib/deps.ts';
import { doEach } from './chores.ts';

export interface ExpiryDeps extends Deps {
  readonly warningSeconds: number;
  readonly deleteDeadlineSeconds: number;
  readonly startGraceSeconds: number;
}

/** Seconds after its end from which a cluster that is still there is worth an alarm. */
const ALARM_SECONDS = 600;

/** Warnings and ends. Each is one conditional write on the item that was read: an extend that races it wins or loses cleanly (seed-systems §4.1 H1.3). */
export const sweepExpiries = async (deps: ExpiryDeps): Promise<void> => {
  const due = await deps.store.clusters.due<ClusterState>('cluster', plus(deps.now(), deps.warningSeconds));
  await doEach(
    deps,
    due.map(({ id }) => ({ id, act: () => warnOrEnd(deps, id) })),
  );
};

const warnOrEnd = async (deps: ExpiryDeps, id: string): Promise<void> => {
  const now = deps.now();
  const timings = { createDeadline: 0, deleteDeadline: deps.deleteDeadlineSeconds, startGrace: deps.startGraceSeconds };
  const subject = await deps.store.clusters.subject(id);
  const expiresAt = subject.cluster?.expiresAt;
  if (subject.cluster === null || expiresAt === undefined) return;
  const over = expiresAt <= now;
  // The sweep that first sees it ends it, so that only trouble lets it come here again (seed-systems §4.1 H1.5).
  if (plus(expiresAt, ALARM_SECONDS) <= now) deps.log.warn('an expired cluster is still there', { cluster: id });
  if (!over && subject.cluster.phase !== 'Ready') return;
  await unlessRaced(deps, id, async () => {
    const decision = decideCluster(subject, over ? { type: 'expire', timings } : { type: 'warn' }, {
      now,
      newId: deps.newId,
    });
    await deps.store.commit(decision, { now, newId: deps.newId });
  });
};

/** Leases that are due: a fresh one is looked at again when it could be stale, a stale one ends Connected once. */
export const sweepLeases = async (deps: Deps): Promise<void> => {
  const due = await deps.store.clusters.due<Lease & { readonly cluster: string }>('lease', deps.now());
  await doEach(
    deps,
    due.map(({ cluster }) => ({ id: cluster, act: () => lookAtLease(deps, cluster) })),
  );
};

const lookAtLease = async (deps: Deps, id: string): Promise<void> => {
  const now = deps.now();
  const { cluster, lease } = await deps.store.clusters.withLease(id);
  if (lease === null) return;
  if (cluster !== null && cluster.phase !== 'Deleted' && !isStale(lease, now))
    return deps.store.clusters.rearmLease(id, lease, plus(lease.lastSeenAt, lease.staleAfterSeconds + 1));
  await unlessRaced(deps, id, async () => {
    if (cluster !== null && cluster.phase !== 'Deleted')
      await deps.store.commit(heartbeatLost(cluster, lease, now), { now, newId: deps.newId });
    await deps.store.clusters.restLease(id, lease);
  });
};

/** Somebody was faster: the next sweep looks again. */
export const unlessRaced = async (deps: Deps, cluster: string, act: () => Promise<void>): Promise<void> => {
  try {
    await act();
  } catch (error) {
    if (!(error instanceof Stale)) throw error;
    deps.log.info('somebody else changed the cluster first', { cluster });
  }
};
