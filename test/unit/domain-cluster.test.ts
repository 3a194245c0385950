import { describe, expect, it } from 'vitest';
import type { ClusterPhase } from '#core/contract/cluster.ts';
import { Cluster } from '#core/contract/cluster.ts';
import { AppError } from '#core/contract/errors.ts';
import { ClusterChanged } from '#core/contract/socket.ts';
import { plus } from '#core/domain/clock.ts';
import { decideCluster } from '#core/domain/cluster.ts';
import type { ClusterCommand, ClusterSubject } from '#core/domain/cluster-command.ts';
import { type ClusterState, isExpired } from '#core/domain/cluster-state.ts';
import { conditionsAt, toCluster, toClusterChanged } from '#core/domain/cluster-view.ts';
import type { Lease } from '#core/domain/link.ts';
import { isOpen, type OperationState } from '#core/domain/operation.ts';
import { LIMITS, START, spec, TIMINGS } from '#test/builders/world.ts';

let ids = 0;
const newId = (prefix: string) => `${prefix}_${String(++ids).padStart(26, '0')}`;
const at = (seconds: number) => ({ now: plus(START, seconds), newId });
const ACCOUNT = `acc_${'0'.repeat(26)}`;
const TEAM = `team_${'0'.repeat(26)}`;
const FAILURE = { code: 'provider.failed', message: 'no capacity', help: 'retry', step: 'EnsureCluster' };

const create: ClusterCommand = {
  type: 'create',
  actor: `account:${ACCOUNT}`,
  account: ACCOUNT,
  team: TEAM,
  spec: spec(),
  limits: LIMITS,
  timings: TIMINGS,
};

/** What is stored after a decision: the cluster, and the operation that it names. */
const outcome = (
  subject: ClusterSubject,
  command: ClusterCommand,
  seconds = 0,
): { cluster: ClusterState; operation: OperationState } => {
  const { next, writes } = decideCluster(subject, command, at(seconds));
  const operations = writes
    .map((write) => write.next)
    .filter((each) => each.entity === 'Operation') as OperationState[];
  const named = next.operationId ?? next.lastOperationId;
  return {
    cluster: next,
    operation: (operations.find((each) => each.id === named) ?? subject.operation) as OperationState,
  };
};
const pending = () => outcome({ cluster: null, operation: null }, create);
const run = (
  subject: { cluster: ClusterState; operation: OperationState },
  command: 'created' | 'deleted' | 'fail' | 'step',
  seconds = 0,
) => {
  const operation = subject.cluster.operationId as string;
  if (command === 'fail') return outcome(subject, { type: 'fail', operation, error: FAILURE }, seconds);
  if (command === 'step') return outcome(subject, { type: 'step', operation, step: 'EnsureCluster' }, seconds);
  return outcome(subject, { type: command, operation }, seconds);
};
const ready = () => run(pending(), 'created');
const deleting = () => outcome(ready(), { type: 'delete', actor: 'a', timings: TIMINGS });
const inPhase: Record<Exclude<ClusterPhase, 'Pivoting'>, () => { cluster: ClusterState; operation: OperationState }> = {
  Pending: pending,
  Provisioning: () => run(pending(), 'step'),
  Ready: ready,
  Deleting: deleting,
  Deleted: () => run(deleting(), 'deleted'),
  Failed: () => run(pending(), 'fail'),
};

const codeOf = (act: () => unknown): string => {
  try {
    act();
    return 'allowed';
  } catch (error) {
    if (error instanceof AppError) return error.code;
    throw error;
  }
};

