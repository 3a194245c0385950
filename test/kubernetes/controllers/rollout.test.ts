import { describe, expect, test } from 'vitest';
import {
  bounds,
  countOf,
  isScaling,
  newestOf,
  plan,
  scaled,
  surplus,
} from '#local/kubernetes/controllers/deployment/rollout.ts';
import { deploymentStatus } from '#local/kubernetes/controllers/deployment/status.ts';
import type { ReplicaSet } from '#local/kubernetes/controllers/machinery/types.ts';
import { deployment, meta, replicaSet } from './builders.ts';

/** A set of `size` pods that was sized when the deployment wanted `desired` and might have `max`. */
const sized = (size: number, desired: number, max: number, image?: string): ReplicaSet => {
  const set = replicaSet(size, 0, image);
  set.metadata.annotations = {
    'deployment.kubernetes.io/desired-replicas': String(desired),
    'deployment.kubernetes.io/max-replicas': String(max),
  };
  return set;
};

const sizes = (next: Map<{ metadata: { name: string } }, number>) =>
  Object.fromEntries([...next].map(([set, size]) => [set.metadata.name, size]));

describe('bounds of a rolling update', () => {
  test('shares of a surge are rounded up, those of unavailability down', () => {
    expect(countOf('25%', 5, Math.ceil)).toBe(2);
    expect(countOf('25%', 5, Math.floor)).toBe(1);
    expect(countOf(3, 5, Math.floor)).toBe(3);
  });

  test('a strategy that would never move may lose one pod', () => {
    const stuck = deployment({ strategy: { rollingUpdate: { maxSurge: 0, maxUnavailable: '10%' } } });
    expect(bounds(stuck)).toEqual({ surge: 0, unavailable: 1 });
  });
});

describe('a rolling update', () => {
  test('begins with as many new pods as the surge allows and takes away what unavailability allows', () => {
    const next = plan(deployment(), replicaSet(0, 0, 'web:2'), [replicaSet(4, 4)], 4);
    expect(sizes(next)).toEqual({ web2: 1, web1: 3 });
  });

  test('never has fewer available pods than allowed', () => {
    const next = plan(deployment(), replicaSet(2, 0, 'web:2'), [replicaSet(3, 3)], 3);
    expect(sizes(next)).toEqual({});
  });

  test('removes old pods that serve nobody before those that do', () => {
    const broken = replicaSet(2, 0, 'web:0');
    const next = plan(deployment(), replicaSet(1, 0, 'web:2'), [replicaSet(4, 4), broken], 6);
    expect(sizes(next)).toMatchObject({ web0: 0 });
  });

  test('ends with the new set alone', () => {
    expect(sizes(plan(deployment(), replicaSet(4, 4, 'web:2'), [replicaSet(1, 1)], 1))).toEqual({ web1: 0 });
    expect(sizes(plan(deployment(), replicaSet(4, 4, 'web:2'), [replicaSet(0, 0)], 0))).toEqual({});
  });

  test('converges from any start without ever breaking its bounds', () => {
    for (const replicas of [1, 2, 3, 5, 10]) {
      const wanted = deployment({ replicas });
      const { surge, unavailable } = bounds(wanted);
      const fresh = replicaSet(0, 0, 'web:2');
      const old = replicaSet(replicas, replicas);
      for (let step = 0; step < 50; step += 1) {
        for (const [set, size] of plan(wanted, fresh, [old], old.spec.replicas ?? 0)) {
          set.spec.replicas = size;
          set.status = {
            ...set.status,
            replicas: size,
            availableReplicas: Math.min(size, set.status?.availableReplicas ?? 0),
          };
        }
        const total = (fresh.spec.replicas ?? 0) + (old.spec.replicas ?? 0);
        const available = (fresh.status?.availableReplicas ?? 0) + (old.status?.availableReplicas ?? 0);
        expect(total).toBeLessThanOrEqual(replicas + surge);
        expect(available).toBeGreaterThanOrEqual(replicas - unavailable);
        // One more of the new pods becomes available in each step.
        const size = fresh.spec.replicas ?? 0;
        fresh.status = {
          replicas: size,
          availableReplicas: Math.min(size, (fresh.status?.availableReplicas ?? 0) + 1),
        };
      }
      expect([fresh.spec.replicas, old.spec.replicas]).toEqual([replicas, 0]);
    }
  });
});

