import { describe, expect, test } from 'vitest';
import { nodes, pods } from '#local/kubernetes/controllers/machinery/resources.ts';
import type { Taint } from '#local/kubernetes/controllers/machinery/types.ts';
import { goesIn } from '#local/kubernetes/controllers/node/eviction.ts';
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

  test('send pods away at once, after a while, or never', () => {
    const taint = { key: 'k', effect: 'NoExecute', timeAdded: new Date(10_000).toISOString() };
    const tolerating = (tolerationSeconds?: number) =>
      pod({
        tolerations: [{ key: 'k', operator: 'Exists', ...(tolerationSeconds !== undefined && { tolerationSeconds }) }],
      });
    expect(goesIn(pod(), [taint], 12_000)).toBe(0);
    expect(goesIn(tolerating(5), [taint], 12_000)).toBe(3_000);
    expect(goesIn(tolerating(), [taint], 12_000)).toBeUndefined();
    expect(goesIn(pod(), [own], 12_000)).toBeUndefined();
  });
});
