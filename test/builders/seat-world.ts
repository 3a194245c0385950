/** Clusters that take dev pods and dev pods on them, as decisions committed to a real table. */
import type { Role } from '#core/contract/account.ts';
import type { ClusterInfo, NewCluster } from '#core/contract/cluster.ts';
import type { SeatSpec } from '#core/contract/seat.ts';
import type { MemberState } from '#core/domain/account.ts';
import type { ClusterState } from '#core/domain/cluster-state.ts';
import { write } from '#core/domain/decision.ts';
import { connect } from '#core/domain/link.ts';
import type { AgentTokenState } from '#core/domain/token.ts';
import { decideWorkspace } from '#core/domain/workspace.ts';
import type { WorkspaceCommand, WorkspaceDecision } from '#core/domain/workspace-command.ts';
import { untilFresh } from '#core/store/commit.ts';
import { sha256 } from '#core/store/keys.ts';
import { clusterInfo, seatCreate, seatSpec } from './seats.ts';
import type { World } from './world.ts';

interface Owner {
  readonly id: string;
  readonly team: string;
}

/** Makes a person one of a team. */
export const joinTeam = async (world: World, account: string, team: string, role: Role): Promise<void> => {
  const next: MemberState = {
    entity: 'Member',
    id: `${team}/${account}`,
    version: 1,
    team,
    account,
    role,
    createdAt: world.now(),
  };
  const at = { now: world.now(), newId: world.newId };
  await world.store.commit({ writes: [write<MemberState>(null, next)], claims: [], audit: [] }, at);
};

let made = 0;

/** A Ready cluster that takes dev pods, its agent connected over `connection` with `token`; `info` is what the agent has said. */
export const connectedCluster = async (
  world: World,
  by: Owner,
  change: Partial<NewCluster> = {},
  info: ClusterInfo = clusterInfo(),
): Promise<{ readonly cluster: ClusterState; readonly token: string; readonly connection: string }> => {
  const n = ++made;
  const now = world.now();
  const at = { now, newId: world.newId };
  const { next: ready } = await world.readyCluster(by, {
    name: `harbour-${n}`,
    takesWorkspaces: true,
    ttlSeconds: 172_800,
    options: { compute: 'managed' },
    ...change,
  });
  const secret = `rsc_${world.newSecret()}`;
  const token: AgentTokenState = {
    entity: 'Token',
    id: world.newId('tok'),
    version: 1,
    hash: sha256(secret),
    kind: 'agent',
    cluster: ready.id,
    team: by.team,
    createdAt: now,
    createdBy: 'system',
  };
  await world.store.commit({ writes: [write<AgentTokenState>(null, token)], claims: [], audit: [] }, at);
  const connection = `agent-${n}`;
  const hello = {
    protocol: { min: 1, max: 1 },
    agentVersion: '1',
    kubernetesVersion: 'v1.35',
    capabilities: [],
    clusterUid: `uid-${ready.id}`,
    podUid: 'pod',
  };
  const decided = connect(
    { ...ready, certificateAuthority: 'Q0E=', info },
    { link: 1, connectionId: connection, hello, token, replaced: null },
    now,
  );
  await world.store.commit(decided, at, [
    world.store.clusters.leaseStep(ready.id, { link: 1, lastSeenAt: now, paceSeconds: 300, staleAfterSeconds: 720 }),
  ]);
  await world.store.connections.open({
    id: connection,
    kind: 'agent',
    cluster: ready.id,
    tokenHash: token.hash,
    tokenKind: 'agent',
    link: 1,
    connectedAt: now,
  });
  return { cluster: decided.next, token: secret, connection };
};

/** The same, where only the cluster is of interest. */
export const harbour = async (...given: Parameters<typeof connectedCluster>): Promise<ClusterState> =>
  (await connectedCluster(...given)).cluster;

/** Dev pods of one world, decided without the API. */
export const seatsIn = (world: World) => {
  let seats = 0;
  const at = () => ({ now: world.now(), newId: world.newId });
  const decideSeat = (id: string | null, command: WorkspaceCommand): Promise<WorkspaceDecision> =>
    untilFresh(async () => {
      const subject = id === null ? { workspace: null, operation: null } : await world.store.workspaces.subject(id);
      const decision = decideWorkspace(subject, command, at());
      await world.store.commit(decision, at());
      return decision;
    });
  return {
    decideSeat,

    /** A dev pod on a cluster. */
    seat: (by: Owner, cluster: string, change: Partial<SeatSpec> = {}): Promise<WorkspaceDecision> =>
      decideSeat(
        null,
        seatCreate({
          actor: `account:${by.id}`,
          account: by.id,
          team: by.team,
          name: `pod-${++seats}`,
          cluster,
          spec: seatSpec({ owner: by.id, ...change }),
        }),
      ),
  };
};
