/** A crash at every step of create and delete leaves one cluster, or none (issue: bad luck). */
import { isDeepStrictEqual } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startTable, type TestTable } from '../store/table.ts';
import { createBench } from './bench.ts';
import type { TaskFunction } from './machine.ts';

let table: TestTable;
beforeAll(async () => {
  table = await startTable();
});
afterAll(() => table.stop());

let names = 0;
const nextName = (): string => {
  names += 1;
  return `crash-${names}`;
};

/** An effect of a task, the how-manieth of its name, and the side of it on which the task dies. */
interface Point {
  readonly effect: string;
  readonly nth: number;
  readonly when: 'before' | 'after';
}

/** One life of a cluster with one crash; answers the points that were passed. */
const life = async (crash?: Point): Promise<Point[]> => {
  const passed: Point[] = [];
  const counts = new Map<string, number>();
  let crashed = false;
  const bench = await createBench(table, {
    around: (effect, when) => {
      const key = `${effect} ${when}`;
      const nth = (counts.get(key) ?? 0) + 1;
      counts.set(key, nth);
      passed.push({ effect, nth, when });
      if (crashed || crash === undefined || crash.effect !== effect || crash.nth !== nth || crash.when !== when) return;
      crashed = true;
      throw new Error('killed');
    },
  });
  const asked = await bench.ask(nextName());
  expect((await bench.create(asked)).status).toBe('SUCCEEDED');
  expect(await bench.clusterOf(asked.id)).toMatchObject({ phase: 'Ready', endpoint: expect.any(String) });
  expect(bench.harbour.made).toHaveLength(1);
  expect((await bench.remove(asked.id)).status).toBe('SUCCEEDED');
  expect((await bench.clusterOf(asked.id)).phase).toBe('Deleted');
  expect(bench.harbour.clusters.size).toBe(0);
  expect(bench.harbour.leftovers).toEqual([]);
  expect(bench.harbour.made).toHaveLength(1);
  expect(crashed).toBe(crash !== undefined);
  return passed;
};

it('a task that dies before or after any of its effects is repeated without harm', { timeout: 240_000 }, async () => {
  // A commit that meets the agent's is made twice, in that life alone: a point is one that both of two lives have.
  const [first, second] = [await life(), await life()];
  const points = first.filter((point) => second.some((other) => isDeepStrictEqual(point, other)));
  const applies = points.filter(({ effect }) => effect === 'kubernetes.apply');
  // Applying the manifest's objects is one effect many times: its ends stand for all.
  const crashes = points.filter(
    (point) =>
      point.effect !== 'kubernetes.apply' || applies.indexOf(point) < 2 || applies.indexOf(point) >= applies.length - 2,
  );
  expect(new Set(crashes.map(({ effect }) => effect))).toEqual(
    new Set([
      'store.commit',
      'store.putAwait',
      'provider.ensure',
      'provider.grantAccess',
      'provider.ensureCompute',
      'kubernetes.apply',
      'provider.remove',
      'provider.observeGone',
    ]),
  );
  // Two at a time: a life waits for the table more than for its own work.
  const left = [...crashes];
  const lane = async () => {
    for (let crash = left.pop(); crash !== undefined; crash = left.pop()) await life(crash);
  };
  await Promise.all([lane(), lane()]);
});

it('every task may run twice', async () => {
  const bench = await createBench(table, {
    wrap: (_, call) => async (payload) => {
      await call(payload);
      return call(payload);
    },
  });
  const asked = await bench.ask(nextName());
  expect((await bench.create(asked)).status).toBe('SUCCEEDED');
  expect(bench.harbour.made).toHaveLength(1);
  expect((await bench.clusterOf(asked.id)).phase).toBe('Ready');
  expect((await bench.remove(asked.id)).status).toBe('SUCCEEDED');
  expect((await bench.clusterOf(asked.id)).phase).toBe('Deleted');
  expect(bench.harbour.clusters.size).toBe(0);
});

it('an execution that was cut off after any task begins again from its start without harm', {
  timeout: 240_000,
}, async () => {
  for (let cut = 1; ; cut += 1) {
    let calls = 0;
    let stop: (() => void) | undefined;
    const bench = await createBench(table, {
      wrap:
        (_, call): TaskFunction =>
        async (payload) => {
          const answer = await call(payload);
          calls += 1;
          if (calls === cut) stop?.();
          return answer;
        },
    });
    const asked = await bench.ask(nextName());
    const operationId = asked.operationId as string;
    stop = () => void bench.cutOff(operationId);
    const first = await bench.create(asked);
    const callsOfCreate = calls;
    if (first.status === 'ABORTED') expect((await bench.create(asked)).status).toBe('SUCCEEDED');
    expect((await bench.clusterOf(asked.id)).phase).toBe('Ready');
    expect(bench.harbour.made).toHaveLength(1);

    calls = 0;
    const removal = await bench.removalOf(asked.id);
    stop = () => void bench.cutOff(removal);
    const second = await bench.perform('cluster-delete', asked.id, removal);
    if (second.status === 'ABORTED')
      expect((await bench.perform('cluster-delete', asked.id, removal)).status).toBe('SUCCEEDED');
    expect((await bench.clusterOf(asked.id)).phase).toBe('Deleted');
    expect(bench.harbour.clusters.size).toBe(0);
    if (cut > callsOfCreate && second.status !== 'ABORTED') break;
  }
});
