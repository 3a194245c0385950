import { describe, expect, test } from 'vitest';
import { parseQuantity } from '#local/kubernetes/controllers/machinery/quantity.ts';
import { selectorMatches } from '#local/kubernetes/controllers/machinery/selectors.ts';
import { choose } from '#local/kubernetes/controllers/node-choice.ts';
import { durationMs, nodeOf } from '#local/kubernetes/controllers/node-pools.ts';
import { misfits, requestsOf, unsupported } from '#local/kubernetes/controllers/scheduler/fit.ts';
import { explain, fullOf, never } from '#local/kubernetes/controllers/scheduler/misfit.ts';
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
  const reasons = (...args: Parameters<typeof misfits>) => misfits(...args).map(({ reason }) => reason);

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
    expect(reasons(pod(), tainted, {})).toEqual(['node(s) had untolerated taint(s)']);
    expect(reasons(pod({ tolerations: [{ key: 'gpu', operator: 'Exists' }] }), tainted, {})).toEqual([]);
    expect(reasons(pod({ tolerations: [{ key: 'gpu', value: 'no' }] }), tainted, {})).toHaveLength(1);
  });

  test('node selectors and affinities are kept', () => {
    const arm = node('n', { labels: { 'kubernetes.io/arch': 'arm64' } });
    expect(reasons(pod({ nodeSelector: { 'kubernetes.io/arch': 'amd64' } }), arm, {})).toEqual([
      "node(s) didn't match Pod's node affinity/selector",
    ]);
  });

  test('what is used already counts', () => {
    expect(reasons(requesting('1500m'), node('n'), { cpu: 1 })).toEqual(['Insufficient cpu']);
    expect(reasons(requesting('1500m'), node('n'), { cpu: 0.5 })).toEqual([]);
  });

  test('GPUs and other extended resources count like any', () => {
    const wants = pod({ containers: [{ name: 'a', resources: { requests: { 'nvidia.com/gpu': '1' } } }] });
    expect(reasons(wants, node('n'), {})).toEqual(['Insufficient nvidia.com/gpu']);
    const gpu = node('n');
    gpu.status = { allocatable: { ...gpu.status?.allocatable, 'nvidia.com/gpu': '1' } };
    expect(reasons(wants, gpu, {})).toEqual([]);
    expect(reasons(wants, gpu, { 'nvidia.com/gpu': 1 })).toEqual(['Insufficient nvidia.com/gpu']);
  });

  test('a port of the node is given once', () => {
    const web = pod({ containers: [{ name: 'a', ports: [{ containerPort: 80, hostPort: 80 }] }] });
    expect(reasons(web, node('n'), {}, ['TCP 10.0.0.1 80'])).toHaveLength(1);
    expect(reasons(web, node('n'), {}, ['UDP 0.0.0.0 80', 'TCP 0.0.0.0 81'])).toEqual([]);
  });

  test('all reasons are told in one sentence, and whether taking pods away could help', () => {
    const full = (victims: boolean) => ({ reasons: [fullOf('Insufficient cpu')], victims });
    const cordoned = { reasons: [never('node(s) were unschedulable')], victims: true };
    expect(explain(3, [full(false), cordoned, full(false)])).toBe(
      '0/3 nodes are available: 1 node(s) were unschedulable, 2 Insufficient cpu. no new claims to deallocate, preemption: 0/3 nodes are available: 1 Preemption is not helpful for scheduling, 2 No preemption victims found for incoming pod.',
    );
    expect(explain(1, 'pod has unbound immediate PersistentVolumeClaims')).toMatch(
      /^0\/1 nodes are available: pod has unbound immediate PersistentVolumeClaims\. .*1 Preemption is not helpful/,
    );
    // Where taking pods away might help, nobody pretends to have looked.
    expect(explain(2, [full(true), full(false)])).toMatch(
      /preemption: 0\/2 nodes are available: 1 No preemption victims found for incoming pod, 1 Preemption is not supported\.$/,
    );
    expect(explain(1, [full(true)], 'Never')).toMatch(/preemption: not eligible due to preemptionPolicy=Never\.$/);
    expect(explain(0, [])).toBe('no nodes available to schedule pods');
  });

  test('what is not understood is refused, not ignored', () => {
    expect(unsupported(pod({ resourceClaims: [{ name: 'gpu' }] }).spec)).toContain('resource claims');
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

  test('pods that keep away from each other get a node each; rules over zones are refused with the reason', () => {
    const rules = (topologyKey: string) => ({
      affinity: {
        podAntiAffinity: {
          requiredDuringSchedulingIgnoredDuringExecution: [
            { topologyKey, labelSelector: { matchLabels: { app: 'web' } } },
          ],
        },
      },
    });
    const apart = pod(rules('kubernetes.io/hostname'));
    expect(offered([apart, apart], [nodePool()], new Map())).toHaveLength(2);
    const { offers, refused } = choose([pod(rules('topology.kubernetes.io/zone'))], [nodePool()], new Map());
    expect([offers, refused[0]?.message]).toEqual([[], expect.stringContaining('topology.kubernetes.io/zone')]);
  });

  test('durations are read as Karpenter writes them', () => {
    expect([durationMs('30s'), durationMs('1h30m'), durationMs('Never')]).toEqual([30_000, 5_400_000, undefined]);
  });
});
