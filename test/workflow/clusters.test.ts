import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sha256 } from '#core/store/keys.ts';
import { TIMINGS } from '../builders/world.ts';
import { startTable, type TestTable } from '../store/table.ts';
import { createBench } from './bench.ts';
import { createHarbour } from './harbour.ts';

let table: TestTable;
beforeAll(async () => {
  table = await startTable();
});
afterAll(() => table.stop());

describe('a provider that nobody planned for', () => {
  it('has its clusters created and deleted by the same workflows', async () => {
    const bench = await createBench(table);
    const asked = await bench.ask('made-up');

    expect((await bench.create(asked)).status).toBe('SUCCEEDED');
    const ready = await bench.clusterOf(asked.id);
    expect(ready).toMatchObject({
      phase: 'Ready',
      endpoint: expect.stringContaining('https://rs-'),
      certificateAuthority: 'Q0E=',
    });
    expect(ready.expiresAt).toBeDefined();
    expect(ready.operationId).toBeUndefined();
    const operation = await bench.operation(asked.operationId as string);
    expect(operation.state).toBe('Succeeded');
    expect([...new Set(operation.steps.map((step) => step.name))]).toEqual([
      'EnsureCluster',
      'ObserveCluster',
      'GrantAccess',
      'EnsureCompute',
      'InstallAgent',
      'AwaitAgent',
    ]);
    expect(operation.steps.every((step) => step.endedAt !== undefined)).toBe(true);

    // More tokens than one transaction takes.
    const { id, team } = ready;
    await Promise.all(Array.from({ length: 60 }, () => bench.world.installToken({ id, team })));
    expect((await bench.remove(asked.id)).status).toBe('SUCCEEDED');
    expect((await bench.clusterOf(asked.id)).phase).toBe('Deleted');
    expect(bench.harbour.clusters.size).toBe(0);
    expect(bench.harbour.leftovers).toEqual([]);
    expect(await bench.world.store.clusters.deployment()).toMatchObject({ clusters: 0, vcpu: 0 });
    const tokens = await bench.world.store.tokens.ofCluster(asked.id);
    expect(tokens.length).toBeGreaterThan(0);
    expect(tokens.every((token) => token.revokedAt !== undefined)).toBe(true);
  });

  it('may give us no way in: then the person applies the manifest', async () => {
    const bench = await createBench(table, {
      harbour: createHarbour({ entered: false }),
      agent: { calls: false, drains: false },
    });
    const asked = await bench.ask('no-way-in');
    const { visited } = await bench.create(asked);
    expect(visited).toContain('AwaitAgent');
    expect(await bench.world.store.tokens.ofCluster(asked.id)).toEqual([]);
  });

  it('is refused with its name when it is not registered', async () => {
    const bench = await createBench(table);
    const { next } = await bench.world.cluster(bench.team, { name: 'unknown', provider: 'sandcastle' });
    expect((await bench.create(next)).status).toBe('FAILED');
    expect((await bench.clusterOf(next.id)).error).toMatchObject({
      code: 'provider.unknown',
      message: expect.stringContaining('sandcastle'),
    });
  });
});

