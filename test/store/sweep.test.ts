import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Hello } from '#core/contract/agent.ts';
import type { AppError } from '#core/contract/errors.ts';
import { write } from '#core/domain/decision.ts';
import { connect as linkConnected, renewed } from '#core/domain/link.ts';
import { isOpen } from '#core/domain/operation.ts';
import { sha256 } from '#core/store/keys.ts';
import { isOrphanMinute, sweepOrphans } from '#functions/schedule/duties/clouds.ts';
import { type SweepDeps, sweep } from '#functions/schedule/duties/sweep.ts';
import type { Owned } from '#functions/tasks/providers/provider.ts';
import { createExecutions } from '#test/builders/executions.ts';
import { createWorld, SEAT_LIMITS, SEAT_TIMINGS, TIMINGS, type World } from '#test/builders/world.ts';
import { startTable, type TestTable } from './table.ts';

let table: TestTable;
let world: World;
let owner: { id: string; team: string };
let executions: ReturnType<typeof createExecutions>;

beforeAll(async () => {
  table = await startTable();
});
afterAll(() => table.stop());

const fresh = async (): Promise<void> => {
  world = createWorld({ client: table.client, name: await table.another() });
  owner = await world.account();
  executions = createExecutions();
};
beforeEach(fresh);

const depsOf = (change: Partial<SweepDeps> = {}): SweepDeps => ({
  ...world,
  ...executions,
  limits: SEAT_LIMITS,
  timings: SEAT_TIMINGS,
  checkSeconds: 60,
  warningSeconds: 900,
  deleteDeadlineSeconds: TIMINGS.deleteDeadline,
  startGraceSeconds: TIMINGS.startGrace,
  clouds: [],
  orphanAgeSeconds: 1800,
  ...change,
});
const sweepOnce = (change: Partial<SweepDeps> = {}) => sweep(depsOf(change))();

const operationOf = async (cluster: string) => (await world.store.clusters.subject(cluster)).operation;

describe('operations', () => {
  it('without an execution are started after the grace time, not before', async () => {
    const { next } = await world.cluster(owner);
    await sweepOnce();
    expect(executions.started).toEqual([]);
    world.pass(61);
    await sweepOnce();
    expect(executions.started).toEqual([next.operationId]);
    world.pass(1);
    await sweepOnce();
    expect(executions.started).toEqual([next.operationId]);
  });

  it.each(['ABORTED', 'TIMED_OUT', 'FAILED', 'SUCCEEDED'] as const)(
    'whose execution ended as %s without an outcome are failed with their step, within two minutes',
    async (status) => {
      const { next } = await world.cluster(owner);
      await executions.start('cluster-create', next.operationId!);
      await world.decide(next.id, { type: 'step', operation: next.operationId!, step: 'ObserveCluster' });
      executions.end(next.operationId!, status);
      world.pass(61);
      await sweepOnce();
      expect(await world.store.clusters.cluster(next.id)).toMatchObject({
        phase: 'Failed',
        step: 'ObserveCluster',
        error: { code: 'operation.execution_ended' },
      });
      expect(await operationOf(next.id)).toMatchObject({ state: 'Failed', error: { step: 'ObserveCluster' } });
    },
  );

  it('past their deadline are stopped and failed', async () => {
    const { next } = await world.cluster(owner);
    await executions.start('cluster-create', next.operationId!);
    world.pass(TIMINGS.createDeadline + 1);
    await sweepOnce();
    expect(executions.running()).toEqual([]);
    expect(await world.store.clusters.cluster(next.id)).toMatchObject({
      phase: 'Failed',
      error: { code: 'operation.deadline' },
    });
  });

  it('that wait are signalled when the condition holds and nobody else did', async () => {
    const { next } = await world.cluster(owner);
    executions.tokens.add('task');
    await world.store.clusters.putAwait(
      {
        operation: next.operationId!,
        resource: { type: 'cluster', id: next.id },
        awaited: 'drained',
        taskToken: 'task',
      },
      world.now(),
    );
    await sweepOnce();
    expect(executions.signalled).toEqual(['task']);
  });
});