describe('the transition table', () => {
  const commands: Record<string, (of: { cluster: ClusterState }) => ClusterCommand> = {
    step: ({ cluster }) => ({ type: 'step', operation: cluster.operationId ?? 'opn_none', step: 'X' }),
    created: ({ cluster }) => ({ type: 'created', operation: cluster.operationId ?? 'opn_none' }),
    deleted: ({ cluster }) => ({ type: 'deleted', operation: cluster.operationId ?? 'opn_none' }),
    fail: ({ cluster }) => ({ type: 'fail', operation: cluster.operationId ?? 'opn_none', error: FAILURE }),
    delete: () => ({ type: 'delete', actor: 'a', timings: TIMINGS }),
    expire: () => ({ type: 'expire', timings: TIMINGS }),
    warn: () => ({ type: 'warn' }),
    retry: () => ({ type: 'retry', actor: 'a', timings: TIMINGS }),
    extend: () => ({ type: 'extend', actor: 'a', ttlSeconds: 600 }),
    drain: ({ cluster }) => ({ type: 'drain', operation: cluster.operationId ?? 'opn_none' }),
  };

  it('allows each command in its phases and answers the code of the refusal elsewhere', () => {
    const table = Object.fromEntries(
      Object.entries(inPhase).map(([phase, make]) => [
        phase,
        Object.fromEntries(
          Object.entries(commands).map(([name, command]) => {
            const subject = make();
            return [name, codeOf(() => decideCluster(subject, command(subject), at(1)))];
          }),
        ),
      ]),
    );
    const no = 'operation.superseded';
    expect(table).toEqual({
      Pending: {
        step: 'allowed',
        created: 'allowed',
        deleted: no,
        fail: 'allowed',
        delete: 'allowed',
        expire: no,
        warn: no,
        retry: 'cluster.not_failed',
        extend: 'cluster.not_ready',
        drain: no,
      },
      Provisioning: {
        step: 'allowed',
        created: 'allowed',
        deleted: no,
        fail: 'allowed',
        delete: 'allowed',
        expire: no,
        warn: no,
        retry: 'cluster.not_failed',
        extend: 'cluster.not_ready',
        drain: no,
      },
      Ready: {
        step: no,
        created: no,
        deleted: no,
        fail: no,
        delete: 'allowed',
        expire: 'allowed',
        warn: 'allowed',
        retry: 'cluster.not_failed',
        extend: 'allowed',
        drain: no,
      },
      Deleting: {
        step: 'allowed',
        created: no,
        deleted: 'allowed',
        fail: 'allowed',
        delete: 'allowed',
        expire: no,
        warn: no,
        retry: 'cluster.not_failed',
        extend: 'cluster.deleting',
        drain: 'allowed',
      },
      Deleted: {
        step: no,
        created: no,
        deleted: no,
        fail: no,
        delete: 'not_found',
        expire: 'not_found',
        warn: 'not_found',
        retry: 'not_found',
        extend: 'not_found',
        drain: no,
      },
      Failed: {
        step: no,
        created: no,
        deleted: no,
        fail: no,
        delete: 'allowed',
        expire: 'allowed',
        warn: no,
        retry: 'allowed',
        extend: 'cluster.not_ready',
        drain: no,
      },
    });
  });

  it('answers not_found where there is no cluster', () => {
    expect(codeOf(() => decideCluster({ cluster: null, operation: null }, { type: 'warn' }, at(0)))).toBe('not_found');
  });
});

