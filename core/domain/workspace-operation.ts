/** Operations of dev pods: which kind each command opens, and how long it may take. */
import type { OperationKind } from '../contract/operation.ts';
import type { Context } from './clock.ts';
import { endOperation, newOperation, type OperationState } from './operation.ts';
import type { WorkspaceTimings } from './workspace-command.ts';

export type SeatOperationKind = Extract<OperationKind, `workspace-${string}`>;

const deadlineOf = (kind: SeatOperationKind, timings: WorkspaceTimings): number =>
  ({
    'workspace-start': timings.startDeadline,
    'workspace-stop': timings.stopDeadline,
    'workspace-delete': timings.deleteDeadline,
  })[kind];

export const seatOperation = (
  of: {
    readonly kind: SeatOperationKind;
    readonly workspace: string;
    readonly team: string;
    readonly actor: string;
    readonly timings: WorkspaceTimings;
    readonly retryOf?: string | undefined;
  },
  context: Context,
): OperationState =>
  newOperation(
    {
      kind: of.kind,
      resource: { type: 'workspace', id: of.workspace },
      team: of.team,
      actor: of.actor,
      retryOf: of.retryOf,
      deadline: deadlineOf(of.kind, of.timings),
      startGrace: of.timings.startGrace,
    },
    context,
  );

/** What was open when the cluster went: it cannot come true any more. */
export const lost = (operation: OperationState, now: string): OperationState =>
  endOperation(
    operation,
    {
      state: 'Failed',
      error: {
        code: 'workspace.lost',
        message: 'The cluster of the dev pod was deleted.',
        help: 'Create a new dev pod on another cluster.',
      },
    },
    now,
  );

/** What the audit log calls the end of an operation that went well. */
export const doneBy = (kind: OperationKind | undefined): string => (kind === 'workspace-stop' ? 'stopped' : 'started');
