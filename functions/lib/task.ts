/**
 * The adapter of workflow tasks: parses, loads operation and resource consistently, enters the step, runs, and lets two error names out
 * (DESIGN §3). `task` is for operations of clusters, `seatTask` for those of dev pods.
 */
import * as z from 'zod';
import { OperationId } from '#core/contract/names.ts';
import { decideCluster } from '#core/domain/cluster.ts';
import type { ClusterCommand, ClusterDecision, ClusterSubject } from '#core/domain/cluster-command.ts';
import type { ClusterState } from '#core/domain/cluster-state.ts';
import type { Decision } from '#core/domain/decision.ts';
import { isOpen, type OperationState } from '#core/domain/operation.ts';
import { decideWorkspace } from '#core/domain/workspace.ts';
import type { WorkspaceCommand, WorkspaceDecision, WorkspaceSubject } from '#core/domain/workspace-command.ts';
import type { WorkspaceState } from '#core/domain/workspace-state.ts';
import { untilFresh } from '#core/store/commit.ts';
import type { Store } from '#core/store/store.ts';
import type { Deps } from './deps.ts';
import { Permanent, superseded, toTaskError } from './task-error.ts';

/** A resource whose open operation is the task's own. */
interface OwnedCluster extends ClusterSubject {
  readonly cluster: ClusterState;
  readonly operation: OperationState;
}
interface OwnedSeat extends WorkspaceSubject {
  readonly workspace: WorkspaceState;
  readonly operation: OperationState;
}

interface Given<D, I> {
  readonly deps: Deps & D;
  readonly input: I;
}

/** What acts on the resource of the operation. */
interface Acting<Owned, C, R extends Decision> {
  /** Decides on the present resource and commits, again and again until nobody was faster; throws `Permanent` when another operation took over. */
  readonly commit: <T extends Decision>(decide: (subject: Owned) => T) => Promise<T>;
  /** `commit` of a command. */
  readonly command: (command: C) => Promise<R>;
}

/** What `run` is given; resource and operation as they were when the task began. */
export type TaskCall<D, I> = Given<D, I> & OwnedCluster & Acting<OwnedCluster, ClusterCommand, ClusterDecision>;
export type SeatTaskCall<D, I> = Given<D, I> & OwnedSeat & Acting<OwnedSeat, WorkspaceCommand, WorkspaceDecision>;

interface Spec<Call, I, O> {
  /** The step that people see the operation in; without one the step before stays. */
  readonly step?: string;
  /** What the state machine gives beside `operationId`. */
  readonly input?: z.ZodType<I>;
  readonly output: z.ZodType<O>;
  /** Must bear repeats: every task may run twice, and again after its answer was lost. */
  readonly run: (call: Call) => Promise<O>;
  /** The answer when the operation has ended already; where it is left out or answers undefined, the task throws `Permanent`. */
  readonly ended?: (operation: OperationState) => O | undefined;
}
export type TaskSpec<D, I, O> = Spec<TaskCall<D, I>, I, O>;
export type SeatTaskSpec<D, I, O> = Spec<SeatTaskCall<D, I>, I, O>;

/** How one kind of resource is read and changed. */
interface Resource<Owned extends { readonly operation: OperationState }, C, R extends Decision> {
  /** The resource with its operation when `operationId` is the open one of it, else null. */
  readonly own: (store: Store, id: string, operationId: string) => Promise<Owned | null>;
  readonly decide: (subject: Owned, command: C, context: Parameters<typeof decideCluster>[2]) => R;
  readonly step: (operation: string, step: string) => C;
  /** The resource as a decision left it. */
  readonly after: (decided: R, operation: OperationState) => Owned;
}

const clusters: Resource<OwnedCluster, ClusterCommand, ClusterDecision> = {
  own: async (store, id, operationId) => {
    const { cluster, operation } = await store.clusters.subject(id);
    return cluster === null || operation === null || cluster.operationId !== operationId || !isOpen(operation)
      ? null
      : { cluster, operation };
  },
  decide: decideCluster,
  step: (operation, step) => ({ type: 'step', operation, step }),
  after: ({ next, operation }, before) => ({ cluster: next, operation: operation ?? before }),
};

