/** Clusters that take dev pods and dev pods on them, as decisions committed to a real table. */
import type { SeatStatus } from '#core/contract/seat.ts';
import type { MemberState } from '#core/domain/account.ts';
import { connect } from '#core/domain/link.ts';
import { decideWorkspace } from '#core/domain/workspace.ts';
import type { WorkspaceCommand, WorkspaceDecision } from '#core/domain/workspace-command.ts';
import { untilFresh } from '#core/store/commit.ts';
import { sha256 } from '#core/store/keys.ts';
import { SEAT_LIMITS, SEAT_TIMINGS, type World } from './world.ts';

type Owner = { readonly id: string; readonly team: string };
type Create = Extract<WorkspaceCommand, { type: 'create' }>;

/** A seat's spec with everything filled in. */
export const seatSpec = (owner: string, change: Partial<Create['spec']> = {}): Create['spec'] => ({
  origin: 'ControlPlane',
  owner,
  runState: 'Running',
  restarts: 0,
  idleTimeoutSeconds: 3600,
  template: { name: 'node', version: '1' },
  image: 'ghcr.io/roadstead/node:1',
  profile: 'default',
  resources: { requests: { cpu: '1', memory: '1Gi' }, limits: { cpu: '1', memory: '1Gi' }, gpus: 0 },
  volumes: [{ name: 'home', size: '1Gi', mounts: [{ mountPath: '/home/node' }] }],
  parameters: {},
  secrets: [],
  git: {},
  ...change,
});

/** What an agent reports of a seat. */
export const seatStatus = (change: Partial<SeatStatus> = {}): SeatStatus => ({
  phase: 'Running',
  observedRevision: 1,
  observedGeneration: 1,
  uid: 'uid-1',
  conditions: [{ type: 'Ready', status: 'True', reason: 'Running', message: 'It runs.' }],
  ...change,
});

export const seatsIn = (world: World) => {
  let made = 0;
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

    /** A Ready cluster that takes dev pods, with its agent connected over `connection`; answers the agent's token, too. */
    port: async (by: Owner, change: Parameters<World['cluster']>[1] = {}) => {
      const n = ++made;
      const { next } = await world.readyCluster(by, { name: `port-${n}`, takesWorkspaces: true, ...change });
      const secret = `rsc_${world.newSecret()}`;
      const token = {
        entity: 'Token' as const,
        id: world.newId('tok'),
        version: 1,
        hash: sha256(secret),
        kind: 'agent' as const,
        cluster: next.id,
        team: by.team,
        createdAt: world.now(),
        createdBy: 'system',
      };
      await world.store.commit({ writes: [{ before: null, next: token }], claims: [], audit: [] }, at());
      const hello = {
        protocol: { min: 1, max: 1 },
        agentVersion: '1',
        kubernetesVersion: 'v1.35',
        capabilities: [],
        clusterUid: `uid-${next.id}`,
        podUid: 'pod',
      };
      const connection = `agent-${n}`;
      const decided = connect(
        { ...next, certificateAuthority: 'Q0E=' },
        { link: 1, connectionId: connection, hello, token, replaced: null },
        world.now(),
      );
      await world.store.commit(decided, at());
      await world.store.connections.open({
        id: connection,
        kind: 'agent',
        cluster: next.id,
        tokenHash: token.hash,
        tokenKind: 'agent',
        link: 1,
        connectedAt: world.now(),
      });
      return { id: next.id, token: secret, connection };
    },

    /** A dev pod on a cluster. */
    seat: (by: Owner, cluster: string, change: Partial<Create['spec']> = {}): Promise<WorkspaceDecision> =>
      decideSeat(null, {
        type: 'create',
        actor: `account:${by.id}`,
        account: by.id,
        team: by.team,
        name: `pod-${++made}`,
        cluster,
        capacity: { cpuMillis: 100_000, memoryMiB: 100_000, gpus: 0, pods: 100 },
        spec: seatSpec(by.id, change),
        labels: {},
        limits: SEAT_LIMITS,
        timings: SEAT_TIMINGS,
      }),

    /** Takes a person into a team. */
    join: async (account: string, team: string, role: MemberState['role']): Promise<void> => {
      const next: MemberState = {
        entity: 'Member',
        id: `${team}/${account}`,
        version: 1,
        team,
        account,
        role,
        createdAt: world.now(),
      };
      await world.store.commit({ writes: [{ before: null, next }], claims: [], audit: [] }, at());
    },
  };
};