describe('time to live', () => {
  it('is warned of once, 15 minutes ahead, and then ended', async () => {
    const { next } = await world.readyCluster(owner);
    await sweepOnce();
    expect((await world.store.clusters.cluster(next.id))?.warnedAt).toBeUndefined();
    world.pass(3600 - 899);
    await sweepOnce();
    const warned = await world.store.clusters.cluster(next.id);
    expect(warned?.conditions.find((each) => each.type === 'Expired')).toMatchObject({
      status: 'False',
      reason: 'ExpiresSoon',
    });
    await sweepOnce();
    expect((await world.store.clusters.cluster(next.id))?.version).toBe(warned?.version);
    world.pass(900);
    await sweepOnce();
    expect(await world.store.clusters.cluster(next.id)).toMatchObject({ phase: 'Deleting' });
    expect(await operationOf(next.id)).toMatchObject({ kind: 'cluster-delete', state: 'Pending', actor: 'system' });
  });

  it('extended in time is not ended, and the next end is warned of again', async () => {
    const { next } = await world.readyCluster(owner);
    world.pass(3000);
    await sweepOnce();
    await world.decide(next.id, { type: 'extend', actor: 'account:a', ttlSeconds: 3600 });
    world.pass(700);
    await sweepOnce();
    const extended = await world.store.clusters.cluster(next.id);
    expect([extended?.phase, extended?.warnedAt]).toEqual(['Ready', undefined]);
    world.pass(2001);
    await sweepOnce();
    expect((await world.store.clusters.cluster(next.id))?.warnedAt).toBeDefined();
  });

  it('loses cleanly to an extend that commits first', async () => {
    const { next } = await world.readyCluster(owner);
    world.pass(3599);
    const racing: World['store'] = {
      ...world.store,
      commit: async (decision, context, also) => {
        if (decision.audit[0]?.action === 'cluster.expire') {
          const late = decideExtend();
          await late;
        }
        return world.store.commit(decision, context, also);
      },
    };
    const decideExtend = async () => {
      const cluster = (await world.store.clusters.cluster(next.id))!;
      await world.store.commit(
        {
          writes: [write(cluster, { ...cluster, version: cluster.version + 1, expiresAt: '2026-11-22T12:00:00.000Z' })],
          claims: [],
          audit: [],
        },
        { now: world.now(), newId: world.newId },
      );
    };
    world.pass(2);
    await sweepOnce({ store: racing });
    expect(await world.store.clusters.cluster(next.id)).toMatchObject({
      phase: 'Ready',
      expiresAt: '2026-11-22T12:00:00.000Z',
    });
    await sweepOnce();
    expect(await world.store.clusters.cluster(next.id)).toMatchObject({ phase: 'Ready' });
  });

  it('that is over and whose delete failed is looked at again when the row says, not at every sweep', async () => {
    const { next } = await world.readyCluster(owner);
    world.pass(3600);
    await sweepOnce();
    const { operationId } = (await world.store.clusters.cluster(next.id))!;
    const failed = await world.decide(next.id, {
      type: 'fail',
      operation: operationId!,
      error: { code: 'provider.denied', message: 'no', help: 'x' },
    });
    const due = () => world.store.clusters.due<{ id: string }>('cluster', world.now());
    world.pass(119);
    await sweepOnce();
    expect(await world.store.clusters.cluster(next.id)).toEqual(failed.next);
    expect(await due()).toEqual([]);
    world.pass(1);
    expect((await due()).map(({ id }) => id)).toEqual([next.id]);
    await sweepOnce();
    expect(await world.store.clusters.cluster(next.id)).toMatchObject({ phase: 'Deleting' });
  });

  it('of a cluster that never became ready ends after its failure, so that nothing is paid for ever', async () => {
    const { next } = await world.cluster(owner);
    await world.decide(next.id, {
      type: 'fail',
      operation: next.operationId!,
      error: { code: 'provider.denied', message: 'no', help: 'x', step: 'EnsureCluster' },
    });
    world.pass(3601);
    await sweepOnce();
    expect(await world.store.clusters.cluster(next.id)).toMatchObject({ phase: 'Deleting' });
  });
});

