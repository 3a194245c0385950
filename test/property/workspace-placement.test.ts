/** Whatever clusters there are and whatever is asked for: nothing is promised twice, and the order of the list decides nothing. */
import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import type { ClusterState } from '#core/domain/cluster-state.ts';
import type { Amount } from '#core/domain/decision.ts';
import { type Candidate, capacityOf, place, type Wanted } from '#core/domain/placement.ts';
import { missingIn, NO_AMOUNT, plusAmount } from '#core/domain/seat-amount.ts';

const NOW = '2026-11-21T12:00:00.000Z';
const lease = { link: 1, lastSeenAt: NOW, paceSeconds: 300, staleAfterSeconds: 720 };

const amount = (cpu: number, memory: number, gpus: number): fc.Arbitrary<Amount> =>
  fc.record({
    cpuMillis: fc.integer({ min: 0, max: cpu }),
    memoryMiB: fc.integer({ min: 0, max: memory }),
    gpus: fc.integer({ min: 0, max: gpus }),
    pods: fc.integer({ min: 1, max: 30 }),
  });

const candidate = (n: number): fc.Arbitrary<Candidate> =>
  fc
    .record({
      allocatable: amount(16_000, 65_536, 4),
      requested: amount(4000, 8192, 0),
      compute: fc.constantFrom('auto', 'managed'),
      phase: fc.constantFrom('Ready', 'Ready', 'Ready', 'Deleting'),
      workers: fc.record({ count: fc.integer({ min: 1, max: 4 }), size: fc.constantFrom('small', 'medium') }),
    })
    .map(({ allocatable, requested, ...of }) => ({
      cluster: {
        id: `clu_${String(n).padStart(4, '0')}`,
        name: `c${n}`,
        team: 'team_a',
        provider: 'eks',
        labels: {},
        takesWorkspaces: true,
        isolation: 'team',
        agent: { link: 1 },
        conditions: [{ type: 'Connected', status: 'True', reason: '', message: '', lastTransitionTime: NOW }],
        info: { nodes: 1, readyNodes: 1, allocatable, requested, seats: NO_AMOUNT, largestNode: allocatable },
        phase: of.phase,
        workers: of.workers,
        options: { compute: of.compute },
      } as unknown as ClusterState,
      lease,
      room: { seats: 0, taken: NO_AMOUNT, closed: false },
    }));
const clusters = fc
  .integer({ min: 0, max: 12 })
  .chain((count) => fc.tuple(...Array.from({ length: count }, (_, n) => candidate(n))));
const seats = fc.array(
  fc.record({
    cpuMillis: fc.integer({ min: 1, max: 4000 }),
    memoryMiB: fc.integer({ min: 1, max: 16_384 }),
    gpus: fc.constantFrom(0, 0, 0, 1),
    pods: fc.constant(1),
  }),
  { maxLength: 40 },
);
const wanted = (of: Amount): Wanted => ({ team: 'team_a', amount: of, isolation: 'shared' });

it('what is placed one after the other never exceeds what a cluster has', () => {
  fc.assert(
    fc.property(clusters, seats, (given, asked) => {
      const standing = new Map(given.map((each) => [each.cluster.id, each]));
      for (const one of asked) {
        const placed = place([...standing.values()], wanted(one), NOW);
        if (placed.cluster === null) {
          // Then it truly fits nowhere, and each says why.
          expect(placed.misfits).toHaveLength(standing.size);
          for (const { missing } of placed.misfits) expect(missing.length).toBeGreaterThan(0);
          continue;
        }
        const { id } = placed.cluster;
        const before = standing.get(id) as Candidate;
        expect(before.cluster.phase).toBe('Ready');
        const taken = plusAmount(before.room.taken, one);
        expect(missingIn(placed.capacity, NO_AMOUNT, taken)).toEqual([]);
        expect(placed.capacity).toEqual(capacityOf(before.cluster));
        standing.set(id, { ...before, room: { ...before.room, taken } });
      }
    }),
    { numRuns: 300 },
  );
});

it('the order of the candidates decides nothing', () => {
  fc.assert(
    fc.property(
      clusters.chain((given) =>
        fc.tuple(fc.constant(given), fc.shuffledSubarray([...given], { minLength: given.length })),
      ),
      seats,
      ([given, shuffled], asked) => {
        for (const one of asked) expect(place(shuffled, wanted(one), NOW)).toEqual(place(given, wanted(one), NOW));
      },
    ),
    { numRuns: 200 },
  );
});

it('a thousand clusters are compared at once', () => {
  const given = fc.sample(fc.tuple(...Array.from({ length: 1000 }, (_, n) => candidate(n))), {
    numRuns: 1,
    seed: 7,
  })[0];
  const placed = place(given as Candidate[], wanted({ cpuMillis: 500, memoryMiB: 2048, gpus: 0, pods: 1 }), NOW);
  expect(placed.cluster?.phase).toBe('Ready');
});