const seats: Resource<OwnedSeat, WorkspaceCommand, WorkspaceDecision> = {
  own: async (store, id, operationId) => {
    const { workspace, operation } = await store.workspaces.subject(id);
    return workspace === null || operation === null || workspace.operationId !== operationId || !isOpen(operation)
      ? null
      : { workspace, operation };
  },
  decide: decideWorkspace,
  step: (operation, step) => ({ type: 'step', operation, step }),
  after: ({ next, operation }, before) => ({ workspace: next, operation: operation ?? before }),
};

const Base = z.looseObject({ operationId: OperationId });

/** A task on a cluster as Lambda calls it: `task({ step, input, output, run })(deps)`. */
export const task =
  <D extends object = object, I = unknown, O = unknown>(spec: TaskSpec<D, I, O>) =>
  (deps: Deps & D) =>
  (event: unknown): Promise<O> =>
    attempt(clusters, spec, deps, event);

/** The same for a dev pod. */
export const seatTask =
  <D extends object = object, I = unknown, O = unknown>(spec: SeatTaskSpec<D, I, O>) =>
  (deps: Deps & D) =>
  (event: unknown): Promise<O> =>
    attempt(seats, spec, deps, event);

const attempt = async <Owned extends { readonly operation: OperationState }, C, R extends Decision, D, I, O>(
  resource: Resource<Owned, C, R>,
  spec: Spec<Given<D, I> & Owned & Acting<Owned, C, R>, I, O>,
  deps: Deps & D,
  event: unknown,
): Promise<O> => {
  const operationId = (event as { operationId?: unknown } | null)?.operationId;
  try {
    return await perform(resource, spec, deps, event);
  } catch (error) {
    const thrown = toTaskError(error);
    deps.log.warn('a task failed', {
      operation: operationId,
      step: spec.step,
      name: thrown.name,
      reason: thrown.message,
    });
    throw thrown;
  }
};

const perform = async <Owned extends { readonly operation: OperationState }, C, R extends Decision, D, I, O>(
  resource: Resource<Owned, C, R>,
  spec: Spec<Given<D, I> & Owned & Acting<Owned, C, R>, I, O>,
  deps: Deps & D,
  event: unknown,
): Promise<O> => {
  const { operationId } = parse(Base, event);
  const input = spec.input === undefined ? (undefined as I) : parse(spec.input, event);

  const operation = await deps.store.clusters.operation(operationId);
  if (operation === null) throw new Permanent('operation.unknown', `there is no operation ${operationId}`);

  const own = async (): Promise<Owned> => {
    const owned = await resource.own(deps.store, operation.resource.id, operationId);
    if (owned === null) throw superseded(operationId);
    return owned;
  };
  const commit: Acting<Owned, C, R>['commit'] = (decide) =>
    untilFresh(async () => {
      const decision = decide(await own());
      await deps.store.commit(decision, { now: deps.now(), newId: deps.newId });
      return decision;
    });
  const command = (given: C): Promise<R> =>
    commit((subject) => resource.decide(subject, given, { now: deps.now(), newId: deps.newId }));
  const enter = async (step: string): Promise<Owned> =>
    resource.after(await command(resource.step(operationId, step)), operation);

  if (!isOpen(operation)) {
    const answer = spec.ended?.(operation);
    if (answer === undefined) throw superseded(operationId);
    return answer;
  }
  const began = spec.step === undefined ? await own() : await enter(spec.step);
  const answer = await spec.run({ deps, input, ...began, commit, command } as Given<D, I> &
    Owned &
    Acting<Owned, C, R>);
  deps.log.info('a task is done', { operation: operationId, resource: operation.resource.id, step: spec.step });
  return parse(spec.output, answer);
};

const parse = <T>(schema: z.ZodType<T>, value: unknown): T => {
  const read = schema.safeParse(value);
  if (read.success) return read.data;
  // Paths and reasons only: a value could be a task token.
  const wrong = read.error.issues.map((issue) => `${issue.path.join('.') || 'it'}: ${issue.code}`).join('; ');
  throw new Permanent('task.invalid', `input or output of the task does not fit: ${wrong}`);
};
