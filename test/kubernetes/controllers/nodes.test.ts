import { describe, expect, test } from 'vitest';
import { nodes, pods } from '#local/kubernetes/controllers/machinery/resources.ts';
import type { Taint } from '#local/kubernetes/controllers/machinery/types.ts';
import { goesIn, seenUnder } from '#local/kubernetes/controllers/node/eviction.ts';
import { wantedTaints } from '#local/kubernetes/controllers/node/taints.ts';
import { node, pod } from './builders.ts';
import { eventually, podSpec, testWorld } from './world.ts';

// A node of this world has nobody who speaks for it: it is lost soon.
const world = testWorld({ nodeGraceMs: 300 });

describe('a node that falls silent', () => {
  test('is Unknown and tainted; its pods are no longer ready, and go when their patience ends', async () => {
    const space = await world().space();
    const name = await world().node();
    const brief = [{ operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 0 }];
    for (const [podName, tolerations] of [
      ['patient', []],
      ['brief', brief],
    ] as const) {
      await space.create(pods, {
        metadata: { name: podName },
        spec: podSpec({ nodeName: name, tolerations: [...tolerations] }),
      });
      await space.runs(podName);
    }
    const found = () => world().client.get(nodes, undefined, name);
    await eventually(async () =>
      (await found()).status?.conditions?.find(({ type }) => type === 'Ready'),
    ).toMatchObject({
      status: 'Unknown',
      reason: 'NodeStatusUnknown',
      message: 'Kubelet stopped posting node status.',
    });
    await eventually(async () => (await found()).spec.taints).toMatchObject([
      { key: 'node.kubernetes.io/unreachable', effect: 'NoSchedule' },
      { key: 'node.kubernetes.io/unreachable', effect: 'NoExecute' },
    ]);
    const ready = async (podName: string) =>
      (await space.get(pods, podName)).status?.conditions?.find(({ type }) => type === 'Ready')?.status;
    await eventually(() => ready('patient')).toBe('False');
    await eventually(async () => (await space.get(pods, 'brief')).metadata.deletionTimestamp).toBeDefined();
    expect((await space.get(pods, 'patient')).metadata.deletionTimestamp).toBeUndefined();
    await eventually(() => space.said('brief')).toContainEqual(expect.stringContaining('TaintManagerEviction'));
    await world().removeNode(name);
    await eventually(() => space.names(pods)).toEqual([]);
  });
});

test('a taint without a time sends a tolerating pod away once its patience ends', async () => {
  const space = await world().space();
  const name = await world().node();
  for (const [podName, tolerationSeconds] of [
    ['brief', 1],
    ['patient', 600],
  ] as const) {
    const tolerations = [
      { key: 'work', operator: 'Exists', effect: 'NoExecute', tolerationSeconds },
      { key: 'node.kubernetes.io/unreachable', operator: 'Exists', effect: 'NoExecute' },
    ];
    await space.create(pods, { metadata: { name: podName }, spec: podSpec({ nodeName: name, tolerations }) });
    await space.runs(podName);
  }
  const { metadata } = await world().client.get(nodes, undefined, name);
  await world().client.patch(nodes, { metadata }, { spec: { taints: [{ key: 'work', effect: 'NoExecute' }] } });
  // Whatever else changes about the pod meanwhile does not begin its time anew.
  await space.patch(pods, 'brief', { metadata: { labels: { seen: 'yes' } } });
  await eventually(async () => (await space.get(pods, 'brief')).metadata.deletionTimestamp).toBeDefined();
  expect((await space.get(pods, 'patient')).metadata.deletionTimestamp).toBeUndefined();
  await world().removeNode(name);
});

describe('taints', () => {
  const with_ = (status: string | undefined, taints: Taint[] = [], unschedulable = false) => {
    const one = node('n', { spec: { taints, unschedulable } });
    one.status = status === undefined ? {} : { conditions: [{ type: 'Ready', status }] };
    return wantedTaints(one)?.map(({ key, effect }) => `${key} ${effect}`);
  };
  const own = { key: 'own', effect: 'NoSchedule' };
  const notReady = { key: 'node.kubernetes.io/not-ready', effect: 'NoSchedule' };

  test('follow the conditions and leave those of others alone', () => {
    expect(with_('False', [own])).toEqual([
      'own NoSchedule',
      'node.kubernetes.io/not-ready NoSchedule',
      'node.kubernetes.io/not-ready NoExecute',
    ]);
    expect(with_('True', [own, notReady])).toEqual(['own NoSchedule']);
    expect(with_('True', [own], true)).toEqual(['own NoSchedule', 'node.kubernetes.io/unschedulable NoSchedule']);
    expect(with_('True', [own])).toBeUndefined();
  });

  test('of a node that has not spoken yet stay', () => {
    expect(with_(undefined, [notReady])).toBeUndefined();
  });

  test('without a time count from when a pod was first seen under them, until they are gone', () => {
    const taint = { key: 'k', effect: 'NoExecute' };
    const patient = pod({ tolerations: [{ key: 'k', operator: 'Exists', tolerationSeconds: 5 }] });
    const first = seenUnder([taint, own], undefined, 100_000);
    const later = seenUnder([taint], first, 102_000);
    expect(goesIn(patient, [taint], later, 103_000)).toBe(2_000);
    const anew = seenUnder([taint], seenUnder([own], later, 103_000), 104_000);
    expect(goesIn(patient, [taint], anew, 104_000)).toBe(5_000);
  });

  test('send pods away at once, after a while, or never', () => {
    const taint = { key: 'k', effect: 'NoExecute', timeAdded: new Date(10_000).toISOString() };
    const tolerating = (tolerationSeconds?: number) =>
      pod({
        tolerations: [{ key: 'k', operator: 'Exists', ...(tolerationSeconds !== undefined && { tolerationSeconds }) }],
      });
    const none = new Map();
    expect(goesIn(pod(), [taint], none, 12_000)).toBe(0);
    expect(goesIn(tolerating(5), [taint], none, 12_000)).toBe(3_000);
    expect(goesIn(tolerating(), [taint], none, 12_000)).toBeUndefined();
    expect(goesIn(pod(), [own], none, 12_000)).toBeUndefined();
    // Made under the taint: what was before is not held against it.
    const late = tolerating(5);
    late.metadata.creationTimestamp = new Date(11_000).toISOString();
    expect(goesIn(late, [taint], none, 12_000)).toBe(4_000);
  });
});
