import { describe, expect, it } from 'vitest';
import type { ClusterInfo } from '#core/contract/cluster.ts';
import type { ClusterState } from '#core/domain/cluster-state.ts';
import { type Candidate, capacityOf, missingOn, place, type Room, type Wanted } from '#core/domain/placement.ts';
import { clusterInfo } from '#test/builders/seats.ts';

const NOW = '2026-11-21T12:00:00.000Z';
const EMPTY: Room = { seats: 0, taken: { cpuMillis: 0, memoryMiB: 0, gpus: 0, pods: 0 }, closed: false };
const lease = { link: 1, lastSeenAt: NOW, paceSeconds: 300, staleAfterSeconds: 720 };

const candidate = (
  id: string,
  { info, room, held, ...change }: Partial<ClusterState> & { room?: Partial<Room>; held?: Candidate['lease'] } = {},
): Candidate => ({
  cluster: {
    id: `clu_${id}`,
    name: id,
    team: 'team_a',
    provider: 'eks',
    phase: 'Ready',
    workers: { count: 2, size: 'medium' },
    options: { compute: 'managed' },
    labels: {},
    takesWorkspaces: true,
    isolation: 'team',
    agent: { link: 1 },
    conditions: [{ type: 'Connected', status: 'True', reason: 'Hello', message: '', lastTransitionTime: NOW }],
    ...(info === undefined ? { info: clusterInfo() } : { info }),
    ...change,
  } as unknown as ClusterState,
  lease: held === undefined ? lease : held,
  room: { ...EMPTY, ...room },
});
const wanted = (change: Partial<Wanted> = {}): Wanted => ({
  team: 'team_a',
  amount: { cpuMillis: 500, memoryMiB: 2048, gpus: 0, pods: 1 },
  isolation: 'shared',
  ...change,
});
const missing = (one: Candidate, of: Partial<Wanted> = {}) => missingOn(one, wanted(of), NOW).join('; ');
const chosen = (candidates: Candidate[], of: Partial<Wanted> = {}) => place(candidates, wanted(of), NOW).cluster?.name;
const took = (cpuMillis: number, memoryMiB = 0): Partial<Room> => ({
  taken: { cpuMillis, memoryMiB, gpus: 0, pods: 1 },
});

describe('the capacity of a cluster', () => {
  it('is what is allocatable without what others asked for; our own seats are counted by their reservations', () => {
    const info = clusterInfo({
      requested: { cpuMillis: 2500, memoryMiB: 8704, gpus: 0, pods: 14 },
      seats: { cpuMillis: 2000, memoryMiB: 8192, gpus: 0, pods: 4 },
    });
    expect(capacityOf(candidate('a', { info }).cluster)).toEqual({
      cpuMillis: 7500,
      memoryMiB: 32_256,
      gpus: 0,
      pods: 190,
    });
  });

  it('is what its workers may be, less a tenth, where nodes come on demand', () => {
    const auto = candidate('a', {
      options: { compute: 'auto' },
      info: clusterInfo({ nodes: 0, allocatable: EMPTY.taken, requested: EMPTY.taken }),
    });
    expect(capacityOf(auto.cluster)).toMatchObject({ cpuMillis: 7200, memoryMiB: 29_491 });
    expect(missing(auto)).toBe('');
  });

  it('is never less than nothing', () => {
    const info = clusterInfo({ requested: { cpuMillis: 9000, memoryMiB: 0, gpus: 0, pods: 0 } });
    expect(capacityOf(candidate('a', { info }).cluster).cpuMillis).toBe(0);
  });
});