describe('an agent', () => {
  it('that never comes fails the cluster with the step, the reason and what to do', async () => {
    const bench = await createBench(table, { agent: { calls: false, drains: false } });
    const asked = await bench.ask('silent');
    expect((await bench.create(asked)).status).toBe('FAILED');
    expect(await bench.clusterOf(asked.id)).toMatchObject({
      phase: 'Failed',
      step: 'AwaitAgent',
      error: { code: 'agent.no_hello', step: 'AwaitAgent', help: expect.stringContaining('retry') },
    });
  });

  it('that is dead holds up no delete', async () => {
    const bench = await createBench(table, { agent: { calls: true, drains: false } });
    const asked = await bench.ask('dead');
    await bench.create(asked);
    const { status, moves } = await bench.remove(asked.id);
    expect(status).toBe('SUCCEEDED');
    expect(moves).toContain('Drain → DeleteCluster');
    expect((await bench.clusterOf(asked.id)).phase).toBe('Deleted');
  });

  /** What an agent does with its install token. */
  const trade = async (bench: Awaited<ReturnType<typeof createBench>>, id: string): Promise<string> => {
    const [token] = await bench.world.store.tokens.ofCluster(id);
    if (token === undefined) throw new Error('no token');
    const { expiresAt: _, ...rest } = token;
    const own = { ...rest, id: bench.world.newId('tok'), hash: sha256(`own of ${id}`), kind: 'agent' as const };
    await bench.world.store.commit(
      { writes: [{ before: null, next: own }], claims: [], audit: [] },
      { now: bench.world.now(), newId: bench.world.newId },
    );
    return own.hash;
  };
  const secretsOf = (bench: Awaited<ReturnType<typeof createBench>>) =>
    [...bench.harbour.clusters.values()].map(({ applied }) =>
      applied.filter(({ kind }) => kind === 'Secret').map(({ data }) => Object.keys(data as object)),
    );

  it('that has its own token keeps it, and is given none, when the installation is repeated', async () => {
    const bench = await createBench(table);
    const asked = await bench.ask('kept');
    const withToken = await createBench(table, {
      harbour: bench.harbour,
      wrap: (name, call) => async (payload) => {
        const answer = await call(payload);
        if (name !== 'ClusterCreateInstallAgent') return answer;
        await trade(bench, asked.id);
        return call(payload);
      },
    });
    await withToken.perform('cluster-create', asked.id, asked.operationId as string);
    // All of it is applied again, as to mend what was cut short; the token alone is left out.
    expect(secretsOf(bench)).toEqual([
      [
        ['url', 'api', 'install-token'],
        ['url', 'api'],
      ],
    ]);
    expect((await bench.world.store.tokens.ofCluster(asked.id)).map(({ kind }) => kind).toSorted()).toEqual([
      'agent',
      'install',
    ]);
  });

  it('of a cluster that was made anew is installed with a token, and the one of the gone cluster ends', async () => {
    const bench = await createBench(table);
    const asked = await bench.ask('anew');
    await bench.create(asked);
    const old = await trade(bench, asked.id);
    bench.harbour.clusters.clear();
    await bench.world.decide(asked.id, { type: 'vanish' });
    expect(await bench.clusterOf(asked.id)).toMatchObject({ phase: 'Failed', error: { code: 'provider.vanished' } });

    const { next } = await bench.world.decide(asked.id, { type: 'retry', actor: 'system', timings: TIMINGS });
    expect((await bench.perform('cluster-create', asked.id, next.operationId as string)).status).toBe('SUCCEEDED');
    expect(secretsOf(bench)).toEqual([[['url', 'api', 'install-token']]]);
    expect((await bench.world.store.tokens.byHash(old))?.revokedAt).toBeDefined();
    expect(await bench.clusterOf(asked.id)).toMatchObject({ phase: 'Ready', clusterUid: 'kube-system-2' });
  });
});

describe('a failed create', () => {
  it('is retried as a new operation that resumes what is there', async () => {
    const agent = { calls: false, drains: false };
    const bench = await createBench(table, { agent });
    const asked = await bench.ask('retried');
    await bench.create(asked);
    agent.calls = true;
    const { next } = await bench.world.decide(asked.id, { type: 'retry', actor: 'system', timings: TIMINGS });
    const { status, visited } = await bench.perform('cluster-create', asked.id, next.operationId as string);
    expect(status).toBe('SUCCEEDED');
    expect(visited).not.toContain('FirstWait');
    expect(bench.harbour.made).toHaveLength(1);
    expect((await bench.clusterOf(asked.id)).phase).toBe('Ready');
    expect((await bench.operation(next.operationId as string)).retryOf).toBe(asked.operationId);
  });

  it('of a provider that never gets there ends at the deadline of activity', async () => {
    const bench = await createBench(table, { harbour: createHarbour({ looksUntil: 10_000 }) });
    const asked = await bench.ask('stuck');
    const { visited } = await bench.create(asked);
    expect((await bench.clusterOf(asked.id)).error).toMatchObject({
      code: 'provider.deadline',
      step: 'ObserveCluster',
    });
    // 30 minutes: 8 before the first look, then every half minute.
    expect(visited.filter((name) => name === 'ObserveCluster').length).toBeLessThanOrEqual(46);
  });

  it('of a delete that never gets there ends before the deadline of the operation, and can be retried', async () => {
    const harbour = createHarbour();
    const bench = await createBench(table, { harbour });
    const asked = await bench.ask('held');
    await bench.create(asked);
    const stuck = { ...harbour.provider, observeGone: async () => 'going' as const };
    const held = await createBench(table, { harbour: { ...harbour, provider: stuck } });
    const { next } = await bench.world.decide(asked.id, { type: 'delete', actor: 'system', timings: TIMINGS });
    await held.perform('cluster-delete', asked.id, next.operationId as string);
    const failed = await bench.clusterOf(asked.id);
    expect(failed).toMatchObject({ phase: 'Failed', error: { code: 'provider.deadline', step: 'ObserveDeleted' } });

    const retry = await bench.world.decide(asked.id, { type: 'retry', actor: 'system', timings: TIMINGS });
    expect(retry.next.phase).toBe('Deleting');
    await bench.perform('cluster-delete', asked.id, retry.next.operationId as string);
    expect((await bench.clusterOf(asked.id)).phase).toBe('Deleted');
  });
});

