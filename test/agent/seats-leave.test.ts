/** The end of a cluster's time with us. */
import { expect, test } from 'vitest';
import { kinds, pathOf } from '#agent/kubernetes/kinds.ts';
import { apply, testCluster } from './support/cluster.ts';
import { eventually, quiet, seatName, seatSpec, seatsWorld } from './support/seats.ts';

const cluster = testCluster('127.66');

test('a cluster of ours has its dev pods stopped before it is emptied', async () => {
  const world = await seatsWorld(cluster());
  const { id } = world.want();
  await world.start({ mayDrain: true });
  await world.running(id);
  world.plane.live()[0]?.push({ type: 'cluster.drain', payload: {} });
  await eventually(() => world.plane.received('cluster.drained').length).toBe(1);
  expect(await world.list('Pod')).toEqual([]);
  expect(world.plane.received('cluster.drained')[0]?.payload).toMatchObject({
    claims: expect.any(Number),
    remaining: 0,
  });
  expect(world.plane.received('cluster.left')).toEqual([]);
});

test('a cluster that goes on without us is left with empty namespaces and our manifest, and nothing comes back', async () => {
  const world = await seatsWorld(cluster());
  const { id } = world.want();
  const kept = world.want().id;
  const agent = await world.start({ mayDrain: false });
  await Promise.all([world.running(id), world.running(kept)]);
  world.plane.live()[0]?.push({ type: 'cluster.drain', payload: {} });
  await eventually(() => world.plane.received('cluster.drained').length).toBe(1);
  expect(world.plane.received('cluster.drained')[0]?.payload).toMatchObject({ claims: 2, remaining: 0 });
  const { objects } = world.plane.received('cluster.left')[0]?.payload ?? {};
  expect(objects).toContain(`namespace/${world.namespace}`);
  expect(objects).toContain('crd/workspaces.roadstead.dev');
  await quiet(agent.writes);
  for (const kind of [
    'Workspace',
    'StatefulSet',
    'Pod',
    'Service',
    'PersistentVolumeClaim',
    'NetworkPolicy',
    'RoleBinding',
  ] as const)
    expect(await world.list(kind)).toEqual([]);
  expect(await world.get('Secret', seatName(id))).toBeUndefined();
  expect(await world.get('Cluster', 'roadstead', '')).toBeUndefined();
});

test('namespaces with dev pods of the cluster’s admin stay as they are', async () => {
  const world = await seatsWorld(cluster());
  const { id } = world.want();
  await world.start({ mayDrain: false });
  await world.running(id);
  await apply(cluster().admin, pathOf(kinds.Workspace, world.namespace, 'lab'), {
    apiVersion: 'roadstead.dev/v1alpha1',
    kind: 'Workspace',
    metadata: { name: 'lab', namespace: world.namespace },
    spec: seatSpec(undefined),
  });
  await eventually(() => world.plane.received('workspace.found').at(-1)?.payload.status?.phase).toBe('Running');
  world.plane.live()[0]?.push({ type: 'cluster.drain', payload: {} });
  await eventually(() => world.plane.received('cluster.drained').length).toBe(1);
  const { objects } = world.plane.received('cluster.left')[0]?.payload ?? {};
  expect(objects).not.toContain(`namespace/${world.namespace}`);
  expect(objects).not.toContain('crd/workspaces.roadstead.dev');
  expect((await world.list('Pod')).map(({ metadata }) => metadata.name)).toContain('lab-0');
});
