/** Placement of one dev pod over a thousand clusters: the pure decision, without reading them. */
import type { ClusterState } from '#core/domain/cluster-state.ts';
import { type Candidate, place } from '#core/domain/placement.ts';
import { NO_AMOUNT } from '#core/domain/seat-amount.ts';
import type { Bench } from './bench.ts';
import { samplesRow } from './row.ts';

const CLUSTERS = 1000;
const RUNS = 300;
const WARM_UP = 50;
const NOW = '2026-11-21T12:00:00.000Z';
const US_PER_MS = 1000;

/** Half of them connected ones, each a little fuller than the one before. */
const candidate = (_: unknown, n: number): Candidate => {
  const allocatable = { cpuMillis: 16_000, memoryMiB: 65_536, gpus: 0, pods: 110 };
  const requested = { cpuMillis: n * 12, memoryMiB: n * 48, gpus: 0, pods: 5 };
  return {
    cluster: {
      id: `clu_${String(n).padStart(26, '0')}`,
      name: `cluster-${n}`,
      team: 'team_a',
      provider: n % 2 === 0 ? 'eks' : 'existing',
      labels: {},
      takesWorkspaces: true,
      isolation: 'team',
      phase: 'Ready',
      workers: { count: 4, size: 'medium' },
      options: { compute: 'auto' },
      agent: { link: 1 },
      conditions: [{ type: 'Connected', status: 'True', reason: 'Hello', message: '', lastTransitionTime: NOW }],
      info: { nodes: 4, readyNodes: 4, allocatable, requested, seats: NO_AMOUNT, largestNode: allocatable },
    } as unknown as ClusterState,
    lease: { link: 1, lastSeenAt: NOW, paceSeconds: 300, staleAfterSeconds: 720 },
    room: { seats: 0, taken: NO_AMOUNT, closed: false },
  };
};

export const placement: Bench = {
  name: 'placement',
  run: async ({ quick }) => {
    const candidates = Array.from({ length: CLUSTERS }, candidate);
    const time = (cpuMillis: number): number[] => {
      const wanted = { team: 'team_a', isolation: 'team', amount: { cpuMillis, memoryMiB: 2048, gpus: 0, pods: 1 } };
      return Array.from({ length: WARM_UP + (quick ? RUNS / 10 : RUNS) }, () => {
        const begun = performance.now();
        const placed = place(candidates, wanted as Parameters<typeof place>[1], NOW);
        const us = (performance.now() - begun) * US_PER_MS;
        if ((placed.cluster === null) !== cpuMillis > 16_000) throw new Error('it was placed where it does not fit');
        return us;
      }).slice(WARM_UP);
    };
    return [
      samplesRow(`placement over ${CLUSTERS} clusters`, time(500), 'µs'),
      samplesRow(`placement over ${CLUSTERS} clusters where it fits nowhere`, time(100_000), 'µs', {
        note: 'with what is missing on each, in words',
      }),
    ];
  },
};
