/** The sweeper's duty for operations: those without an execution are started, those whose execution ended or whose time is over are failed (DESIGN §2). */
import type { OperationKind } from '#core/contract/operation.ts';
import { plus } from '#core/domain/clock.ts';
import { decideCluster } from '#core/domain/cluster.ts';
import { isOpen, type OperationState } from '#core/domain/operation.ts';
import { decideWorkspace } from '#core/domain/workspace.ts';
import type { AwaitItem } from '#core/store/clusters.ts';
import { untilFresh } from '#core/store/commit.ts';
import type { Deps } from '../../lib/deps.ts';
import { type SignalDeps, signalIfHolding } from '../../lib/signal.ts';
import { doEach } from './chores.ts';

export interface OperationDeps extends Deps, SignalDeps {
  readonly start: (kind: OperationKind, operationId: string) => Promise<void>;
  /** What the execution named by the operation does; null when there is none. */
  readonly describe: (kind: OperationKind, operationId: string) => Promise<{ readonly status: string } | null>;
  readonly stop: (kind: OperationKind, operationId: string) => Promise<void>;
  /** Seconds between two looks at an open operation. */
  readonly checkSeconds: number;
}

/** Looks at every operation that is due, and at every wait. */
export const sweepOperations = async (deps: OperationDeps): Promise<void> => {
  const due = await deps.store.clusters.due<OperationState>('operation', deps.now());
  const waits = await deps.store.clusters.due<AwaitItem>('await', deps.now());
  await doEach(deps, [
    ...due.map(({ id }) => ({
      id,
      act: async () => {
        const operation = await deps.store.clusters.operation(id);
        if (operation !== null && isOpen(operation)) await look(deps, operation);
      },
    })),
    ...waits.map(({ operation }) => ({ id: operation, act: () => signalIfHolding(deps, operation) })),
  ]);
};

const look = async (deps: OperationDeps, operation: OperationState): Promise<void> => {
  const now = deps.now();
  const overdue = operation.deadlineAt <= now;
  if (overdue) deps.log.warn('an operation is overdue', { operation: operation.id });
  const execution = await deps.describe(operation.kind, operation.id);
  if (execution === null) {
    if (overdue) return fail(deps, operation, 'operation.deadline', 'It was not started in time.');
    deps.log.warn('an operation had no execution', { operation: operation.id });
    await deps.start(operation.kind, operation.id);
  } else if (execution.status !== 'RUNNING') {
    return fail(
      deps,
      operation,
      'operation.execution_ended',
      `Its execution ended as ${execution.status} without recording an outcome.`,
    );
  } else if (overdue) {
    await deps.stop(operation.kind, operation.id);
    return fail(deps, operation, 'operation.deadline', `It was not done by ${operation.deadlineAt}.`);
  }
  await deps.store.clusters.rearmOperation(operation.id, plus(now, deps.checkSeconds));
};

/** Records the failure, unless the execution recorded an outcome of its own meanwhile. */
const fail = (deps: OperationDeps, operation: OperationState, code: string, message: string): Promise<void> =>
  untilFresh(async () => {
    const at = { now: deps.now(), newId: deps.newId };
    const { type, id } = operation.resource;
    const failure = (help: string) => {
      const step = operation.steps.at(-1)?.name;
      const error = { code, message, help, ...(step === undefined ? {} : { step }) };
      return { type: 'fail', operation: operation.id, error } as const;
    };
    if (type === 'workspace') {
      const subject = await deps.store.workspaces.subject(id);
      if (subject.workspace?.operationId !== operation.id) return;
      const help = 'Ask for it again; look at the conditions of the dev pod and of its cluster.';
      return deps.store.commit(decideWorkspace(subject, failure(help), at), at);
    }
    const subject = await deps.store.clusters.subject(id);
    if (subject.cluster?.operationId !== operation.id) return;
    await deps.store.commit(decideCluster(subject, failure('Retry the operation or delete the cluster.'), at), at);
  });