describe('placement', () => {
  it('fills the fuller cluster first, so that room for large pods is kept', () => {
    expect(chosen([candidate('empty'), candidate('full', { room: took(6000, 16_384) })])).toBe('full');
  });

  it('does not go where the reservations of others leave too little', () => {
    const full = candidate('full', { room: took(7400) });
    expect(chosen([candidate('empty'), full])).toBe('empty');
    expect(missing(full)).toBe('it lacks 0.4 CPU (0.1 CPU free)');
  });

  it('decides between equals by the id, not by the order', () => {
    const two = [candidate('b'), candidate('a')];
    expect(chosen(two)).toBe('a');
    expect(chosen([...two].reverse())).toBe('a');
  });

  it('leaves GPUs to those who want them', () => {
    const gpus = clusterInfo({
      allocatable: { cpuMillis: 8000, memoryMiB: 32_768, gpus: 2, pods: 200 },
      largestNode: { cpuMillis: 4000, memoryMiB: 16_384, gpus: 2, pods: 100 },
    });
    const both = [candidate('gpu', { info: gpus, room: took(4000, 16_384) }), candidate('plain')];
    expect(chosen(both)).toBe('plain');
    const amount = { cpuMillis: 500, memoryMiB: 2048, gpus: 1, pods: 1 };
    expect(chosen(both, { amount })).toBe('gpu');
    expect(missing(candidate('plain'), { amount })).toContain('it lacks 1 GPU (0 GPUs free)');
  });

  it('takes no pod that is larger than the largest node', () => {
    const amount = { cpuMillis: 5000, memoryMiB: 2048, gpus: 0, pods: 1 };
    expect(missing(candidate('a'), { amount })).toBe('it lacks 1 CPU on its largest node');
    expect(missing(candidate('a', { options: { compute: 'auto' } }), { amount })).toBe('');
  });

  it('says of each cluster why not, by name', () => {
    const placed = place(
      [candidate('z', { takesWorkspaces: false }), candidate('b', { room: took(7500) })],
      wanted(),
      NOW,
    );
    expect(placed).toEqual({
      cluster: null,
      misfits: [
        { cluster: 'b', missing: ['it lacks 0.5 CPU (0 CPU free)'] },
        { cluster: 'z', missing: ['it does not take dev pods (takesWorkspaces)'] },
      ],
    });
  });

  const none = { storageClass: false } satisfies Partial<ClusterInfo>;
  it.each<[string, Candidate, Partial<Wanted>, string]>([
    ['that is being made', candidate('a', { phase: 'Provisioning' }), {}, 'it is Provisioning'],
    ['that is being deleted', candidate('a', { phase: 'Deleting' }), {}, 'it is Deleting'],
    ['whose time is over', candidate('a', { expiresAt: NOW }), {}, `it expired at ${NOW}`],
    ['that is closed', candidate('a', { room: { closed: true } }), {}, 'takes no more dev pods'],
    ['whose agent never came', candidate('a', { conditions: [] }), {}, 'its agent is not connected'],
    [
      'whose agent is silent',
      candidate('a', { held: { ...lease, lastSeenAt: '2026-11-21T11:00:00.000Z' } }),
      {},
      'its agent is not connected',
    ],
    ['of another environment', candidate('a'), { environment: 'prod' }, 'roadstead.dev/environment is not set'],
    [
      'of another region',
      candidate('a', { info: clusterInfo({ region: 'eu-west-1' }) }),
      { region: 'us-east-1' },
      'its region is "eu-west-1"',
    ],
    ['without a storage class', candidate('a', { info: clusterInfo(none) }), {}, 'no default storage class'],
    ['of another team', candidate('a', { team: 'team_b' }), {}, 'its own team only'],
    ['shared, when one’s own is wanted', candidate('a', { isolation: 'shared' }), { isolation: 'team' }, 'other teams'],
    [
      'of others where nothing keeps teams apart',
      candidate('a', { team: 'team_b', isolation: 'shared', info: clusterInfo({ networkPolicyEnforced: 'unknown' }) }),
      {},
      'not known to enforce network policies',
    ],
  ])('does not choose a cluster %s', (_, one, of, why) => {
    expect(missing(one, of)).toContain(why);
  });

  it('takes the label before what the agent says of the region, and shares where policies are enforced', () => {
    const labels = { 'roadstead.dev/region': 'here', 'roadstead.dev/environment': 'lab' };
    expect(missing(candidate('a', { labels }), { region: 'here', environment: 'lab' })).toBe('');
    expect(missing(candidate('a', { team: 'team_b', isolation: 'shared' }))).toBe('');
    const own = clusterInfo({ networkPolicyEnforced: 'false' });
    expect(missing(candidate('a', { isolation: 'shared', info: own }))).toBe('');
  });

  it('says so when its agent has not reported yet', () => {
    const { info: _, ...cluster } = candidate('a').cluster;
    expect(missing({ ...candidate('a'), cluster: cluster as ClusterState })).toContain('has not said yet');
  });
});
