import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { AppError } from '#core/contract/errors.ts';
import { decideCluster } from '#core/domain/cluster.ts';
import type { ClusterState } from '#core/domain/cluster-state.ts';
import type { Decision } from '#core/domain/decision.ts';
import type { OperationState } from '#core/domain/operation.ts';
import { Stale } from '#core/store/commit.ts';
import { type Deps, newId, newSecret } from '#functions/lib/deps.ts';
import { type TaskSpec, task } from '#functions/lib/task.ts';
import { Retryable } from '#functions/lib/task-error.ts';
import { LIMITS, START, spec, TIMINGS } from '../builders/world.ts';

/** A table of one cluster and its operation: commits apply, or fail as told. */
const setUp = (failing: readonly Error[] = []) => {
  const context = { now: START, newId };
  const begun = decideCluster(
    { cluster: null, operation: null },
    {
      type: 'create',
      actor: 'account:acc_1',
      account: 'acc_1',
      team: 'team_1',
      spec: spec(),
      limits: LIMITS,
      timings: TIMINGS,
    },
    context,
  );
  let cluster: ClusterState = begun.next;
  const operations = new Map<string, OperationState>([
    [begun.operation?.id as string, begun.operation as OperationState],
  ]);
  const left = [...failing];
  const commits: Decision[] = [];
  const warned: unknown[] = [];
  const commit = async (decision: Decision): Promise<void> => {
    const failure = left.shift();
    if (failure !== undefined) throw failure;
    commits.push(decision);
    for (const { next } of decision.writes) {
      if (next.entity === 'Cluster') cluster = next as ClusterState;
      if (next.entity === 'Operation') operations.set(next.id, next as OperationState);
    }
  };
  const deps = {
    now: () => START,
    newId,
    newSecret,
    log: { debug: () => {}, info: () => {}, warn: (...line: unknown[]) => warned.push(line), error: () => {} },
    store: {
      commit,
      clusters: {
        operation: async (id: string) => operations.get(id) ?? null,
        subject: async () => ({
          cluster,
          operation: operations.get((cluster.operationId ?? cluster.lastOperationId) as string) ?? null,
        }),
      },
    },
  } as unknown as Deps;
  const decide = (command: Parameters<typeof decideCluster>[1]) =>
    commit(
      decideCluster(
        { cluster, operation: operations.get((cluster.operationId ?? cluster.lastOperationId) as string) ?? null },
        command,
        context,
      ),
    );
  return {
    deps,
    commits,
    warned,
    decide,
    operationId: begun.operation?.id as string,
    cluster: () => cluster,
    operation: (id: string) => operations.get(id),
  };
};

const plain = (change: Partial<TaskSpec<object, unknown, string>> = {}): TaskSpec<object, unknown, string> => ({
  step: 'EnsureCluster',
  output: z.string(),
  run: async ({ cluster }) => cluster.id,
  ...change,
});

