import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { AppError } from '#core/contract/errors.ts';
import { plus } from '#core/domain/clock.ts';
import { nothing, write } from '#core/domain/decision.ts';
import { connect as linkConnected, renewed } from '#core/domain/link.ts';
import { infrastructureName } from '#core/domain/names.ts';
import { isOpen } from '#core/domain/operation.ts';
import type { OrphanItem } from '#core/store/clusters.ts';
import { sha256 } from '#core/store/keys.ts';
import { isOrphanMinute, sweepOrphans } from '#functions/schedule/duties/clouds.ts';
import { sweepSeats } from '#functions/schedule/duties/seats.ts';
import { type SweepDeps, sweep } from '#functions/schedule/duties/sweep.ts';
import type { Owned } from '#functions/tasks/providers/provider.ts';
import { createExecutions } from '#test/builders/executions.ts';
import { createWorld, HELLO, SEAT_LIMITS, SEAT_TIMINGS, TIMINGS, type World } from '#test/builders/world.ts';
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

describe('one thing that cannot be done', () => {
  it('keeps no other of its duty from being done, and the sweep fails', async () => {
    const [one, two] = [
      await world.readyCluster(owner, { name: 'one' }),
      await world.readyCluster(owner, { name: 'two' }),
    ];
    const { next: three } = await world.cluster(owner, { name: 'three' });
    const { next: four } = await world.cluster(owner, { name: 'four' });
    world.pass(3601);
    const sick = new Set([one.next.id, three.operationId]);
    const refuse = <T extends (id: string) => Promise<unknown>>(read: T) =>
      (async (id: string) => (sick.has(id) ? Promise.reject(new Error('sick')) : read(id))) as T;
    const { clusters } = world.store;
    const store = {
      ...world.store,
      clusters: { ...clusters, subject: refuse(clusters.subject), operation: refuse(clusters.operation) },
    };
    await expect(sweepOnce({ store })).rejects.toThrow('the sweeper failed at: operations, expiries');
    const phases = [one.next, two.next, three, four].map(async ({ id }) => (await clusters.cluster(id))?.phase);
    expect(await Promise.all(phases)).toEqual(['Ready', 'Deleting', 'Pending', 'Failed']);
  });

  it.each(['group', 'secret'] as const)('of dev pods leaves the others too: a %s', async (kind) => {
    const { clusters, groups, secrets } = world.store;
    const due = (async (of: string) =>
      of === kind ? ['one', 'two'].map((id) => ({ id, holder: id, name: id })) : []) as typeof clusters.due;
    const refused = () => Promise.reject(new Error('sick'));
    const store: World['store'] = {
      ...world.store,
      clusters: { ...clusters, due },
      groups: { ...groups, group: refused },
      secrets: { ...secrets, get: refused },
    };
    await expect(sweepSeats(depsOf({ store }))).rejects.toThrow('2 of 2 failed: one, two');
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

  it('of an agent that is back while the sweeper puts its lease to rest are looked at again', async () => {
    const { id } = await connected();
    world.pass(92);
    const back = async () => {
      const link = await world.store.clusters.nextLink(id);
      await world.store.commit(nothing, { now: world.now(), newId: world.newId }, [
        world.store.clusters.leaseStep(id, { link, lastSeenAt: world.now(), paceSeconds: 30, staleAfterSeconds: 90 }),
      ]);
    };
    const store: World['store'] = {
      ...world.store,
      commit: async (...given) => {
        await world.store.commit(...given);
        await back();
      },
    };
    await sweepOnce({ store });
    const due = await world.store.clusters.due<{ cluster: string }>('lease', plus(world.now(), 91));
    expect(due.map(({ cluster }) => cluster)).toContain(id);
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
  const OLD = '2026-11-21T11:00:00.000Z';
  /** A cloud in which each look at what is deleted finds it one step further, with one leftover. */
  const cloud = (owned: readonly Owned[]) => {
    const there = new Map(owned.map((each) => [each.name, { ...each, going: false }]));
    const left = new Map(owned.map(({ name }) => [name, 1]));
    const asked: string[] = [];
    return {
      asked,
      there,
      left,
      name: 'eks',
      versions: async () => ({ default: '1.35', offered: ['1.34', '1.35'] }),
      listOwned: async (): Promise<readonly Owned[]> => [...there.values()],
      remove: async (name: string) => {
        asked.push(name);
        const found = there.get(name);
        if (found === undefined) return 'gone' as const;
        if (found.going) there.delete(name);
        found.going = true;
        return 'going' as const;
      },
      observeGone: async (name: string) => (there.has(name) ? ('blocked' as const) : ('gone' as const)),
      leftovers: async (name: string) => {
        const before = left.get(name) ?? 0;
        left.set(name, before - 1);
        return before;
      },
    };
  };
  const orphans = () => world.store.clusters.due<OrphanItem>('orphan', world.now());

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
    const eks = cloud([
      { name: 'rs-alive', clusterId: alive.id, createdAt: OLD },
      { name: 'rs-unknown', clusterId: world.newId('clu'), createdAt: OLD },
      { name: 'rs-unmarked', clusterId: undefined, createdAt: OLD },
      { name: 'rs-young', clusterId: world.newId('clu'), createdAt: world.now() },
    ]);
    await sweepOrphans(depsOf({ clouds: [eks] }));
    expect(eks.asked).toEqual(['rs-unknown', 'rs-unmarked']);
  });

  it('lose what an orphan leaves behind, although they name it no more', async () => {
    const eks = cloud([{ name: 'rs-lost', clusterId: undefined, createdAt: OLD }]);
    const deps = depsOf({ clouds: [eks] });
    await sweepOrphans(deps);
    await sweepOrphans(deps);
    expect([eks.there.size, eks.left.get('rs-lost')]).toEqual([0, 1]);
    expect(await orphans()).toMatchObject([{ name: 'rs-lost', provider: 'eks' }]);
    await sweepOrphans(deps);
    expect(await orphans()).toHaveLength(1);
    await sweepOrphans(deps);
    expect(eks.left.get('rs-lost')).toBe(-1);
    expect(await orphans()).toEqual([]);
    await sweepOrphans(deps);
    expect(eks.asked).toHaveLength(4);
  });

  it('keep what was an orphan and belongs to somebody again', async () => {
    const { next: alive } = await world.cluster(owner);
    const orphan = { provider: 'eks', name: 'rs-found', clusterId: alive.id, since: OLD };
    await world.store.clusters.putOrphan(orphan);
    const eks = cloud([{ ...orphan, createdAt: OLD }]);
    await sweepOrphans(depsOf({ clouds: [eks] }));
    expect([eks.asked, await orphans()]).toEqual([[], []]);
  });

  it('lose the other orphans where one cannot be removed, and the sweep fails', async () => {
    const eks = cloud(['rs-a', 'rs-b'].map((name) => ({ name, clusterId: undefined, createdAt: OLD })));
    const stuck = {
      ...eks,
      remove: async (name: string) => (name === 'rs-a' ? Promise.reject(new Error('denied')) : eks.remove(name)),
    };
    await expect(sweepOrphans(depsOf({ clouds: [stuck] }))).rejects.toThrow('eks');
    expect(eks.asked).toEqual(['rs-b']);
  });

  it('that lost a Ready cluster of theirs fail it with the reason, and no other', async () => {
    const { next: lost } = await world.readyCluster(owner);
    const { next: kept } = await world.readyCluster(owner, { name: 'kept' });
    const { next: unlisted } = await world.readyCluster(owner, { name: 'unlisted' });
    const { next: elsewhere } = await world.readyCluster(owner, { name: 'elsewhere', provider: 'kind' });
    const { next: young } = await world.cluster(owner, { name: 'young' });
    const owned = [kept, unlisted].map(({ id }) => ({ name: infrastructureName(id), clusterId: id, createdAt: OLD }));
    const eks = cloud(owned);
    // A list may lack what is there.
    await sweepOrphans(depsOf({ clouds: [{ ...eks, listOwned: async () => owned.slice(0, 1) }] }));
    const phases = async () =>
      Promise.all(
        [lost, kept, unlisted, elsewhere, young].map(async ({ id }) => (await world.store.clusters.cluster(id))?.phase),
      );
    expect(await phases()).toEqual(['Failed', 'Ready', 'Ready', 'Ready', 'Pending']);
    const failed = await world.store.clusters.cluster(lost.id);
    expect(failed).toMatchObject({ error: { code: 'provider.vanished' }, expiresAt: lost.expiresAt });
    expect(failed?.conditions.find(({ type }) => type === 'Ready')).toMatchObject({
      status: 'False',
      reason: 'Vanished',
    });
    await sweepOrphans(depsOf({ clouds: [eks] }));
    expect((await world.store.clusters.cluster(lost.id))?.version).toBe(failed?.version);
    // It can be made anew.
    const { next } = await world.decide(lost.id, { type: 'retry', actor: 'account:a', timings: TIMINGS });
    expect(await operationOf(next.id)).toMatchObject({ kind: 'cluster-create', state: 'Pending' });
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
      { numRuns: 6 },
    );
  }, 120_000);
});