describe('a workflow', () => {
  it('enters steps; entering the same one again changes nothing', () => {
    const first = run(pending(), 'step', 5);
    expect(first).toMatchObject({
      cluster: { phase: 'Provisioning', step: 'EnsureCluster' },
      operation: { state: 'Running' },
    });
    const again = decideCluster(first, { type: 'step', operation: first.operation.id, step: 'EnsureCluster' }, at(6));
    expect(again).toMatchObject({ writes: [], claims: [], audit: [], next: first.cluster });
    const second = outcome(first, { type: 'step', operation: first.operation.id, step: 'Observe' }, 9);
    expect(second.operation.steps).toEqual([
      { name: 'EnsureCluster', startedAt: plus(START, 5), endedAt: plus(START, 9) },
      { name: 'Observe', startedAt: plus(START, 9) },
    ]);
  });

  it('whose operation was superseded may not record anything', () => {
    const before = run(pending(), 'step');
    const gone = outcome(before, { type: 'delete', actor: 'a', timings: TIMINGS });
    for (const type of ['created', 'deleted'] as const)
      expect(codeOf(() => decideCluster(gone, { type, operation: before.operation.id }, at(1)))).toBe(
        'operation.superseded',
      );
  });

  it('keeps the step and the reason of its failure; a retry is a new operation of the same kind', () => {
    const failed = run(run(pending(), 'step'), 'fail', 60);
    expect(failed.cluster).toMatchObject({
      phase: 'Failed',
      step: 'EnsureCluster',
      error: FAILURE,
      operationId: undefined,
    });
    expect(failed.operation).toMatchObject({ state: 'Failed', error: FAILURE });
    const retried = outcome(failed, { type: 'retry', actor: 'a', timings: TIMINGS }, 70);
    expect(retried.cluster).toMatchObject({
      phase: 'Pending',
      step: undefined,
      error: undefined,
      expiresAt: undefined,
    });
    expect(retried.operation).toMatchObject({ kind: 'cluster-create', retryOf: failed.operation.id, state: 'Pending' });
  });

  it('of a failed delete is retried as a delete', () => {
    const failed = run(deleting(), 'fail');
    const retried = outcome(failed, { type: 'retry', actor: 'a', timings: TIMINGS });
    expect(retried).toMatchObject({ cluster: { phase: 'Deleting' }, operation: { kind: 'cluster-delete' } });
  });

  it('that was deleted gives name and capacity back', () => {
    const subject = deleting();
    const { claims, next } = decideCluster(subject, { type: 'deleted', operation: subject.operation.id }, at(9));
    expect(claims).toEqual(
      expect.arrayContaining([
        { claim: 'cluster-name-release', team: TEAM, name: 'demo', cluster: subject.cluster.id },
        expect.objectContaining({ claim: 'capacity', clusters: -1, vcpu: -4 }),
        { claim: 'await-release', operation: subject.operation.id },
      ]),
    );
    expect(next).toMatchObject({ phase: 'Deleted', deletedAt: plus(START, 9), expiresAt: undefined, agent: undefined });
  });

  it('cannot end an operation that is not open any more', () => {
    const subject = pending();
    const ended = { ...subject.operation, state: 'Succeeded' as const };
    const given = { cluster: subject.cluster, operation: ended };
    for (const type of ['created', 'step'] as const)
      expect(
        codeOf(() => decideCluster(given, { type, operation: ended.id, step: 'X' } as ClusterCommand, at(1))),
      ).toBe('operation.superseded');
  });
});

describe('a delete', () => {
  it('supersedes the open operation and takes its place', () => {
    const before = run(pending(), 'step');
    const { next, operation, writes, claims } = decideCluster(
      before,
      { type: 'delete', actor: 'a', timings: TIMINGS },
      at(9),
    );
    expect(next).toMatchObject({ phase: 'Deleting', operationId: operation?.id, lastOperationId: before.operation.id });
    expect(writes.map((write) => write.next)).toContainEqual(
      expect.objectContaining({ id: before.operation.id, state: 'Superseded', supersededBy: operation?.id }),
    );
    expect(claims).toEqual([{ claim: 'await-release', operation: before.operation.id }]);
  });

  it('that is repeated changes nothing and names the same operation', () => {
    const subject = deleting();
    const again = decideCluster(subject, { type: 'delete', actor: 'b', timings: TIMINGS }, at(9));
    expect(again).toMatchObject({ writes: [], audit: [], operation: { id: subject.operation.id } });
  });

  it('asks the agent once to empty the cluster', () => {
    const subject = deleting();
    const drain = { type: 'drain', operation: subject.operation.id } as const;
    const asked = outcome(subject, drain, 3);
    expect(asked.cluster.drain).toEqual({ requestedAt: plus(START, 3) });
    expect(decideCluster(asked, drain, at(4)).writes).toEqual([]);
  });
});

