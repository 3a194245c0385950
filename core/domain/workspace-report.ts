/** What an agent's report makes of a dev pod: old news is dropped, the phase follows only once the agent has seen what was asked (DESIGN §2). */
import type { Condition } from '../contract/names.ts';
import { safeText } from '../contract/safe-text.ts';
import type { SeatStatus, WorkspacePhase } from '../contract/seat.ts';
import { withCondition } from './conditions.ts';
import { respecified } from './workspace-change.ts';
import type { WorkspaceState } from './workspace-state.ts';

export interface Report {
  readonly link: number;
  readonly seq: number;
  readonly status: SeatStatus;
}

/** Conditions that the control plane sets; all others are the agent's, and what it leaves out is over. */
const OURS = new Set(['QuotaExceeded', 'OwnerUnknown']);

/**
 * Late, repeated, or of a revision that was never asked for. The table's revisions only grow, whatever object carries them; generations
 * (and revisions, where the cluster owns the spec) grow with one object, and one made anew counts from the start.
 */
export const isOldNews = ({ revision, report, spec }: WorkspaceState, { link, seq, status }: Report): boolean => {
  if (spec.origin === 'ControlPlane' && status.observedRevision > revision) return true;
  if (report === undefined) return false;
  if (link !== report.link ? link < report.link : seq <= report.seq) return true;
  if (spec.origin === 'ControlPlane' && status.observedRevision < report.observedRevision) return true;
  return (
    status.uid === report.uid &&
    (status.observedGeneration < report.observedGeneration || status.observedRevision < report.observedRevision)
  );
};

/** The phase that people see: what the agent says, seen through what is wanted. */
const phaseAfter = (workspace: WorkspaceState, status: SeatStatus): WorkspacePhase => {
  const { phase, phaseRevision, spec, operationId, tombstone } = workspace;
  if (tombstone !== undefined) return phase;
  // What was seen before the last command says nothing of what came of it; what is being deleted there is made again.
  if (status.observedRevision < phaseRevision || status.phase === 'Deleting') return phase;
  if (status.phase === 'Failed' || status.phase === spec.runState) return status.phase;
  if (spec.runState === 'Stopped') return phase === 'Pending' && status.phase === 'Pending' ? phase : 'Stopping';
  if (status.phase === 'Stopping' || status.phase === 'Stopped')
    // Its cluster is on its way out, and its agent stops what is there; while a start is open it just has not begun.
    return operationId === undefined ? status.phase : 'Starting';
  return 'Starting';
};

const conditionsAfter = (workspace: WorkspaceState, status: SeatStatus, now: string): Condition[] => {
  const ours = workspace.conditions.filter(({ type }) => OURS.has(type));
  const theirs = status.conditions
    .filter(({ type }) => !OURS.has(type))
    .reduce<Condition[]>(
      (list, each) => withCondition(list, { ...each, message: safeText(each.message).slice(0, 1024) }, now),
      workspace.conditions.filter(({ type }) => status.conditions.some((each) => each.type === type)),
    );
  return [...theirs.filter(({ type }) => !OURS.has(type)), ...ours];
};

const secondsBetween = (from: string, to: string): number =>
  Math.max(0, Math.floor((Date.parse(to) - Date.parse(from)) / 1000));

/** Seconds that it has run in all. */
export const runSeconds = ({ ranSeconds, startedAt, stoppedAt }: WorkspaceState, now: string): number =>
  ranSeconds + (startedAt === undefined ? 0 : secondsBetween(startedAt, stoppedAt ?? now));

/** The times of running when it comes to `phase`: a run begins with Running and ends with its pod; a restart is no end. */
export const timesAt = (
  workspace: WorkspaceState,
  phase: WorkspacePhase,
  now: string,
): Pick<WorkspaceState, 'startedAt' | 'stoppedAt' | 'ranSeconds'> => {
  const { startedAt, stoppedAt, ranSeconds } = workspace;
  const runs = startedAt !== undefined && stoppedAt === undefined;
  if (!runs && phase === 'Running')
    return { startedAt: now, stoppedAt: undefined, ranSeconds: runSeconds(workspace, now) };
  if (runs && (phase === 'Stopped' || phase === 'Failed' || phase === 'Deleted'))
    return { startedAt, stoppedAt: now, ranSeconds };
  return { startedAt, stoppedAt, ranSeconds };
};

/**
 * Its agent stopped it for being idle, and nobody has asked for it since: a start and a restart raise `restarts`, so that a person who asks at
 * the same moment wins. From now on that is what is wanted, and what it took is given back. What the cluster owns is not changed from here.
 */
const isIdleStop = ({ spec, tombstone }: WorkspaceState, { idleStop }: SeatStatus): boolean =>
  spec.origin === 'ControlPlane' &&
  tombstone === undefined &&
  spec.runState === 'Running' &&
  idleStop?.restarts === spec.restarts;

/**
 * What is wanted of a seat that was stopped for being idle: that it stays so, unless somebody asked for it so shortly before this came that their
 * asking counts as work (docs/adr/0033): then it is started again.
 */
const afterIdleStop = (workspace: WorkspaceState, now: string): Partial<WorkspaceState> => {
  const { spec, askedAt } = workspace;
  if (askedAt === undefined || secondsBetween(askedAt, now) >= spec.idleTimeoutSeconds)
    return respecified(workspace, { ...spec, runState: 'Stopped' });
  const again = respecified(workspace, { ...spec, restarts: spec.restarts + 1 });
  return { ...again, phase: 'Starting', phaseRevision: again.revision, askedAt: undefined };
};

/** The change that a report brings, with another spec where it tells of a stop for being idle; null when it is old news. */
export const reported = (workspace: WorkspaceState, report: Report, now: string): Partial<WorkspaceState> | null => {
  if (isOldNews(workspace, report)) return null;
  const { link, seq, status } = report;
  const wanted = isIdleStop(workspace, status) ? afterIdleStop(workspace, now) : undefined;
  const { runState } = wanted?.spec ?? workspace.spec;
  const phase = phaseAfter({ ...workspace, ...wanted }, status);
  return {
    ...wanted,
    phase,
    conditions: conditionsAfter(workspace, status, now),
    report: {
      link,
      seq,
      uid: status.uid,
      observedRevision: status.observedRevision,
      observedGeneration: status.observedGeneration,
      phase: status.phase,
      ...(status.podUid === undefined ? {} : { podUid: status.podUid }),
      ...(status.node === undefined ? {} : { node: status.node }),
      ...(status.zone === undefined ? {} : { zone: status.zone }),
    },
    ...timesAt(workspace, phase, now),
    // What it failed at is over when it is as it was asked to be.
    ...(phase === runState ? { error: undefined } : {}),
  };
};

/** What is left to say of a dev pod that is gone. */
export const deletedConditions = ({ conditions }: WorkspaceState, now: string): Condition[] =>
  withCondition(
    conditions,
    { type: 'Ready', status: 'False', reason: 'Deleted', message: 'The dev pod is deleted.' },
    now,
  );
