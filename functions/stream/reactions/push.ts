/** Stream consumer `push`: what changed goes to the sockets of people and agents (DESIGN §2). At most once is enough: clients resync by version. */
import type { ClusterState } from '#core/domain/cluster-state.ts';
import { toClusterChanged } from '#core/domain/cluster-view.ts';
import { isTrue } from '#core/domain/conditions.ts';
import type { Change } from '#core/store/change.ts';
import type { Signout } from '#core/store/people.ts';
import { announce, each, type PushDeps, tell } from './post.ts';
import { credentialAsked, groupChanged, workspaceChanged } from './push-seats.ts';

/** What is done about one change. */
export const push =
  (deps: PushDeps) =>
  async (change: Change): Promise<void> => {
    switch (change.entity) {
      case 'Cluster':
        return change.after === null ? undefined : clusterChanged(deps, change.before, change.after);
      case 'Workspace':
        return change.after === null ? undefined : workspaceChanged(deps, change.before, change.after);
      case 'Group':
        return change.after === null ? undefined : groupChanged(deps, change.before, change.after);
      case 'CredentialRequest':
        return change.before === null && change.after !== null ? credentialAsked(deps, change.after) : undefined;
      case 'Token':
        return change.after?.revokedAt !== undefined && change.before?.revokedAt === undefined
          ? closeTokens(deps, change.after.cluster, change.after.hash)
          : undefined;
      case 'Signout':
        return change.after === null ? undefined : closeSockets(deps, change.after);
      case 'Subscription':
        return change.after !== null && change.before === null ? quicken(deps, change.after.team) : undefined;
      default:
        return undefined;
    }
  };

const clusterChanged = async (deps: PushDeps, before: ClusterState | null, after: ClusterState): Promise<void> => {
  if (before !== null && before.version >= after.version) return;
  await announce(deps, after.team, toClusterChanged(after));

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

/** A socket does not outlive its session (ADR 40). */
const closeSockets = async (deps: PushDeps, { account, session }: Signout): Promise<void> =>
  each(await deps.store.connections.ofAccount(account, session), deps.connections.disconnect);

/** Somebody began to watch: the agents of the team go to the watched pace; those whose last answer said so keep it already. */
const quicken = async (deps: PushDeps, team: string): Promise<void> => {
  const connected = (await deps.store.clusters.ofTeam(team)).filter(
    (cluster) => cluster.agent !== undefined && isTrue(cluster.conditions, 'Connected'),
  );
  const leases = await deps.store.clusters.leases(connected.map(({ id }) => id));
  const slower = connected.filter(({ agent }, at) => {
    const lease = leases[at];
    return lease?.link !== agent?.link || (lease?.paceSeconds ?? Number.POSITIVE_INFINITY) > deps.watched.paceSeconds;
  });
  await each(slower, (cluster) =>
    tell(deps, (cluster.agent as { connectionId: string }).connectionId, 'pace', deps.watched, cluster.id),
  );
};
