import { describe, expect, test } from 'vitest';
import { sameJson, says } from '#local/kubernetes/controllers/machinery/equal.ts';
import { exact, plus, written } from '#local/kubernetes/controllers/machinery/quantity-sum.ts';
import { configMaps, persistentVolumeClaims, pods } from '#local/kubernetes/controllers/machinery/resources.ts';
import type { ResourceQuota } from '#local/kubernetes/controllers/machinery/types.ts';
import { inScope, kindOfName, usageOf } from '#local/kubernetes/controllers/quota/usage.ts';
import { meta, pod } from './builders.ts';

describe('sums of quantities', () => {
  test.each([
    [['300m', '300m'], '600m'],
    [['500m', '500m'], '1'],
    [['512Mi', '1Gi'], '1536Mi'],
    [['1.5Gi', '0'], '1536Mi'],
    [['999', '1'], '1k'],
    [['1e3', '1'], '1001'],
    [['0', '0'], '0'],
    [['0.1', '0.2'], '300m'],
  ])('%s is %s', (list, sum) => {
    expect(written(list.map(exact).reduce(plus))).toBe(sum);
  });

  test('what is none is refused', () => {
    expect(() => exact('many')).toThrow('"many" is no quantity');
  });
});

test('a status that says the same but for what the API leaves out is no news', () => {
  expect(says({ replicas: 1 }, { replicas: 1, readyReplicas: 0, conditions: [] })).toBe(true);
  expect(says({ replicas: 1, readyReplicas: 2 }, { replicas: 1, readyReplicas: 0 })).toBe(false);
  expect(sameJson({ a: [1, { b: 2 }] }, { a: [1, { b: 3 }] })).toBe(false);
});

describe('what quotas count', () => {
  const usage = (...args: Parameters<typeof usageOf>) =>
    Object.fromEntries(Object.entries(usageOf(...args)).map(([name, value]) => [name, written(value)]));

  test('of a pod: its requests and limits by both names, until it ended or its grace is over', () => {
    const one = pod({
      containers: [
        { name: 'a', resources: { requests: { cpu: '1', 'nvidia.com/gpu': '1' }, limits: { memory: '1Gi' } } },
      ],
    });
    expect(usage(pods, one)).toEqual({
      'count/pods': '1',
      pods: '1',
      cpu: '1',
      'requests.cpu': '1',
      'requests.nvidia.com/gpu': '1',
      'limits.memory': '1Gi',
    });
    const failed = { ...one, status: { phase: 'Failed' } };
    expect(usage(pods, failed)).toEqual({ 'count/pods': '1' });
    const deletionTimestamp = new Date(0).toISOString();
    const going = { ...one, metadata: { ...one.metadata, deletionTimestamp, deletionGracePeriodSeconds: 30 } };
    expect(usage(pods, going, 10_000)).toMatchObject({ pods: '1' });
    expect(usage(pods, going, 40_000)).toEqual({ 'count/pods': '1' });
  });

  test('of a claim: its size, also by class', () => {
    const claim = {
      metadata: meta('c'),
      spec: { storageClassName: 'fast', resources: { requests: { storage: '2Gi' } } },
    };
    expect(usage(persistentVolumeClaims, claim)).toMatchObject({
      persistentvolumeclaims: '1',
      'requests.storage': '2Gi',
      'fast.storageclass.storage.k8s.io/requests.storage': '2Gi',
    });
  });

  test.each([
    ['count/leases.coordination.k8s.io', 'leases.coordination.k8s.io'],
    ['count/configmaps', 'configmaps.'],
    ['services.nodeports', 'services.'],
    ['fast.storageclass.storage.k8s.io/persistentvolumeclaims', 'persistentvolumeclaims.'],
    ['requests.cpu', 'pods.'],
    ['pods', 'pods.'],
  ])('%s is about %s', (name, kind) => {
    expect(kindOfName(name)).toBe(kind);
  });

  test('scopes choose pods, and count nothing else', () => {
    const scoped = (spec: Partial<ResourceQuota['spec']>) => ({ metadata: meta('q'), spec }) as ResourceQuota;
    const best = scoped({ scopes: ['BestEffort'] });
    const asking = pod({ containers: [{ name: 'a', resources: { requests: { cpu: '1' } } }] });
    expect([inScope(best, pods, pod()), inScope(best, pods, asking)]).toEqual([true, false]);
    expect(inScope(best, configMaps, { metadata: meta('m') })).toBe(false);
    const high = scoped({
      scopeSelector: { matchExpressions: [{ scopeName: 'PriorityClass', operator: 'In', values: ['high'] }] },
    });
    expect([inScope(high, pods, pod({ priorityClassName: 'high' })), inScope(high, pods, pod())]).toEqual([
      true,
      false,
    ]);
    expect(inScope(scoped({ scopes: ['Terminating'] }), pods, pod({ activeDeadlineSeconds: 5 }))).toBe(true);
  });
});