describe('other strategies', () => {
  test('Recreate starts nothing new while an old pod is still ending', () => {
    const recreate = deployment({ strategy: { type: 'Recreate' } });
    expect(sizes(plan(recreate, replicaSet(0, 0, 'web:2'), [replicaSet(4, 4)], 4))).toEqual({ web1: 0 });
    expect(sizes(plan(recreate, replicaSet(0, 0, 'web:2'), [replicaSet(0, 0)], 1))).toEqual({});
    expect(sizes(plan(recreate, replicaSet(0, 0, 'web:2'), [replicaSet(0, 0)], 0))).toEqual({ web2: 4 });
  });

  test('a paused deployment scales but does not roll', () => {
    const paused = deployment({ paused: true, replicas: 6 });
    expect(sizes(scaled(paused, replicaSet(0, 0, 'web:2'), [replicaSet(4, 4)]))).toEqual({ web1: 6 });
  });

  test('several sets keep their shares when a paused deployment scales, and stay as they are when it does not', () => {
    const strategy = { rollingUpdate: { maxSurge: 0, maxUnavailable: 1 } };
    const half = deployment({ paused: true, replicas: 8, strategy });
    const [newest, old] = [sized(1, 4, 4, 'web:2'), sized(3, 4, 4)];
    expect(sizes(scaled(half, newest, [old]))).toEqual({ web1: 6, web2: 2 });
    const same = [sized(1, 8, 8, 'web:2'), sized(3, 8, 8)] as const;
    expect(sizes(scaled(half, same[0], [same[1]]))).toEqual({ web1: 3, web2: 1 });
  });
});

describe('scaling in the middle of a rollout', () => {
  const scale = (replicas: number, newest: ReplicaSet, ...old: ReplicaSet[]) =>
    sizes(scaled(deployment({ replicas }), newest, old));

  test('is one when a carrying set was sized for another number, and only then', () => {
    expect(isScaling(deployment({ replicas: 10 }), [sized(3, 4, 5)])).toBe(true);
    expect(isScaling(deployment({ replicas: 4 }), [sized(3, 4, 5)])).toBe(false);
    expect(isScaling(deployment({ replicas: 10 }), [sized(0, 4, 5), replicaSet(3, 3)])).toBe(false);
  });

  test('lets each set keep its share, up and down', () => {
    expect(scale(10, sized(2, 4, 5, 'web:2'), sized(3, 4, 5))).toEqual({ web2: 5, web1: 8 });
    expect(scale(4, sized(5, 10, 13, 'web:2'), sized(8, 10, 13))).toEqual({ web2: 2, web1: 3 });
    expect(scale(0, sized(2, 4, 5, 'web:2'), sized(3, 4, 5))).toEqual({ web2: 0, web1: 0 });
  });

  test('gives the rest of the division to the largest, of those alike to the newest', () => {
    const [first, second] = [sized(2, 4, 4, 'web:1'), sized(2, 4, 4, 'web:2')];
    // 7 pods for two sets of 2: both would have 3.5.
    const strategy = { rollingUpdate: { maxSurge: 0, maxUnavailable: 1 } };
    expect(sizes(scaled(deployment({ replicas: 7, strategy }), second, [first]))).toEqual({ web2: 4, web1: 3 });
  });

  test('ends the rollout when the new set has all its pods', () => {
    const full = sized(4, 4, 5, 'web:2');
    full.status = { replicas: 4, availableReplicas: 4 };
    expect(scale(4, full, sized(1, 5, 7))).toEqual({ web2: 4, web1: 0 });
  });
});

test('the set of a template is found whatever the server wrote into the order of keys or empty members', () => {
  const set = replicaSet(1, 1, 'web:2');
  set.spec.template = {
    spec: { containers: [{ image: 'web:2', name: 'main', env: [] }] },
    metadata: { labels: { 'pod-template-hash': 'x', app: 'web' } },
  };
  expect(newestOf(deployment(), [replicaSet(1, 1), set])).toBe(set);
});

test('of the emptied sets only the history limit is kept, the oldest revisions go', () => {
  const sets = [3, 1, 2].map((revision) => {
    const set = replicaSet(0, 0, `web:${revision}`);
    set.metadata = meta(`r${revision}`, { annotations: { 'deployment.kubernetes.io/revision': String(revision) } });
    return set;
  });
  expect(surplus(deployment({ revisionHistoryLimit: 1 }), sets).map(({ metadata }) => metadata.name)).toEqual([
    'r1',
    'r2',
  ]);
});

describe('conditions of a deployment', () => {
  const condition = (status: ReturnType<typeof deploymentStatus>, type: string) =>
    status.conditions.find((entry) => entry.type === type);

  test('a finished rollout is Available and has progressed', () => {
    const set = replicaSet(4, 4, 'web:2');
    const status = deploymentStatus(deployment(), set, [set], true);
    expect(condition(status, 'Available')).toMatchObject({ status: 'True', reason: 'MinimumReplicasAvailable' });
    expect(condition(status, 'Progressing')).toMatchObject({ status: 'True', reason: 'NewReplicaSetAvailable' });
    expect(status).toMatchObject({ replicas: 4, updatedReplicas: 4, availableReplicas: 4, unavailableReplicas: null });
  });

  test('a rollout that stands still longer than its deadline has failed', () => {
    const set = replicaSet(4, 0, 'web:2');
    const late = deployment({ progressDeadlineSeconds: 1 });
    const lastUpdateTime = new Date(Date.now() - 5_000).toISOString();
    late.status = {
      replicas: 4,
      updatedReplicas: 4,
      conditions: [{ type: 'Progressing', status: 'True', reason: 'ReplicaSetUpdated', message: '', lastUpdateTime }],
    };
    expect(condition(deploymentStatus(late, set, [set], true), 'Progressing')).toMatchObject({
      status: 'False',
      reason: 'ProgressDeadlineExceeded',
    });
  });
});
