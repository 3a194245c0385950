import { describe, expect, test } from 'vitest';
import { explain, misfits, requestsOf, unsupported } from '#local/kubernetes/controllers/fit.ts';
import { parseQuantity } from '#local/kubernetes/controllers/machinery/quantity.ts';
import { selectorMatches } from '#local/kubernetes/controllers/machinery/selectors.ts';
import { choose } from '#local/kubernetes/controllers/node-choice.ts';
import { durationMs, nodeOf } from '#local/kubernetes/controllers/node-pools.ts';
import { node, nodePool, pod, requesting } from './builders.ts';

describe('quantities', () => {
  test.each([
    ['500m', 0.5],
    ['2', 2],
    [4, 4],
    ['1Gi', 2 ** 30],
    ['1.5Mi', 1.5 * 2 ** 20],
    ['10k', 10_000],
    ['1e3', 1000],
  ])('%s is %d', (text, value) => {
    expect(parseQuantity(text)).toBe(value);
  });

  test('what is none is refused with an example', () => {
    expect(() => parseQuantity('1 GB')).toThrow('"1 GB" is no quantity: write 500m, 2 or 1Gi');
  });
});

test('an absent label selector matches nothing, an empty one everything', () => {
  expect(selectorMatches(undefined, { a: '1' })).toBe(false);
  expect(selectorMatches({}, { a: '1' })).toBe(true);
  expect(selectorMatches({ matchExpressions: [{ key: 'a', operator: 'NotIn', values: ['1'] }] }, { a: '1' })).toBe(
    false,
  );
});

describe('whether a pod fits', () => {
  test('requests are the sum of containers or the largest init container', () => {
    const spec = {
      containers: [
        { name: 'a', resources: { requests: { cpu: '500m' } } },
        { name: 'b', resources: { requests: { cpu: '250m' } } },
      ],
      initContainers: [{ name: 'i', resources: { requests: { cpu: '1' } } }],
    };
    expect(requestsOf(spec)).toEqual({ cpu: 1, pods: 1 });
  });

  test('a taint keeps away what does not tolerate it', () => {
    const tainted = node('n', { spec: { taints: [{ key: 'gpu', value: 'yes', effect: 'NoSchedule' }] } });
    expect(misfits(pod(), tainted, {})).toEqual(['node(s) had untolerated taint(s)']);
    expect(misfits(pod({ tolerations: [{ key: 'gpu', operator: 'Exists' }] }), tainted, {})).toEqual([]);
    expect(misfits(pod({ tolerations: [{ key: 'gpu', value: 'no' }] }), tainted, {})).toHaveLength(1);
  });

  test('node selectors and affinities are kept', () => {
    const arm = node('n', { labels: { 'kubernetes.io/arch': 'arm64' } });
    expect(misfits(pod({ nodeSelector: { 'kubernetes.io/arch': 'amd64' } }), arm, {})).toEqual([
      "node(s) didn't match Pod's node affinity/selector",
    ]);
  });

  test('what is used already counts', () => {
    expect(misfits(requesting('1500m'), node('n'), { cpu: 1 })).toEqual(['Insufficient cpu']);
    expect(misfits(requesting('1500m'), node('n'), { cpu: 0.5 })).toEqual([]);
  });

  test('all reasons are told in one sentence', () => {
    expect(explain(3, ['Insufficient cpu', 'node(s) were unschedulable', 'Insufficient cpu'])).toBe(
      '0/3 nodes are available: 1 node(s) were unschedulable, 2 Insufficient cpu.',
    );
    expect(explain(0, [])).toBe('no nodes available to schedule pods');
  });

  test('constraints that are not understood are refused, not ignored', () => {
    const spread = pod({
      topologySpreadConstraints: [{ maxSkew: 1, topologyKey: 'zone', whenUnsatisfiable: 'DoNotSchedule' }],
    });
    expect(unsupported(spread.spec)).toContain('topology spread');
  });
});

describe('nodes for pods that fit nowhere', () => {
  const offered = (...args: Parameters<typeof choose>) =>
    choose(...args).offers.map(({ type, pods }) => `${type.name} ${pods.length}`);

  test('the smallest instance that holds the pod is taken', () => {
    expect(offered([requesting('500m')], [nodePool()], new Map())).toEqual(['m7i.large 1']);
    expect(offered([requesting('3')], [nodePool()], new Map())).toEqual(['m7i.xlarge 1']);
    expect(offered([requesting('100m', '20Gi')], [nodePool()], new Map())).toEqual(['m7i.2xlarge 1']);
  });

  test('pods share a new node while it has room', () => {
    expect(offered([requesting('500m'), requesting('500m'), requesting('1500m')], [nodePool()], new Map())).toEqual([
      'm7i.large 2',
      'm7i.large 1',
    ]);
  });

  test('the limit of the pool is never exceeded, and the pod is told', () => {
    const { offers, refused } = choose(
      [requesting('500m'), requesting('1500m')],
      [nodePool({ limits: { cpu: '2' } })],
      new Map(),
    );
    expect(offers).toHaveLength(1);
    expect(refused[0]?.message).toContain('exceed limits for nodepool: "workers"');
  });

  test('what no instance can hold is refused', () => {
    const { offers, refused } = choose([requesting('16')], [nodePool()], new Map());
    expect(offers).toEqual([]);
    expect(refused[0]?.message).toContain('incompatible with nodepool "workers"');
  });

  test('requirements of the pool choose type and zone', () => {
    const template = {
      spec: {
        requirements: [
          { key: 'topology.kubernetes.io/zone', operator: 'In', values: ['us-east-1b'] },
          { key: 'eks.amazonaws.com/instance-cpu', operator: 'In', values: ['8'] },
        ],
      },
    };
    const [offer] = choose([requesting('100m')], [nodePool({ template })], new Map()).offers;
    expect(offer?.type.name).toBe('m7i.2xlarge');
    const made = nodeOf(offer as NonNullable<typeof offer>, 'us-east-1b');
    expect(made.spec.providerID).toMatch(/^aws:\/\/\/us-east-1b\/i-[0-9a-f]{17}$/);
    expect(made.metadata.labels).toMatchObject({
      'karpenter.sh/nodepool': 'workers',
      'node.kubernetes.io/instance-type': 'm7i.2xlarge',
      'topology.kubernetes.io/zone': 'us-east-1b',
      'topology.kubernetes.io/region': 'us-east-1',
      'kubernetes.io/hostname': made.metadata.name,
    });
  });

  test('durations are read as Karpenter writes them', () => {
    expect([durationMs('30s'), durationMs('1h30m'), durationMs('Never')]).toEqual([30_000, 5_400_000, undefined]);
  });
});