describe('the time to live', () => {
  it('counts from the first Ready', () => {
    const { cluster } = run(pending(), 'created', 900);
    expect(cluster).toMatchObject({ readyAt: plus(START, 900), expiresAt: plus(START, 900 + 3600) });
  });

  it('is extended from now, and clipped at 48 h from the first Ready', () => {
    const extend = (seconds: number, ttlSeconds: number) =>
      outcome(ready(), { type: 'extend', actor: 'a', ttlSeconds }, seconds).cluster;
    expect(extend(1800, 3600)).toMatchObject({ expiresAt: plus(START, 5400), ttlSeconds: 3600, revision: 2 });
    expect(extend(3599, 172_800).expiresAt).toBe(plus(START, 172_800));
    expect(extend(10, 600).expiresAt).toBe(plus(START, 610));
  });

  it('is over at its very second: nothing but a delete is done then', () => {
    const subject = ready();
    expect(isExpired(subject.cluster, plus(START, 3599))).toBe(false);
    expect(isExpired(subject.cluster, plus(START, 3600))).toBe(true);
    const code = (command: ClusterCommand) => codeOf(() => decideCluster(subject, command, at(3600)));
    expect(code({ type: 'extend', actor: 'a', ttlSeconds: 600 })).toBe('cluster.expired');
    expect(code({ type: 'delete', actor: 'a', timings: TIMINGS })).toBe('allowed');
    const failed = run(pending(), 'fail');
    expect(codeOf(() => decideCluster(failed, { type: 'retry', actor: 'a', timings: TIMINGS }, at(3600)))).toBe(
      'cluster.expired',
    );
  });

  it('ends in a delete by the system, but not for a cluster that was extended meanwhile', () => {
    const subject = ready();
    const expired = decideCluster(subject, { type: 'expire', timings: TIMINGS }, at(3600));
    expect(expired).toMatchObject({
      next: { phase: 'Deleting' },
      audit: [{ actor: 'system', action: 'cluster.expire' }],
    });
    const extended = outcome(subject, { type: 'extend', actor: 'a', ttlSeconds: 7200 }, 3599);
    expect(decideCluster(extended, { type: 'expire', timings: TIMINGS }, at(3600)).writes).toEqual([]);
  });

  it('is announced once for each end, and an extension takes the announcement back', () => {
    const warned = outcome(ready(), { type: 'warn' }, 2700);
    expect(warned.cluster.conditions).toContainEqual(
      expect.objectContaining({ type: 'Expired', status: 'False', reason: 'ExpiresSoon' }),
    );
    expect(decideCluster(warned, { type: 'warn' }, at(2760)).writes).toEqual([]);
    const extended = outcome(warned, { type: 'extend', actor: 'a', ttlSeconds: 3600 }, 2800);
    expect(extended.cluster.conditions.some((each) => each.type === 'Expired')).toBe(false);
    expect(decideCluster(extended, { type: 'warn' }, at(5500)).writes).toHaveLength(1);
  });

  it('is over although a delete failed: the row says when the next one is, and who does not want to wait need not', () => {
    const expired = outcome(ready(), { type: 'expire', timings: TIMINGS }, 3600);
    const failed = run(expired, 'fail', 3610);
    expect(failed.cluster).toMatchObject({ phase: 'Failed', deleteAgainAt: plus(START, 3730) });
    const said = expect.objectContaining({
      type: 'Expired',
      status: 'True',
      lastTransitionTime: plus(START, 3600),
      message: expect.stringContaining(plus(START, 3730)),
    });
    expect(conditionsAt(failed.cluster, null, plus(START, 3611))).toContainEqual(said);
    expect(toClusterChanged(failed.cluster).conditions).toContainEqual(said);
    expect(decideCluster(failed, { type: 'expire', timings: TIMINGS }, at(3729)).writes).toEqual([]);
    expect(decideCluster(failed, { type: 'expire', timings: TIMINGS }, at(3730)).next.phase).toBe('Deleting');
    for (const command of ['delete', 'retry'] as const) {
      const { cluster, operation } = outcome(failed, { type: command, actor: 'a', timings: TIMINGS }, 3611);
      expect(cluster).toMatchObject({ phase: 'Deleting', deleteAgainAt: undefined });
      expect(operation).toMatchObject({ kind: 'cluster-delete', state: 'Pending' });
    }
  });

  it('is not over when a person’s delete fails in it: nothing is deleted again before its end', () => {
    const failed = run(deleting(), 'fail', 10);
    expect(failed.cluster).toMatchObject({ deleteAgainAt: undefined, expiresAt: plus(START, 3600) });
    expect(decideCluster(failed, { type: 'expire', timings: TIMINGS }, at(3599)).writes).toEqual([]);
  });

  it('of a cluster that never became ready counts from its failure', () => {
    expect(run(pending(), 'fail', 100).cluster.expiresAt).toBe(plus(START, 3700));
  });
});

