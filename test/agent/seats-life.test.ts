/** The life of a dev pod, from the list of the control plane to its objects and back. */
import { expect, test } from 'vitest';
import { IMAGE, testCluster } from './support/cluster.ts';
import { eventually, seatName, seatsWorld } from './support/seats.ts';

const cluster = testCluster('127.61');

test('a seat that is listed when the agent connects is made, runs, and is reported with the revision it was asked for', async () => {
  const world = await seatsWorld(cluster());
  const { id } = world.want();
  const name = seatName(id);
  await world.start();
  const status = await world.running(id);
  expect(status).toMatchObject({ observedRevision: 1, observedGeneration: 1, podUid: expect.any(String) });
  expect(status.conditions).toEqual([
    { type: 'Ready', status: 'True', reason: 'Running', message: 'The dev pod runs.' },
  ]);
  const kept = await world.get('Workspace', name);
  expect(kept?.spec).toMatchObject({ origin: 'ControlPlane', id, revision: 1 });
  await eventually(async () => (await world.get('Workspace', name))?.status?.phase).toBe('Running');
  expect(kept?.metadata.labels).toMatchObject({ 'roadstead.dev/team': world.team, 'roadstead.dev/name': 'desk' });
  expect(await world.get('PersistentVolumeClaim', `home-${name}`)).toBeDefined();
});

test('a stop ends the pod and keeps the volumes, a start brings the same volumes back', async () => {
  const world = await seatsWorld(cluster());
  const { id } = world.want();
  await world.start();
  const first = await world.running(id);
  const claim = await world.get('PersistentVolumeClaim', `home-${seatName(id)}`);
  world.change(id, { runState: 'Stopped' });
  const stopped = await world.until(id, ({ phase }) => phase === 'Stopped');
  expect(stopped).toMatchObject({ observedRevision: 2 });
  expect(stopped.podUid).toBeUndefined();
  expect(await world.list('Pod')).toEqual([]);
  world.change(id, { runState: 'Running' });
  const second = await world.running(id);
  expect(second.podUid).not.toBe(first.podUid);
  const again = await world.get('PersistentVolumeClaim', `home-${seatName(id)}`);
  expect(again?.metadata.uid).toBe(claim?.metadata.uid);
  expect(again?.spec?.volumeName).toBe(claim?.spec?.volumeName);
});

test('a restart and a new image replace the pod, and Running is not said of the old one', async () => {
  const world = await seatsWorld(cluster());
  const { id } = world.want();
  await world.start();
  const first = await world.running(id);
  world.change(id, { restarts: 1 });
  const second = await world.running(id);
  expect(second.podUid).not.toBe(first.podUid);
  world.change(id, { image: `${IMAGE}0` });
  const third = await world.running(id);
  expect(third.podUid).not.toBe(second.podUid);
  const [pod] = await world.list('Pod');
  expect(pod?.metadata.uid).toBe(third.podUid);
  expect(pod?.spec).toMatchObject({ containers: [{ image: `${IMAGE}0` }] });
});

test('a volume grows while it is bound, and is made anew with its new size where it never was', async () => {
  const world = await seatsWorld(cluster());
  const bound = world.want().id;
  const unbound = world.want({ runState: 'Stopped' }).id;
  await world.start();
  await world.running(bound);
  await world.until(unbound, ({ phase }) => phase === 'Stopped');
  const size = (gib: number) => [{ name: 'home', size: `${gib}Gi`, mounts: [{ mountPath: '/home/node' }] }];
  const claim = (id: string) => world.get('PersistentVolumeClaim', `home-${seatName(id)}`);
  const before = { bound: (await claim(bound))?.metadata.uid, unbound: (await claim(unbound))?.metadata.uid };
  for (const id of [bound, unbound]) world.change(id, { volumes: size(2) });
  const requested = async (id: string) => JSON.stringify((await claim(id))?.spec?.resources);
  for (const id of [bound, unbound]) await eventually(() => requested(id)).toBe('{"requests":{"storage":"2Gi"}}');
  expect((await claim(bound))?.metadata.uid).toBe(before.bound);
  expect((await claim(unbound))?.metadata.uid).not.toBe(before.unbound);
});

test('a tombstone that keeps volumes takes everything else away and says what was kept', async () => {
  const world = await seatsWorld(cluster());
  const { id } = world.want();
  const name = seatName(id);
  await world.start();
  await world.running(id);
  world.bury(id, 'KeepVolumes');
  await eventually(() => world.plane.received('workspace.gone').length).toBe(1);
  expect(world.plane.received('workspace.gone')[0]?.payload).toEqual({
    id,
    revision: 2,
    kept: [`home-${name}`],
  });
  for (const kind of ['Workspace', 'StatefulSet', 'Service', 'Secret'] as const)
    expect(await world.get(kind, name)).toBeUndefined();
  expect(await world.list('Pod')).toEqual([]);
  expect(
    (await world.list('Role')).concat(await world.list('RoleBinding')).map(({ metadata }) => metadata.name),
  ).toEqual(['roadstead-tenant']);
  expect(await world.get('PersistentVolumeClaim', `home-${name}`)).toBeDefined();
});

test('a tombstone that deletes volumes deletes those of this seat alone', async () => {
  const world = await seatsWorld(cluster());
  const [gone, stays] = [world.want().id, world.want().id];
  await world.start();
  await Promise.all([gone, stays].map((id) => world.running(id)));
  world.bury(gone, 'DeleteVolumes');
  await eventually(() => world.plane.received('workspace.gone')[0]?.payload).toEqual({
    id: gone,
    revision: 2,
    kept: [],
  });
  expect((await world.list('PersistentVolumeClaim')).map(({ metadata }) => metadata.name)).toEqual([
    `home-${seatName(stays)}`,
  ]);
  expect(world.reported(stays)?.phase).toBe('Running');
});

test('a seat that was pushed late after its tombstone is not raised again', async () => {
  const world = await seatsWorld(cluster());
  const seat = world.want();
  await world.start();
  await world.running(seat.id);
  world.bury(seat.id, 'DeleteVolumes');
  await eventually(() => world.plane.received('workspace.gone').length).toBe(1);
  for (const link of world.plane.live()) link.push({ type: 'workspace.apply', payload: { seat } });
  const other = world.want().id;
  await world.running(other);
  expect((await world.list('Workspace')).map(({ metadata }) => metadata.name)).toEqual([seatName(other)]);
});
