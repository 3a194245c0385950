import { randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import {
  persistentVolumeClaims,
  pods,
  replicaSets,
  storageClasses,
} from '#local/kubernetes/controllers/machinery/resources.ts';
import type { PodSpec } from '#local/kubernetes/controllers/machinery/types.ts';
import { eventually, podSpec, type Space, testWorld } from './world.ts';

const world = testWorld();

/** A namespace, and nodes of its own that only pods with this selector take. */
async function yard(...more: Parameters<ReturnType<typeof world>['node']>[0][]) {
  const space = await world().space();
  const pool = { pool: space.name };
  const nodes: string[] = [];
  const add = async (one: (typeof more)[number] = {}) => {
    const name = await world().node({ ...one, labels: { ...pool, ...one?.labels } });
    nodes.push(name);
    return name;
  };
  for (const one of more) await add(one);
  const asking = (cpu: string, spec: Partial<PodSpec> = {}): PodSpec =>
    podSpec({
      nodeSelector: pool,
      containers: [{ name: 'main', image: 'main:1', resources: { requests: { cpu } } }],
      ...spec,
    });
  const pod = (name: string, spec: PodSpec, labels = {}) => space.create(pods, { metadata: { name, labels }, spec });
  const leave = async () => {
    for (const name of nodes) await world().removeNode(name);
  };
  return { space, nodes, add, asking, pod, leave };
}
const placeOf = async (space: Space, name: string) => (await space.get(pods, name)).spec.nodeName;
const why = async (space: Space, name: string) => {
  const condition = (await space.get(pods, name)).status?.conditions?.find(({ type }) => type === 'PodScheduled');
  return condition && `${condition.status} ${condition.reason}: ${condition.message}`;
};

describe('a pod that fits nowhere', () => {
  test('says what is missing where, in one sentence, as an event too', async () => {
    const { space, asking, pod, leave } = await yard({}, { spec: { taints: [{ key: 'gpu', effect: 'NoSchedule' }] } });
    await pod('big', asking('3'));
    await eventually(() => why(space, 'big')).toMatch(
      /^False Unschedulable: 0\/\d+ nodes are available: .*1 Insufficient cpu.*1 node\(s\) had untolerated taint/,
    );
    await eventually(() => space.said('big')).toContainEqual(expect.stringMatching(/^Warning FailedScheduling: 0\//));
    await leave();
  });

  test('is placed when a node comes that has room', async () => {
    const { space, add, asking, pod, leave } = await yard({});
    await pod('big', asking('3'));
    await eventually(() => why(space, 'big')).toContain('Insufficient cpu');
    const large = await add({ allocatable: { cpu: '4' } });
    await eventually(() => placeOf(space, 'big')).toBe(large);
    await eventually(() => space.said('big')).toContain(
      `Normal Scheduled: Successfully assigned ${space.name}/big to ${large}`,
    );
    await leave();
  });

  test('is placed when another goes, the one of higher priority first', async () => {
    const { space, nodes, asking, pod, leave } = await yard({});
    await pod('first', asking('1500m'));
    await eventually(() => placeOf(space, 'first')).toBe(nodes[0]);
    await pod('usual', asking('1500m'));
    await pod('urgent', asking('1500m', { priorityClassName: 'system-cluster-critical' }));
    await eventually(() => why(space, 'usual')).toMatch(/Insufficient cpu.*No preemption victims found/);
    // It might take the place of the first: that this is not done is not hidden.
    await eventually(() => why(space, 'urgent')).toMatch(/Insufficient cpu.*Preemption is not supported/);
    await space.ended('first');
    await eventually(() => placeOf(space, 'urgent')).toBe(nodes[0]);
    expect(await placeOf(space, 'usual')).toBeUndefined();
    await leave();
  });

  test('waits for its claim and says so', async () => {
    const { space, asking, pod, leave } = await yard({});
    const volumes = [{ name: 'data', persistentVolumeClaim: { claimName: 'data' } }];
    await pod('user', asking('1', { volumes }));
    await eventually(() => why(space, 'user')).toContain('persistentvolumeclaim "data" not found');
    await space.create(persistentVolumeClaims, {
      metadata: { name: 'data' },
      spec: { accessModes: ['ReadWriteOnce'], storageClassName: '', resources: { requests: { storage: '1Gi' } } },
    });
    await eventually(() => why(space, 'user')).toContain('pod has unbound immediate PersistentVolumeClaims');
    await leave();
  });
});

describe('room on a node', () => {
  test('is never given twice, however many ask at once', async () => {
    const { space, asking, pod, leave } = await yard({ allocatable: { cpu: '2' } }, { allocatable: { cpu: '2' } });
    await Promise.all(Array.from({ length: 20 }, (_, index) => pod(`p-${index}`, asking('900m'))));
    const placed = async () => (await space.list(pods)).filter(({ spec }) => spec.nodeName !== undefined);
    await eventually(async () => (await placed()).length).toBe(4);
    await eventually(async () => {
      const stuck = (await space.list(pods)).filter(({ status }) =>
        status?.conditions?.some(({ reason }) => reason === 'Unschedulable'),
      );
      return stuck.length;
    }).toBe(16);
    const perNode = new Set((await placed()).map(({ spec }) => spec.nodeName));
    expect(perNode.size).toBe(2);
    await leave();
  });

  test('counts pods that were put there past the scheduler', async () => {
    const { space, nodes, asking, pod, leave } = await yard({});
    await pod('preset', asking('1500m', { nodeName: nodes[0] ?? '' }));
    await pod('next', asking('1'));
    await eventually(() => why(space, 'next')).toContain('Insufficient cpu');
    await leave();
  });

  test('a claim for one pod alone is not shared', async () => {
    const { space, nodes, asking, pod, leave } = await yard({});
    const name = `alone-${randomBytes(3).toString('hex')}`;
    await world().client.create(storageClasses, undefined, {
      metadata: { name },
      provisioner: 'folders.test',
      volumeBindingMode: 'WaitForFirstConsumer',
    });
    await space.create(persistentVolumeClaims, {
      metadata: { name: 'home' },
      spec: {
        accessModes: ['ReadWriteOncePod'],
        storageClassName: name,
        resources: { requests: { storage: '1Gi' } },
      },
    });
    const volumes = [{ name: 'home', persistentVolumeClaim: { claimName: 'home' } }];
    await pod('one', asking('100m', { volumes }));
    await eventually(() => placeOf(space, 'one')).toBe(nodes[0]);
    // While its volume was bound there was nothing to complain of.
    await eventually(() => space.said('one')).toContainEqual(expect.stringContaining('Normal Scheduled'));
    expect((await space.said('one')).join()).not.toContain('FailedScheduling');
    await pod('two', asking('100m', { volumes }));
    await eventually(() => why(space, 'two')).toContain('ReadWriteOncePod access mode');
    await space.ended('one');
    await eventually(() => placeOf(space, 'two')).toBe(nodes[0]);
    await leave();
  });
});

test('pods spread over zones, and keep away from each other', async () => {
  const zone = (name: string) => ({ labels: { 'topology.kubernetes.io/zone': name } });
  const { space, asking, pod, leave } = await yard(zone('a'), zone('a'), zone('b'));
  const labelSelector = { matchLabels: { app: 'web' } };
  const spread = asking('100m', {
    topologySpreadConstraints: [
      { maxSkew: 1, topologyKey: 'topology.kubernetes.io/zone', whenUnsatisfiable: 'DoNotSchedule', labelSelector },
    ],
    affinity: {
      podAntiAffinity: {
        requiredDuringSchedulingIgnoredDuringExecution: [{ topologyKey: 'kubernetes.io/hostname', labelSelector }],
      },
    },
  });
  for (const name of ['one', 'two', 'three', 'four']) await pod(name, spread, { app: 'web' });
  const places = async () => (await space.list(pods)).flatMap(({ spec }) => spec.nodeName ?? []);
  await eventually(async () => new Set(await places()).size).toBe(3);
  const last = (await space.list(pods)).find(({ spec }) => spec.nodeName === undefined)?.metadata.name ?? '';
  await eventually(() => why(space, last)).toMatch(/topology spread|anti-affinity/);
  await leave();
});

test('pods of one owner spread over nodes that are alike, even where that makes them uneven; others go where fewer are', async () => {
  const { space, nodes, asking, pod, leave } = await yard({}, {});
  const [crowded = '', quiet = ''] = nodes;
  await pod('a', asking('0', { nodeName: crowded }));
  await pod('b', asking('0', { nodeName: crowded }));
  await space.create(replicaSets, {
    metadata: { name: 'web' },
    spec: {
      replicas: 2,
      selector: { matchLabels: { app: 'web' } },
      template: { metadata: { labels: { app: 'web' } }, spec: asking('0') },
    },
  });
  const places = async () =>
    (await space.list(pods)).filter(({ metadata }) => metadata.labels?.app).flatMap(({ spec }) => spec.nodeName ?? []);
  await eventually(async () => (await places()).sort()).toEqual([crowded, quiet].sort());
  await pod('c', asking('0'));
  await eventually(() => placeOf(space, 'c')).toBe(quiet);
  await leave();
});

test('a pod with scheduling gates says so from the beginning and is placed when they are gone', async () => {
  const { space, nodes, asking, pod, leave } = await yard({});
  const made = await pod('gated', asking('100m', { schedulingGates: [{ name: 'example.com/wait' }] }));
  expect(made.status?.conditions).toMatchObject([{ type: 'PodScheduled', status: 'False', reason: 'SchedulingGated' }]);
  await space.patch(pods, 'gated', { spec: { schedulingGates: [] } });
  await eventually(() => placeOf(space, 'gated')).toBe(nodes[0]);
  expect((await space.get(pods, 'gated')).status?.conditions).toMatchObject([{ type: 'PodScheduled', status: 'True' }]);
  await leave();
});

test('a cordoned node takes nobody new', async () => {
  const { space, asking, pod, leave } = await yard({ spec: { unschedulable: true } });
  await pod('one', asking('100m'));
  await eventually(() => why(space, 'one')).toContain('node(s) were unschedulable');
  await leave();
});