describe('a task', () => {
  it('enters its step before it acts: Provisioning, with the step’s name', async () => {
    const { deps, operationId, cluster, operation } = setUp();
    let atRun: ClusterState | undefined;
    const looking = plain({
      run: async (call) => {
        atRun = call.cluster;
        return 'x';
      },
    });
    await task(looking)(deps)({ operationId });
    expect(atRun).toMatchObject({ phase: 'Provisioning', step: 'EnsureCluster' });
    expect(cluster()).toMatchObject({ phase: 'Provisioning', step: 'EnsureCluster' });
    expect(operation(operationId)).toMatchObject({ state: 'Running', steps: [{ name: 'EnsureCluster' }] });
  });

  it('enters its step once: a repeat moves no version', async () => {
    const { deps, operationId, cluster } = setUp();
    const run = task(plain())(deps);
    await run({ operationId });
    const { version } = cluster();
    await run({ operationId });
    expect(cluster().version).toBe(version);
  });

  it('decides again when somebody was faster', async () => {
    const { deps, operationId, cluster } = setUp([new Stale('Cluster'), new Stale('Cluster')]);
    await task(plain())(deps)({ operationId });
    expect(cluster().step).toBe('EnsureCluster');
  });

  it('is Retryable when the table is busy', async () => {
    const { deps, operationId } = setUp([new AppError('retry', { detail: 'the table was busy' })]);
    await expect(task(plain())(deps)({ operationId })).rejects.toMatchObject({
      name: 'Retryable',
      message: 'retry: the table was busy',
    });
  });

  it.each([[{}], [{ operationId: 'x' }], [null], ['text'], [{ operationId: 7 }]])(
    'refuses the input %j for ever',
    async (event) => {
      const { deps } = setUp();
      await expect(task(plain())(deps)(event)).rejects.toMatchObject({
        name: 'Permanent',
        message: expect.stringContaining('task.invalid'),
      });
    },
  );

  it('names what does not fit of its own input, and not the value', async () => {
    const { deps, operationId } = setUp();
    const waiting = task<object, { taskToken: string }, null>({
      input: z.object({ taskToken: z.string().max(3) }),
      output: z.null(),
      run: async () => null,
    });
    const error: Error = await waiting(deps)({ operationId, taskToken: 'a secret of somebody' }).then(
      () => new Error('ran'),
      (caught) => caught,
    );
    expect(error.message).toMatch(/taskToken: too_big/);
    expect(error.message).not.toContain('secret');
  });

  it('is Permanent for an operation that is not there', async () => {
    const { deps } = setUp();
    await expect(task(plain())(deps)({ operationId: newId('opn') })).rejects.toMatchObject({
      name: 'Permanent',
      message: expect.stringContaining('operation.unknown'),
    });
  });

  it('does nothing once a delete took over: Permanent, and neither step nor run', async () => {
    const { deps, operationId, decide, commits } = setUp();
    await decide({ type: 'delete', actor: 'x', timings: TIMINGS });
    let ran = false;
    const before = commits.length;
    const looking = plain({
      run: async () => {
        ran = true;
        return 'x';
      },
    });
    await expect(task(looking)(deps)({ operationId })).rejects.toMatchObject({
      name: 'Permanent',
      message: expect.stringContaining('operation.superseded'),
    });
    expect(ran).toBe(false);
    expect(commits.length).toBe(before);
  });

  it('records nothing when the delete came while it acted', async () => {
    const { deps, operationId, decide, cluster } = setUp();
    const late = plain({
      run: async ({ command, operation }) => {
        await decide({ type: 'delete', actor: 'x', timings: TIMINGS });
        await command({ type: 'created', operation: operation.id });
        return 'x';
      },
    });
    await expect(task(late)(deps)({ operationId })).rejects.toMatchObject({
      name: 'Permanent',
      message: expect.stringContaining('operation.superseded'),
    });
    expect(cluster().phase).toBe('Deleting');
  });

  it('answers for an operation that has ended where it can, else it is Permanent', async () => {
    const { deps, operationId, decide } = setUp();
    await decide({ type: 'created', operation: operationId });
    await expect(task(plain({ ended: ({ state }) => state }))(deps)({ operationId })).resolves.toBe('Succeeded');
    await expect(task(plain())(deps)({ operationId })).rejects.toMatchObject({ name: 'Permanent' });
  });

  it('lets out two error names only, and logs which operation and step', async () => {
    const { deps, operationId, warned } = setUp();
    const failing = (error: unknown) => task(plain({ run: async () => Promise.reject(error) }))(deps)({ operationId });
    await expect(failing(new TypeError('x'))).rejects.toMatchObject({ name: 'Retryable' });
    await expect(failing(new Retryable('provider.busy', 'x'))).rejects.toMatchObject({
      name: 'Retryable',
      message: 'provider.busy: x',
    });
    await expect(
      failing(Object.assign(new Error('no'), { name: 'AccessDenied', $metadata: { httpStatusCode: 403 } })),
    ).rejects.toMatchObject({ name: 'Permanent' });
    expect(warned).toHaveLength(3);
    expect(JSON.stringify(warned[1])).toContain(operationId);
    expect(JSON.stringify(warned[1])).toContain('EnsureCluster');
  });

  it('is Permanent when its answer is not what it promised', async () => {
    const { deps, operationId } = setUp();
    await expect(task(plain({ run: async () => 7 as unknown as string }))(deps)({ operationId })).rejects.toMatchObject(
      { name: 'Permanent', message: expect.stringContaining('task.invalid') },
    );
  });
});
