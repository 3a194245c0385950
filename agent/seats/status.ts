/** What is observed of a seat, as it is reported and kept in its resource (pure): phase, conditions, and of which revision they speak. */
import { safeText } from '#core/contract/safe-text.ts';
import type { IdleStop, SeatStatus } from '#core/contract/seat.ts';
import type { Explanation } from '#core/domain/seat/reasons.ts';
import { explain } from '#core/domain/seat/reasons.ts';
import { type SeenEvent, whyNotRunning } from '#core/domain/seat/why.ts';
import type { ClaimFacts, KeptStatus, WorkspaceFacts } from './facts.ts';
import type { PodFacts, StatefulSetFacts } from './pod-facts.ts';

export interface Observed {
  /** The resource that the reconcile began with (kubernetes.md finding 4). */
  readonly workspace: WorkspaceFacts;
  readonly statefulSet?: StatefulSetFacts | undefined;
  readonly pod?: PodFacts | undefined;
  readonly claims: readonly ClaimFacts[];
  readonly events: readonly SeenEvent[];
  readonly lastLog?: string | undefined;
  readonly obstacles: readonly Explanation[];
  readonly refused: boolean;
  readonly unlisted: boolean;
  /** The node that the seat was on, when its pod came back on another and the API server has that one no more. */
  readonly lostNode?: string | undefined;
  /** Zones by the names of nodes that are here, as far as the watch of nodes has come. */
  readonly nodes: ReadonlyMap<string, { readonly zone?: string }>;
  /** What became of the repository that was asked for. */
  readonly repository?: SeatStatus['conditions'][number] | undefined;
  /** It is kept stopped, since it was idle. */
  readonly idleStop?: IdleStop | undefined;
}

type Condition = SeatStatus['conditions'][number];

/** Its pod is the one that was asked for, not one that is about to be replaced. */
const isCurrent = ({ statefulSet, pod }: Pick<Observed, 'statefulSet' | 'pod'>): boolean =>
  statefulSet !== undefined &&
  statefulSet.observed >= statefulSet.generation &&
  (pod === undefined || statefulSet.revision === undefined || pod.revision === statefulSet.revision);

/** Its pod is ready, and the one that was asked for. */
export const isUp = ({ statefulSet, pod }: Pick<Observed, 'statefulSet' | 'pod'>): boolean =>
  isCurrent({ statefulSet, pod }) &&
  pod?.deleting === false &&
  (pod.status.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') ?? false);

const why = (observed: Observed): Explanation => {
  const { workspace, pod, claims, events, lastLog, idleStop } = observed;
  const runState = workspace.spec?.runState ?? 'Stopped';
  const found = whyNotRunning({ runState, pod, events, claims, lastLog });
  if (found.reason === 'Running' && !isCurrent(observed)) return explain('Restarting');
  if (idleStop && runState === 'Stopped') return explain('Idle', `last active ${idleStop.lastActiveAt}`);
  return found;
};

/** It was already as this revision asks when it came to be refused: what runs goes on. */
const ranBefore = ({ workspace: { status, spec, generation } }: Observed): boolean =>
  status?.phase === 'Running' &&
  status.observedRevision === (spec?.revision ?? 0) &&
  status.observedGeneration === generation;

const phaseOf = (observed: Observed, ready: Explanation): SeatStatus['phase'] => {
  const { workspace, pod, refused } = observed;
  if (refused && !(ready.reason === 'Running' && ranBefore(observed))) {
    const stopped = workspace.spec?.runState === 'Stopped' && pod === undefined;
    return stopped ? 'Stopped' : 'Failed';
  }
  if (workspace.spec?.runState === 'Stopped') return pod ? 'Stopping' : 'Stopped';
  return ready.reason === 'Running' ? 'Running' : 'Starting';
};

/** The node that the seat was on before its pod came to another one. */
export const leftNode = ({ workspace: { status }, pod }: Pick<Observed, 'workspace' | 'pod'>): string | undefined =>
  pod?.spec.nodeName === undefined || pod.spec.nodeName === status?.node ? undefined : status?.node;

/** The pod came back on another node, since its own is gone; said until that pod ends. */
const nodeReplaced = ({ workspace: { status }, pod, lostNode }: Observed): Condition[] => {
  const before = status?.conditions.find(({ type }) => type === 'NodeReplaced');
  if (before && status?.podUid !== undefined && status.podUid === pod?.uid) {
    return [{ type: before.type, status: before.status, reason: before.reason, message: before.message }];
  }
  if (lostNode === undefined) return [];
  const { reason, message } = explain('NodeReplaced', `${lostNode} is gone, it runs on ${pod?.spec.nodeName}`);
  return [{ type: 'NodeReplaced', status: 'True', reason, message }];
};

const notes = ({ workspace: { breakGlass }, obstacles, unlisted }: Observed): Condition[] => {
  const [first] = obstacles;
  return [
    ...(first ? [{ type: 'Reconciled', status: 'False' as const, ...first }] : []),
    ...(breakGlass === undefined
      ? []
      : [
          {
            type: 'Overridden',
            status: 'True' as const,
            reason: 'BreakGlass',
            message: safeText(
              `It is as it was changed in the cluster, not as the control plane says, until the annotation roadstead.dev/break-glass is removed. Reason given: ${breakGlass}`,
            ),
          },
        ]),
    ...(unlisted
      ? [
          {
            type: 'Unlisted',
            status: 'True' as const,
            reason: 'NotInList',
            message: 'The control plane does not list this dev pod: nothing was deleted, and it goes on as it is.',
          },
        ]
      : []),
  ];
};

export const statusOf = (observed: Observed): SeatStatus => {
  const { workspace, pod, obstacles, refused, nodes, idleStop } = observed;
  const { spec, generation, uid, status: before } = workspace;
  const found = why(observed);
  const [obstacle] = obstacles;
  const runs = found.reason === 'Running';
  // An obstacle says more than "is being created".
  const ready = !runs && obstacle && (refused || found.reason === 'Starting') ? obstacle : found;
  const node = pod?.spec.nodeName ?? (spec?.runState === 'Running' ? before?.node : undefined);
  const zone = node === undefined ? undefined : nodes.get(node)?.zone;
  return {
    phase: phaseOf(observed, found),
    observedRevision: spec?.revision ?? 0,
    observedGeneration: generation,
    uid,
    ...(pod ? { podUid: pod.uid } : {}),
    ...(node === undefined ? {} : { node }),
    ...(zone === undefined ? {} : { zone }),
    ...(idleStop === undefined ? {} : { idleStop }),
    conditions: [
      { type: 'Ready', status: runs ? 'True' : 'False', reason: ready.reason, message: ready.message },
      ...(observed.repository ? [observed.repository] : []),
      ...nodeReplaced(observed),
      ...notes(observed),
    ],
  };
};

/** With the times of change that the resource keeps; the same value when nothing changed. */
export const keptOf = (status: SeatStatus, before: KeptStatus | undefined, now: Date): KeptStatus => ({
  ...status,
  conditions: status.conditions.map((condition) => {
    const same = before?.conditions.find(({ type }) => type === condition.type);
    const since = same?.status === condition.status ? same.lastTransitionTime : now.toISOString();
    return { ...condition, lastTransitionTime: since };
  }),
});
