/** Operations: Pending → Running → Succeeded, Failed or Superseded; at most one open a resource (DESIGN §1). */
import type { Operation, OperationError, OperationKind } from '../contract/operation.ts';
import { type Context, earlier, plus } from './clock.ts';

export interface OperationState extends Operation {
  readonly entity: 'Operation';
  readonly version: number;
  /** `account:acc_…` or `system`. */
  readonly actor: string;
  /** When the sweeper looks at it next; gone when it has ended. */
  readonly checkAt?: string | undefined;
}

/** What the API answers. */
export const toOperation = ({
  entity: _,
  version: __,
  actor: ___,
  checkAt: ____,
  ...operation
}: OperationState): Operation => operation;

/** Seconds: how long an operation may take and when the sweeper first looks whether it was started. */
export interface OperationTimings {
  readonly createDeadline: number;
  readonly deleteDeadline: number;
  readonly startGrace: number;
}

/** True while its workflow may act. */
export const isOpen = (operation: OperationState): boolean =>
  operation.state === 'Pending' || operation.state === 'Running';

/** The deadline of a cluster's operation of this kind, and the grace for its start. */
export const clusterDeadline = (kind: OperationKind, timings: OperationTimings) => ({
  deadline: kind === 'cluster-create' ? timings.createDeadline : timings.deleteDeadline,
  startGrace: timings.startGrace,
});

export const newOperation = (
  of: {
    readonly kind: OperationKind;
    readonly resource: Operation['resource'];
    readonly team: string;
    readonly actor: string;
    readonly retryOf?: string | undefined;
    /** Seconds: the whole operation, and when the sweeper first looks whether it was started. */
    readonly deadline: number;
    readonly startGrace: number;
  },
  { now, newId }: Context,
): OperationState => {
  const deadlineAt = plus(now, of.deadline);
  return {
    entity: 'Operation',
    id: newId('opn'),
    version: 1,
    kind: of.kind,
    resource: of.resource,
    team: of.team,
    actor: of.actor,
    state: 'Pending',
    steps: [],
    createdAt: now,
    deadlineAt,
    checkAt: earlier(plus(now, of.startGrace), deadlineAt),
    ...(of.retryOf === undefined ? {} : { retryOf: of.retryOf }),
  };
};

const closeSteps = (steps: OperationState['steps'], now: string): OperationState['steps'] =>
  steps.map((step) => (step.endedAt === undefined ? { ...step, endedAt: now } : step));

/** The workflow enters a step: the one before has ended. Entering the step it is in changes nothing (tasks are repeated). */
export const enterStep = (operation: OperationState, name: string, now: string): OperationState => {
  const last = operation.steps.at(-1);
  if (operation.state === 'Running' && last?.name === name && last.endedAt === undefined) return operation;
  return {
    ...operation,
    version: operation.version + 1,
    state: 'Running',
    startedAt: operation.startedAt ?? now,
    steps: [...closeSteps(operation.steps, now), { name, startedAt: now }],
  };
};

/** The operation in its last state; the sweeper need not look at it again. */
export const endOperation = (
  operation: OperationState,
  end: // `supersededBy`: what it was for holds, and the next operation did not wait for its workflow to say so.
    | { readonly state: 'Succeeded'; readonly supersededBy?: string }
    | { readonly state: 'Failed'; readonly error: OperationError }
    | { readonly state: 'Superseded'; readonly supersededBy: string },
  now: string,
): OperationState => {
  const { checkAt: _, ...rest } = operation;
  return { ...rest, ...end, version: operation.version + 1, endedAt: now, steps: closeSteps(operation.steps, now) };
};