describe('a delete during a create', () => {
  it.each([
    'EnsureCluster',
    'ObserveCluster',
    'GrantAccess',
    'EnsureCompute',
    'InstallAgent',
    'AwaitAgent',
    'RecordSuccess',
  ])('at %s takes everything away and leaves no orphan', async (step) => {
    let removal: Promise<unknown> | undefined;
    const agent = { calls: false, drains: true };
    const bench = await createBench(table, {
      agent,
      wrap: (name, call) => async (payload) => {
        if (step === 'RecordSuccess') agent.calls = true;
        // The delete comes when the task has begun and has not yet acted.
        if (name === `ClusterCreate${step}` && removal === undefined) removal = bench.remove((await asked).id);
        return call(payload);
      },
    });
    const asked = bench.ask(`race-${step.toLowerCase()}`);
    const cluster = await asked;
    const outcome = await bench.create(cluster);
    await removal;

    expect(outcome.status).not.toBe('FAILED');
    expect((await bench.operation(cluster.operationId as string)).state).toBe('Superseded');
    expect((await bench.clusterOf(cluster.id)).phase).toBe('Deleted');
    expect(bench.harbour.clusters.size).toBe(0);
    expect(bench.harbour.leftovers).toEqual([]);
  });
});

describe('a function that a stopped execution left at work', () => {
  it('is done before the delete looks for what to take away', async () => {
    const harbour = createHarbour();
    const released = Promise.withResolvers<void>();
    const finished = Promise.withResolvers<void>();
    let removal: Promise<unknown> | undefined;
    const slow = {
      ...harbour.provider,
      ensure: async (cluster: Parameters<typeof harbour.provider.ensure>[0]) => {
        // The delete comes while this call is under way.
        removal ??= bench.remove(asked.id);
        await released.promise;
        const progress = await harbour.provider.ensure(cluster);
        finished.resolve();
        return progress;
      },
    };
    let looks = 0;
    const bench = await createBench(table, {
      harbour: { ...harbour, provider: slow },
      wrap: (name, call) => async (payload) => {
        if (name === 'ClusterDeleteStopOlder') {
          looks += 1;
          // The poll's wait: by its end the function has met its own time limit.
          if (looks === 2) {
            released.resolve();
            await finished.promise;
          }
        }
        const answer = await call(payload);
        // Without that poll the call would end only now: after the delete found nothing.
        if (name === 'ClusterDeleteDeleteCluster') released.resolve();
        return answer;
      },
    });
    const asked = await bench.ask('slow-function');
    await bench.create(asked);
    await removal;
    await finished.promise;
    expect(harbour.made).toHaveLength(1);
    expect(harbour.clusters.size).toBe(0);
    expect((await bench.clusterOf(asked.id)).phase).toBe('Deleted');
  });
});

describe('secrets', () => {
  it('of the manifest and the bootstrap are in no log line', async () => {
    const bench = await createBench(table);
    const asked = await bench.ask('secret');
    await bench.create(asked);
    const [berth] = [...bench.harbour.clusters.values()];
    const secret = berth?.applied.find(({ kind }) => kind === 'Secret')?.data as Record<string, string>;
    const installToken = Buffer.from(secret['install-token'] as string, 'base64').toString();
    expect(installToken).toMatch(/^rsi_.{40,}/);
    expect(bench.logged.length).toBeGreaterThan(5);
    for (const line of bench.logged) {
      expect(line).not.toContain(installToken);
      expect(line).not.toContain(secret['install-token']);
      expect(line).not.toContain('k8s-aws-v1.secret');
    }
  });
});