describe('leases', () => {
  const HELLO: Hello = {
    protocol: { min: 1, max: 1 },
    agentVersion: '1',
    kubernetesVersion: '1.35',
    capabilities: [],
    clusterUid: 'uid',
    podUid: 'pod',
  };
  const connected = async () => {
    const { next } = await world.readyCluster(owner, { ttlSeconds: 172_800 });
    const token = (await world.store.tokens.byHash(sha256(await world.installToken(next))))!;
    const link = await world.store.clusters.nextLink(next.id);
    const pace = { paceSeconds: 30, staleAfterSeconds: 90 };
    const cluster = (await world.store.clusters.cluster(next.id))!;
    await world.store.commit(
      linkConnected(cluster, { link, connectionId: 'agent', hello: HELLO, token, replaced: null }, world.now()),
      { now: world.now(), newId: world.newId },
      [world.store.clusters.leaseStep(next.id, renewed(null, link, 30, pace, world.now()))],
    );
    const beat = () => world.store.clusters.touchLease(next.id, { link, lastSeenAt: world.now(), ...pace });
    return { id: next.id, beat };
  };
  const condition = async (id: string) =>
    (await world.store.clusters.cluster(id))?.conditions.find((each) => each.type === 'Connected');

  it('that are renewed stay, whatever the sweeper was told before', async () => {
    const { id, beat } = await connected();
    for (let n = 0; n < 5; n += 1) {
      world.pass(60);
      await beat();
      await sweepOnce();
    }
    expect(await condition(id)).toMatchObject({ status: 'True' });
  });

  it('that are stale end Connected once, with HeartbeatLost', async () => {
    const { id } = await connected();
    world.pass(92);
    await sweepOnce();
    expect(await condition(id)).toMatchObject({ status: 'False', reason: 'HeartbeatLost' });
    const version = (await world.store.clusters.cluster(id))?.version;
    world.pass(92);
    await sweepOnce();
    expect((await world.store.clusters.cluster(id))?.version).toBe(version);
  });
});

describe('clouds', () => {
  const cloud = (owned: readonly Owned[]) => {
    const removed: string[] = [];
    return {
      removed,
      name: 'eks',
      versions: async () => ({ default: '1.35', offered: ['1.34', '1.35'] }),
      listOwned: async () => owned,
      removeOrphan: async (name: string) => void removed.push(name),
    };
  };

  it('are asked for their versions when none are known, and again after a day', async () => {
    await sweepOnce({ clouds: [cloud([])] });
    expect(await world.store.clusters.versions('eks')).toMatchObject({ default: '1.35', refreshedAt: world.now() });
    const first = world.now();
    world.pass(3600);
    await sweepOnce({ clouds: [cloud([])] });
    expect((await world.store.clusters.versions('eks'))?.refreshedAt).toBe(first);
    world.pass(86_400);
    await sweepOnce({ clouds: [cloud([])] });
    expect((await world.store.clusters.versions('eks'))?.refreshedAt).toBe(world.now());
  });

  it('lose what carries our mark and belongs to nothing once it is old, and nothing else', async () => {
    const { next: alive } = await world.cluster(owner);
    const old = '2026-11-21T11:00:00.000Z';
    const eks = cloud([
      { name: 'rs-alive', clusterId: alive.id, createdAt: old },
      { name: 'rs-unknown', clusterId: world.newId('clu'), createdAt: old },
      { name: 'rs-unmarked', clusterId: undefined, createdAt: old },
      { name: 'rs-young', clusterId: world.newId('clu'), createdAt: world.now() },
    ]);
    await sweepOrphans(depsOf({ clouds: [eks] }));
    expect(eks.removed).toEqual(['rs-unknown', 'rs-unmarked']);
  });

  it('are looked through every ten minutes', () => {
    expect(
      [0, 1, 9, 10, 20].map((minute) => isOrphanMinute(`2026-11-21T12:${String(minute).padStart(2, '0')}:30.000Z`)),
    ).toEqual([true, false, false, true, true]);
  });

  it('that fail leave the other duties done, and the failure is counted', async () => {
    const { next } = await world.cluster(owner);
    world.pass(61);
    const broken = { ...cloud([]), versions: async () => Promise.reject(new Error('throttled')) };
    await expect(sweepOnce({ clouds: [broken] })).rejects.toThrow('versions');
    expect(executions.started).toEqual([next.operationId]);
  });
});

