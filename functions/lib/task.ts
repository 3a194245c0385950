/** The adapter of workflow tasks: parses, loads operation and cluster consistently, enters the step, runs, and lets two error names out (DESIGN §3). */
import * as z from 'zod';
import { OperationId } from '#core/contract/names.ts';
import { decideCluster } from '#core/domain/cluster.ts';
import type { ClusterCommand, ClusterDecision, ClusterSubject } from '#core/domain/cluster-command.ts';
import type { ClusterState } from '#core/domain/cluster-state.ts';
import type { Decision } from '#core/domain/decision.ts';
import { isOpen, type OperationState } from '#core/domain/operation.ts';
import { untilFresh } from '#core/store/commit.ts';
import type { Deps } from './deps.ts';
import { Permanent, superseded, toTaskError } from './task-error.ts';

/** A cluster whose open operation is the task's own. */
interface Owned extends ClusterSubject {
  readonly cluster: ClusterState;
  readonly operation: OperationState;
}

/** What `run` is given. */
export interface TaskCall<D, I> {
  readonly deps: Deps & D;
  readonly input: I;
  /** As they were when the task began. */
  readonly operation: OperationState;
  readonly cluster: ClusterState;
  /** Decides on the present cluster and commits, again and again until nobody was faster; throws `Permanent` when another operation took over. */
  readonly commit: <T extends Decision>(decide: (subject: Owned) => T) => Promise<T>;
  /** `commit` of a cluster command. */
  readonly command: (command: ClusterCommand) => Promise<ClusterDecision>;
}

export interface TaskSpec<D, I, O> {
  /** The step that people see the operation in; without one the step before stays. */
  readonly step?: string;
  /** What the state machine gives beside `operationId`. */
  readonly input?: z.ZodType<I>;
  readonly output: z.ZodType<O>;
  /** Must bear repeats: every task may run twice, and again after its answer was lost. */
  readonly run: (call: TaskCall<D, I>) => Promise<O>;
  /** The answer when the operation has ended already; where it is left out or answers undefined, the task throws `Permanent`. */
  readonly ended?: (operation: OperationState) => O | undefined;
}

const Base = z.looseObject({ operationId: OperationId });

/** A task as Lambda calls it: `task({ step, input, output, run })(deps)`. */
export const task =
  <D extends object = object, I = unknown, O = unknown>(spec: TaskSpec<D, I, O>) =>
  (deps: Deps & D) =>
  async (event: unknown): Promise<O> => {
    const operationId = (event as { operationId?: unknown } | null)?.operationId;
    try {
      return await perform(spec, deps, event);
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

const perform = async <D extends object, I, O>(spec: TaskSpec<D, I, O>, deps: Deps & D, event: unknown): Promise<O> => {
  const { operationId } = parse(Base, event);
  const input = spec.input === undefined ? (undefined as I) : parse(spec.input, event);

  const operation = await deps.store.clusters.operation(operationId);
  if (operation === null) throw new Permanent('operation.unknown', `there is no operation ${operationId}`);
  const clusterId = operation.resource.id;

  const own = async (): Promise<Owned> => {
    const { cluster, operation: present } = await deps.store.clusters.subject(clusterId);
    if (cluster === null || present === null || cluster.operationId !== operationId || !isOpen(present))
      throw superseded(operationId);
    return { cluster, operation: present };
  };
  const commit: TaskCall<D, I>['commit'] = (decide) =>
    untilFresh(async () => {
      const decision = decide(await own());
      await deps.store.commit(decision, { now: deps.now(), newId: deps.newId });
      return decision;
    });
  const command: TaskCall<D, I>['command'] = (given) =>
    commit((subject) => decideCluster(subject, given, { now: deps.now(), newId: deps.newId }));
  const enter = async (step: string): Promise<Owned> => {
    const { next, operation: entered } = await command({ type: 'step', operation: operationId, step });
    return { cluster: next, operation: entered ?? operation };
  };

  if (!isOpen(operation)) {
    const answer = spec.ended?.(operation);
    if (answer === undefined) throw superseded(operationId);
    return answer;
  }
  const began = spec.step === undefined ? await own() : await enter(spec.step);
  const answer = await spec.run({ deps, input, ...began, commit, command });
  deps.log.info('a task is done', { operation: operationId, cluster: clusterId, step: spec.step });
  return parse(spec.output, answer);
};

const parse = <T>(schema: z.ZodType<T>, value: unknown): T => {
  const read = schema.safeParse(value);
  if (read.success) return read.data;
  // Paths and reasons only: a value could be a task token.
  const wrong = read.error.issues.map((issue) => `${issue.path.join('.') || 'it'}: ${issue.code}`).join('; ');
  throw new Permanent('task.invalid', `input or output of the task does not fit: ${wrong}`);
};
