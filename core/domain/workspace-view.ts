/** A dev pod as it is answered, pushed to people, and sent down to its agent. */
import type { Condition } from '../contract/names.ts';
import type { DesiredSeat } from '../contract/seat.ts';
import type { WorkspaceChanged } from '../contract/socket.ts';
import type { Workspace } from '../contract/workspace.ts';
import type { ClusterState } from './cluster-state.ts';
import { conditionsAt } from './cluster-view.ts';
import { conditionOf, withCondition } from './conditions.ts';
import type { Lease } from './link.ts';
import { costOfSeat } from './prices.ts';
import { podName, seatHost, teamNamespace } from './seat/names.ts';
import { explain } from './seat/reasons.ts';
import { runSeconds } from './workspace-report.ts';
import type { WorkspaceState } from './workspace-state.ts';

/** What the names of its objects are made of: its id, or the name of the Workspace that the cluster owns. */
export const objectId = ({ id, mirror }: Pick<WorkspaceState, 'id' | 'mirror'>): string => mirror?.name ?? id;

/** The stored conditions, and whether its agent is heard, which is known of the cluster alone and computed where it is read (DESIGN §1). */
const conditionsOf = ({ conditions, phase, createdAt }: WorkspaceState, { cluster, lease }: On, now: string) => {
  if (cluster === null || phase === 'Deleted') return [...conditions];
  const connected = conditionOf(conditionsAt(cluster, lease, now), 'Connected');
  return connected?.status === 'True'
    ? [...conditions]
    : withCondition(
        conditions,
        { type: 'Connected', status: 'False', ...explain('AgentOffline') },
        connected?.lastTransitionTime ?? createdAt,
      );
};

/** Its cluster with the lease of its agent: for the price of a node, and whether anybody is there. */
interface On {
  readonly cluster: ClusterState | null;
  readonly lease: Lease | null;
}

/** What the API answers. */
export const toWorkspace = (workspace: WorkspaceState, on: On, now: string): Workspace => {
  const { spec, report, team } = workspace;
  const object = objectId(workspace);
  const until = workspace.deletedAt ?? now;
  return {
    id: workspace.id,
    name: workspace.name,
    team,
    owner: spec.owner,
    ...(spec.group === undefined ? {} : { group: spec.group }),
    origin: spec.origin,
    cluster: workspace.cluster,
    phase: workspace.phase,
    wanted: spec.runState,
    conditions: conditionsOf(workspace, on, now),
    template: { ...spec.template },
    image: spec.image,
    profile: spec.profile,
    parameters: { ...spec.parameters },
    resources: spec.resources,
    volumes: [...spec.volumes],
    secrets: [...spec.secrets],
    git: { ...spec.git },
    idleTimeoutSeconds: spec.idleTimeoutSeconds,
    labels: { ...workspace.labels },
    namespace: teamNamespace(team),
    pod: podName(object),
    host: seatHost(object, team),
    ...(report?.node === undefined ? {} : { node: report.node }),
    ...(report?.zone === undefined ? {} : { zone: report.zone }),
    createdAt: workspace.createdAt,
    createdBy: workspace.createdBy,
    ...optional(workspace, 'startedAt', 'stoppedAt', 'deletedAt', 'operationId', 'lastOperationId', 'error'),
    cost: costOfSeat(spec, on.cluster, {
      existedSeconds: Math.max(0, Math.floor((Date.parse(until) - Date.parse(workspace.createdAt)) / 1000)),
      runningSeconds: runSeconds(workspace, until),
    }),
    version: workspace.version,
    revision: workspace.revision,
  };
};

const optional = <T extends object, K extends keyof T>(from: T, ...keys: readonly K[]) =>
  Object.fromEntries(keys.filter((key) => from[key] !== undefined).map((key) => [key, from[key]])) as {
    [P in K]?: Exclude<T[P], undefined>;
  };

/** Bytes of a push (DESIGN §7), and how much of each message is tried, until it fits. */
const PUSH_BYTES = 4096;
const MESSAGE_LENGTHS = [256, 128, 64, 0] as const;

const shortened = (conditions: readonly Condition[], length: number): Condition[] =>
  conditions.map((each) => ({ ...each, message: each.message.slice(0, length) }));

/** A push with as much of the conditions' messages as fits. */
export const withinPush = <P extends { readonly conditions: readonly Condition[] }>(push: P): P => {
  const sizes = MESSAGE_LENGTHS.map((length) => ({ ...push, conditions: shortened(push.conditions, length) }));
  return sizes.find((each) => Buffer.byteLength(JSON.stringify(each)) <= PUSH_BYTES) ?? { ...push, conditions: [] };
};

/** What is pushed to people (≤ 4 KB). */
export const toWorkspaceChanged = (workspace: WorkspaceState): WorkspaceChanged =>
  withinPush({
    type: 'workspace.changed',
    id: workspace.id,
    team: workspace.team,
    cluster: workspace.cluster,
    name: workspace.name,
    owner: workspace.spec.owner,
    ...(workspace.spec.group === undefined ? {} : { group: workspace.spec.group }),
    version: workspace.version,
    at: workspace.updatedAt,
    phase: workspace.phase,
    conditions: [...workspace.conditions],
    ...(workspace.operationId === undefined ? {} : { operationId: workspace.operationId }),
    ...(workspace.phase === 'Deleted' ? { deleted: true as const } : {}),
  });

/** What the agent is sent. */
export const toDesiredSeat = ({ id, name, team, spec }: WorkspaceState): DesiredSeat => ({ id, name, team, spec });
