/** The life of a dev pod, from the list of the control plane to its objects and back. */
import { expect, test } from 'vitest';
import { testCluster } from './support/cluster.ts';
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