describe('with both consumers off', () => {
  /** One thing that may happen; executions go on or die, people ask, time passes. */
  const event = fc.oneof(
    fc.record({ kind: fc.constant('create' as const) }),
    fc.record({ kind: fc.constantFrom('delete' as const, 'retry' as const, 'extend' as const), nth: fc.nat(3) }),
    fc.record({ kind: fc.constantFrom('finish' as const, 'break' as const, 'die' as const, 'sweep' as const) }),
    fc.record({ kind: fc.constant('pass' as const), seconds: fc.integer({ min: 1, max: 2000 }) }),
  );

  /** What a workflow would do at its end. */
  const finish = async (name: string, well: boolean): Promise<void> => {
    const operation = await world.store.clusters.operation(name);
    executions.end(name, well ? 'SUCCEEDED' : 'FAILED');
    if (operation === null || !isOpen(operation)) return;
    const { id } = operation.resource;
    if (!well) await world.decide(id, { type: 'fail', operation: name, error: { code: 'x', message: 'x', help: 'x' } });
    else
      await world.decide(
        id,
        operation.kind === 'cluster-create'
          ? { type: 'created', operation: name }
          : { type: 'deleted', operation: name },
      );
  };

  it('everything converges: no operation stays open, no cluster in progress, and the quota counts what is there', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(event, { minLength: 5, maxLength: 25 }), async (events) => {
        await fresh();
        const ids: string[] = [];
        for (const each of events) {
          try {
            if (each.kind === 'create') ids.push((await world.cluster(owner, { name: `c${ids.length}` })).next.id);
            else if (each.kind === 'pass') world.pass(each.seconds);
            else if (each.kind === 'sweep') await sweepOnce();
            else if (each.kind === 'finish' || each.kind === 'break')
              for (const name of executions.running().slice(0, 1)) await finish(name, each.kind === 'finish');
            else if (each.kind === 'die')
              for (const name of executions.running().slice(0, 1)) executions.end(name, 'ABORTED');
            else if ('nth' in each) {
              const id = ids[each.nth];
              const by = { actor: 'account:a', timings: TIMINGS };
              if (id !== undefined)
                await world.decide(
                  id,
                  each.kind === 'extend'
                    ? { type: 'extend', actor: 'account:a', ttlSeconds: 600 }
                    : { type: each.kind, ...by },
                );
            }
          } catch (error) {
            if ((error as AppError).name !== 'AppError') throw error;
          }
        }
        for (const seconds of Array.from({ length: 6 }, () => [3700, 1, 61, 61]).flat()) {
          world.pass(seconds);
          await sweepOnce();
          for (const name of executions.running()) await finish(name, true);
        }
        const clusters = await Promise.all(ids.map((id) => world.store.clusters.subject(id)));
        for (const { cluster, operation } of clusters) {
          expect(operation === null || isOpen(operation)).toBe(false);
          expect(cluster?.operationId).toBeUndefined();
          // Nothing lives longer than its time: after six hours all that was made is gone.
          expect(cluster?.phase).toBe('Deleted');
        }
        expect(await world.store.clusters.deployment()).toMatchObject({ clusters: 0, vcpu: 0 });
      }),
      { numRuns: 12 },
    );
  }, 120_000);
});
