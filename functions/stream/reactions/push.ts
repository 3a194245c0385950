/** Stream consumer `push`: what changed goes to the sockets of people and agents (DESIGN §2). At most once is enough: clients resync by version. */
import { PROTOCOL } from '#core/contract/agent.ts';
import type { ClusterState } from '#core/domain/cluster-state.ts';
import { toClusterChanged } from '#core/domain/cluster-view.ts';
import { isTrue } from '#core/domain/conditions.ts';
import type { Change } from '#core/store/change.ts';
import type { Connections } from '../../lib/connections.ts';
import type { Deps } from '../../lib/deps.ts';

export interface PushDeps extends Deps {
  readonly connections: Connections;
  /** The pace of heartbeats while somebody watches. */
  readonly watched: { readonly paceSeconds: number; readonly staleAfterSeconds: number };
}

/** What is done about one change. */
export const push =
  (deps: PushDeps) =>
  async (change: Change): Promise<void> => {
    switch (change.entity) {
      case 'Cluster':
        return change.after === null ? undefined : clusterChanged(deps, change.before, change.after);
      case 'Token':
        return change.after?.revokedAt !== undefined && change.before?.revokedAt === undefined
          ? closeTokens(deps, change.after.cluster, change.after.hash)
          : undefined;
      case 'Subscription':
        return change.after !== null && change.before === null ? quicken(deps, change.after.team) : undefined;
      default:
        return undefined;
    }
  };

const clusterChanged = async (deps: PushDeps, before: ClusterState | null, after: ClusterState): Promise<void> => {
  if (before !== null && before.version >= after.version) return;
  const message = toClusterChanged(after);
  const listeners = await deps.store.connections.listeners(after.team);
  await each(listeners, (connection) =>
    postTo(deps, connection, message, () => deps.store.connections.dropListener(after.team, connection)),
  );

  const old = before?.agent;
  if (old !== undefined && old.connectionId !== after.agent?.connectionId)
    await deps.connections.disconnect(old.connectionId);
  if (after.drain !== undefined && before?.drain === undefined && after.agent !== undefined)
    await tell(deps, after.agent.connectionId, 'cluster.drain', {}, after.id);
  if (after.phase === 'Deleted')
    await each(
      (await deps.store.connections.ofCluster(after.id)).map((connection) => connection.id),
      deps.connections.disconnect,
    );
};

/** Revocation closes sockets (seed-systems §4.0 H1.3). */
const closeTokens = async (deps: PushDeps, cluster: string, hash: string): Promise<void> => {
  const connections = (await deps.store.connections.ofCluster(cluster)).filter(
    (connection) => connection.tokenHash === hash,
  );
  await each(
    connections.map((connection) => connection.id),
    deps.connections.disconnect,
  );
};

/** Somebody began to watch: the agents of the team go to the watched pace. */
const quicken = async (deps: PushDeps, team: string): Promise<void> => {
  const connected = (await deps.store.clusters.ofTeam(team)).filter(
    (cluster) => cluster.agent !== undefined && isTrue(cluster.conditions, 'Connected'),
  );
  await each(connected, (cluster) =>
    tell(deps, (cluster.agent as { connectionId: string }).connectionId, 'pace', deps.watched, cluster.id),
  );
};

/** A message to an agent. */
const tell = (
  deps: PushDeps,
  connection: string,
  type: 'pace' | 'cluster.drain',
  payload: object,
  id: string,
): Promise<void> => postTo(deps, connection, { v: PROTOCOL, type, id, payload }, async () => {});

/** One socket's trouble is its own: a gone one is forgotten, another failure is logged. */
const postTo = async (
  deps: PushDeps,
  connection: string,
  message: unknown,
  gone: () => Promise<void>,
): Promise<void> => {
  try {
    if (await deps.connections.post(connection, message)) return;
    await deps.store.connections.close(connection);
    await gone();
  } catch (error) {
    deps.log.warn('a push failed', { connection, error: error as Error });
  }
};

/** At a time, so that many watchers do not wait for each other. */
const AT_ONCE = 50;

const each = async <T>(all: readonly T[], act: (one: T) => Promise<void>): Promise<void> => {
  const rest = [...all];
  const worker = async () => {
    for (let next = rest.shift(); next !== undefined; next = rest.shift()) await act(next);
  };
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, all.length) }, worker));
};