describe('a cluster as it is shown', () => {
  const lease = (seconds: number): Lease => ({
    link: 1,
    lastSeenAt: plus(START, seconds),
    paceSeconds: 30,
    staleAfterSeconds: 90,
  });
  const connected = (): ClusterState => ({
    ...ready().cluster,
    agent: { link: 1, connectionId: 'c', connectedAt: START, version: '0.1.0', kubernetesVersion: '1.35', seq: 0 },
    conditions: [{ type: 'Connected', status: 'True', reason: 'Hello', message: '', lastTransitionTime: START }],
  });
  const connectedAt = (seconds: number, held: Lease | null) =>
    conditionsAt(connected(), held, plus(START, seconds)).find((each) => each.type === 'Connected');

  it('is Expired from its end on, computed where it is read', () => {
    const { cluster } = ready();
    expect(conditionsAt(cluster, null, plus(START, 3600))).toContainEqual(
      expect.objectContaining({ type: 'Expired', status: 'True', lastTransitionTime: plus(START, 3600) }),
    );
    expect(conditionsAt(cluster, null, plus(START, 3599)).some((each) => each.type === 'Expired')).toBe(false);
  });

  it('is not Connected once its lease is stale, since that moment', () => {
    expect(connectedAt(90, lease(0))?.status).toBe('True');
    expect(connectedAt(91, lease(0))).toMatchObject({
      status: 'False',
      reason: 'HeartbeatLost',
      lastTransitionTime: plus(START, 90),
    });
    expect(connectedAt(91, { ...lease(0), link: 2 })?.status).toBe('True');
    expect(connectedAt(91, null)?.status).toBe('True');
  });

  it('is what the contract says, in every phase, also when it is pushed, and holds nothing of the inside', () => {
    for (const make of Object.values(inPhase)) {
      const { cluster } = make();
      expect(Cluster.parse(toCluster(cluster, null, START))).not.toHaveProperty('entity');
      expect(ClusterChanged.parse(toClusterChanged(cluster)).deleted).toBe(
        cluster.phase === 'Deleted' ? true : undefined,
      );
    }
    expect(toCluster(connected(), lease(5), plus(START, 10)).agent).toMatchObject({ lastSeenAt: plus(START, 5) });
  });

  it('stays small enough to push whatever its messages say', () => {
    const conditions = Array.from({ length: 8 }, (_, n) => ({
      type: `T${n}`,
      status: 'True' as const,
      reason: 'R',
      message: 'x'.repeat(1024),
      lastTransitionTime: START,
    }));
    expect(Buffer.byteLength(JSON.stringify(toClusterChanged({ ...connected(), conditions })))).toBeLessThanOrEqual(
      4096,
    );
  });
});

it('an open operation is one that is pending or running', () => {
  const states = (['Pending', 'Running', 'Succeeded', 'Failed', 'Superseded'] as const).filter((state) =>
    isOpen({ ...pending().operation, state }),
  );
  expect(states).toEqual(['Pending', 'Running']);
});
