/** The dev pod's rules: which command is allowed in which phase, and what it changes (DESIGN §1 phases, §2 one door). */
import { AppError } from '../contract/errors.ts';
import type { SeatSpec } from '../contract/seat.ts';
import type { Context } from './clock.ts';
import { type Amount, type AuditEntry, type Claim, type SeatLimits, type Write, write } from './decision.ts';
import { endOperation, enterStep, isOpen, type OperationState } from './operation.ts';
import { changed, respecified, same } from './workspace-change.ts';
import { moves, nameFree, rowGone, rowOf } from './workspace-claims.ts';
import type { WorkspaceCommand, WorkspaceDecision, WorkspaceSubject, WorkspaceTimings } from './workspace-command.ts';
import { createWorkspace } from './workspace-create.ts';
import { doneBy, lost, type SeatOperationKind, seatOperation } from './workspace-operation.ts';
import { ALLOWED, FOR_MIRRORS, LIVE, NEWS, refusal } from './workspace-phases.ts';
import { deletedConditions, reported, timesAt } from './workspace-report.ts';
import { settled } from './workspace-settled.ts';
import type { WorkspaceState } from './workspace-state.ts';

/** Decides a command on a dev pod. Throws AppError with the code that the caller is answered. Pure. */
export const decideWorkspace = (
  { workspace, operation }: WorkspaceSubject,
  command: WorkspaceCommand,
  context: Context,
): WorkspaceDecision => {
  if (command.type === 'create') return createWorkspace(command, context);
  if (workspace === null) throw new AppError('not_found', { detail: 'there is no such dev pod' });
  const { now } = context;
  const open = operation !== null && isOpen(operation) ? operation : null;
  const unchanged: WorkspaceDecision = { next: workspace, operation: open, writes: [], claims: [], audit: [] };
  if (workspace.spec.origin === 'Cluster' && !FOR_MIRRORS.has(command.type))
    throw new AppError('workspace.managed_in_cluster', {
      detail: `the Workspace "${workspace.mirror?.name ?? workspace.name}" lives in ${workspace.cluster}`,
    });
  if ('operation' in command && workspace.operationId !== command.operation)
    throw new AppError('operation.superseded', {
      detail: `${command.operation} is not the open operation of ${workspace.id}`,
    });
  if (!ALLOWED[command.type].includes(workspace.phase)) {
    if (NEWS.has(command.type)) return unchanged;
    throw new AppError(refusal(command.type, workspace.phase), { detail: `the dev pod is ${workspace.phase}` });
  }

  /** What the open operation was for holds already: only its workflow has not said so yet. */
  const done = open !== null && settled(workspace).state === 'done';

  /** One changed dev pod, with what it takes and gives back, and what changed with it. */
  const decided = (
    change: Partial<WorkspaceState>,
    extra: {
      readonly operation?: OperationState;
      readonly writes?: readonly Write[];
      readonly claims?: readonly Claim[];
      readonly audit?: readonly AuditEntry[];
      readonly capacity?: Amount;
      readonly limits?: SeatLimits;
    } = {},
  ): WorkspaceDecision => {
    const next: WorkspaceState = { ...workspace, ...change, version: workspace.version + 1, updatedAt: now };
    return {
      next,
      operation: extra.operation ?? open,
      writes: [write(workspace, next), ...(extra.writes ?? [])],
      claims: [
        ...moves(workspace, next, extra),
        ...(next.revision === workspace.revision ? [] : rowOf(next)),
        ...(extra.claims ?? []),
      ],
      audit: extra.audit ?? [],
    };
  };
  const audit = (actor: string, action: string, detail?: AuditEntry['detail']): readonly AuditEntry[] => [
    { team: workspace.team, actor, action, resource: workspace.id, ...(detail === undefined ? {} : { detail }) },
  ];

  const respec = (spec: SeatSpec) => respecified(workspace, spec);

  /** Opens an operation that has the agent do something; the phase waits for a report of this revision. */
  const opened = (
    kind: SeatOperationKind,
    change: Pick<WorkspaceState, 'spec' | 'revision' | 'phase'> & Partial<WorkspaceState>,
    by: {
      readonly actor: string;
      readonly action: string;
      readonly timings: WorkspaceTimings;
      readonly capacity?: Amount;
      readonly limits?: SeatLimits;
      readonly detail?: AuditEntry['detail'];
    },
  ): WorkspaceDecision => {
    const retryOf =
      operation !== null && operation.state === 'Failed' && operation.kind === kind ? operation.id : undefined;
    const next = seatOperation(
      { kind, workspace: workspace.id, team: workspace.team, actor: by.actor, timings: by.timings, retryOf },
      context,
    );
    return decided(
      {
        ...change,
        phaseRevision: change.revision,
        error: undefined,
        operationId: next.id,
        lastOperationId: open?.id ?? workspace.lastOperationId,
      },
      {
        operation: next,
        writes: [
          write(null, next),
          ...(open === null
            ? []
            : [
                write(
                  open,
                  endOperation(open, { state: done ? 'Succeeded' : 'Superseded', supersededBy: next.id }, now),
                ),
              ]),
        ],
        claims: open === null ? [] : [{ claim: 'await-release', operation: open.id }],
        audit: audit(by.actor, by.action, { ...by.detail, operation: next.id }),
        ...(by.capacity === undefined ? {} : { capacity: by.capacity }),
        ...(by.limits === undefined ? {} : { limits: by.limits }),
      },
    );
  };

  /** Ends the open operation with the dev pod's change. */
  const ended = (
    change: Partial<WorkspaceState>,
    end: Parameters<typeof endOperation>[1],
    trail: readonly AuditEntry[],
  ): WorkspaceDecision => {
    if (open === null) throw new AppError('operation.superseded', { detail: 'the operation has ended' });
    const next = endOperation(open, end, now);
    return decided(
      { ...change, operationId: undefined, lastOperationId: open.id },
      {
        operation: next,
        writes: [write(open, next)],
        claims: [{ claim: 'await-release', operation: open.id }],
        audit: trail,
      },
    );
  };

  /** It is over. A delete that is open is ended by its workflow; nothing else can come true any more. */
  const over = (
    change: Partial<WorkspaceState>,
    {
      claims,
      trail,
      limits,
    }: { readonly claims: readonly Claim[]; readonly trail: readonly AuditEntry[]; readonly limits: SeatLimits },
  ): WorkspaceDecision => {
    const moot = open === null || open.kind === 'workspace-delete' ? null : lost(open, now);
    return decided(
      {
        ...change,
        phase: 'Deleted',
        deletedAt: now,
        conditions: deletedConditions(workspace, now),
        ...timesAt(workspace, 'Deleted', now),
        ...(open === null || moot === null ? {} : { operationId: undefined, lastOperationId: open.id }),
      },
      {
        ...(open === null || moot === null ? {} : { operation: moot, writes: [write(open, moot)] }),
        claims: [...nameFree(workspace), ...claims],
        audit: trail,
        limits,
      },
    );
  };

  const busy = (): void => {
    if (open !== null && !done)
      throw new AppError('workspace.busy', { detail: `${open.kind} ${open.id} is open since ${open.createdAt}` });
  };

  switch (command.type) {
    case 'change': {
      const spec = changed(workspace.spec, command.change);
      const labels = command.labels ?? workspace.labels;
      const secretChoice = command.secretChoice ?? workspace.secretChoice;
      const before = { labels: workspace.labels, secretChoice: workspace.secretChoice };
      if (spec === workspace.spec && same({ labels, secretChoice }, before)) return unchanged;
      return decided(
        { ...respec(spec), labels, secretChoice },
        {
          capacity: command.capacity,
          limits: command.limits,
          audit: audit(command.actor, 'workspace.change', { revision: workspace.revision + 1 }),
        },
      );
    }
    case 'start': {
      const { spec, phase } = workspace;
      const settles = phase === 'Running' || open?.kind === 'workspace-start';
      if (spec.runState === 'Running' && settles)
        return phase === 'Running' && spec.idleTimeoutSeconds > 0 ? decided({ askedAt: now }) : unchanged;
      busy();
      // Counted in any case: what should run and does not has its pod replaced, and what its agent stopped for being idle is wanted again.
      const wanted = { ...spec, runState: 'Running' as const, restarts: spec.restarts + 1 };
      return opened(
        'workspace-start',
        { ...respec(wanted), phase: 'Starting', suspended: undefined },
        { ...command, action: 'workspace.start' },
      );
    }
    case 'stop': {
      const { spec, phase } = workspace;
      const suspended = command.suspends && (spec.runState === 'Running' || workspace.suspended);
      if (spec.runState === 'Stopped' && phase !== 'Failed')
        return suspended === workspace.suspended ? unchanged : decided({ suspended });
      busy();
      return opened(
        'workspace-stop',
        { ...respec({ ...spec, runState: 'Stopped' }), phase: 'Stopping', suspended },
        { ...command, action: 'workspace.stop' },
      );
    }
    case 'restart': {
      const { spec } = workspace;
      if (spec.runState !== 'Running')
        throw new AppError('workspace.not_running', { detail: `the dev pod is ${workspace.phase}` });
      busy();
      return opened(
        'workspace-start',
        { ...respec({ ...spec, restarts: spec.restarts + 1 }), phase: 'Starting' },
        { ...command, action: 'workspace.restart' },
      );
    }
    case 'delete': {
      const deleting = workspace.tombstone !== undefined;
      const sameFate = workspace.tombstone === command.volumes;
      // A repeated delete answers the operation that is deleting already; one that failed goes on with a new one.
      if (deleting && sameFate && open !== null) return unchanged;
      const change = { ...respec(workspace.spec), phase: 'Deleting' as const, tombstone: command.volumes };
      const detail = { volumes: command.volumes };
      if (deleting && open !== null)
        return decided(
          { ...change, phaseRevision: change.revision },
          { audit: audit(command.actor, 'workspace.delete', detail) },
        );
      return opened('workspace-delete', change, { ...command, action: 'workspace.delete', detail });
    }
    case 'forget':
      // Without an open operation the delete has failed: something there holds it, whether the agent answers or not.
      if (command.connected && open !== null)
        throw new AppError('workspace.agent_online', {
          detail: `the agent of ${workspace.cluster} is connected, and has until ${open.deadlineAt} to take it away`,
        });
      // The row stays with its tombstone: an agent that comes back, or can at last, still takes the objects away.
      return over(
        { forgotten: true },
        { claims: [], trail: audit(command.actor, 'workspace.forget'), limits: command.limits },
      );
    case 'secrets': {
      const spec = changed(workspace.spec, { secrets: command.secrets });
      return spec === workspace.spec ? unchanged : decided(respec(spec));
    }
    case 'step': {
      if (open === null) throw new AppError('operation.superseded', { detail: 'the operation has ended' });
      const next = enterStep(open, command.step, now);
      if (next === open) return unchanged;
      return decided(
        { phase: workspace.phase === 'Pending' ? 'Starting' : workspace.phase },
        { operation: next, writes: [write(open, next)] },
      );
    }
    case 'succeed':
      return ended(
        { error: undefined },
        { state: 'Succeeded' },
        // The end of a delete is the agent's word, which is written down with it.
        open?.kind === 'workspace-delete' ? [] : audit('system', `workspace.${doneBy(open?.kind)}`),
      );
    case 'fail':
      return ended(
        {
          error: command.error,
          // What is being deleted stays so until its agent says that it is gone; what is deleted cannot fail.
          // Nor has anything failed that is as it was asked to be.
          ...(LIVE.includes(workspace.phase) && workspace.phase !== workspace.spec.runState
            ? { phase: 'Failed' as const }
            : {}),
        },
        { state: 'Failed', error: command.error },
        audit('system', 'workspace.failed', { code: command.error.code }),
      );
    case 'report': {
      const change = reported(workspace, command, now);
      if (change === null) return unchanged;
      const { idleStop } = command.status;
      const became = change.spec?.runState === 'Stopped' ? 'workspace.idle' : 'workspace.start';
      const trail = change.spec === undefined ? [] : audit(`agent:${workspace.cluster}`, became, idleStop);
      return decided(change, { audit: trail });
    }
    case 'gone':
      if (command.revision < workspace.revision) return unchanged;
      if (workspace.phase === 'Deleted')
        return workspace.forgotten === true ? { ...unchanged, claims: rowGone(workspace) } : unchanged;
      return over(
        { kept: command.kept },
        {
          claims: rowGone(workspace),
          trail: audit(`agent:${workspace.cluster}`, 'workspace.deleted', { kept: command.kept.length }),
          limits: command.limits,
        },
      );
    case 'lost':
      return over({}, { claims: rowGone(workspace), trail: audit('system', 'workspace.lost'), limits: command.limits });
  }
};
