/** Idle seats stop by themselves, and start again when they are asked to. */
import { expect, test } from 'vitest';
import { kinds, pathOf } from '#agent/kubernetes/kinds.ts';
import { apply, testCluster } from './support/cluster.ts';
import { eventually, quiet, seatName, seatSpec, seatsWorld } from './support/seats.ts';

const cluster = testCluster('127.73');
const idle = () => 'roadstead: idle 999\n';

test('an idle seat is stopped, its volumes are kept, and it says why; a size does not wake it, a start does', async () => {
  const world = await seatsWorld(cluster());
  const { id } = world.want({ idleTimeoutSeconds: 1 });
  const agent = await world.start({ podLog: idle });
  const stopped = await world.until(id, ({ phase }) => phase === 'Stopped');
  expect(stopped).toMatchObject({ observedRevision: 1, idleStop: { restarts: 0 } });
  expect(stopped.conditions).toEqual([
    {
      type: 'Ready',
      status: 'False',
      reason: 'Idle',
      message: expect.stringMatching(/start it to go on.*\(last active 2/),
    },
  ]);
  expect(await world.list('Pod')).toEqual([]);
  expect((await world.get('Workspace', seatName(id)))?.spec).toMatchObject({ runState: 'Running' });
  expect(await world.get('PersistentVolumeClaim', `home-${seatName(id)}`)).toBeDefined();
  await quiet(agent.writes);

  const amount = { cpu: '20m', memory: '16Mi' };
  world.change(id, { resources: { requests: amount, limits: amount, gpus: 0 } });
  const wider = await world.until(id, ({ observedRevision }) => observedRevision === 2);
  expect(wider).toMatchObject({ phase: 'Stopped', idleStop: stopped.idleStop, conditions: stopped.conditions });
  world.change(id, { runState: 'Stopped' });
  expect((await world.until(id, ({ observedRevision }) => observedRevision === 3)).conditions).toEqual(
    stopped.conditions,
  );
  expect(await world.list('Pod')).toEqual([]);

  world.change(id, { runState: 'Running', restarts: 1, idleTimeoutSeconds: 3600 });
  expect((await world.running(id)).idleStop).toBeUndefined();
  await eventually(async () => (await world.get('Workspace', seatName(id)))?.status).not.toHaveProperty('idleStop');
});

test('an agent that ends before the pod is gone is followed by one that goes on with the stop, without a control plane and without a look', async () => {
  const world = await seatsWorld(cluster());
  const { id } = world.want({ idleTimeoutSeconds: 1 });
  let found = false;
  const first = await world.start({
    podLog: () => {
      found = true;
      return idle();
    },
    mayWrite: (_, path) => !found || !path.includes('/statefulsets/'),
  });
  await eventually(async () => (await world.get('Workspace', seatName(id)))?.status?.idleStop).toMatchObject({
    restarts: 0,
  });
  await first.stop();
  expect((await world.list('Pod')).length).toBe(1);
  world.plane.refuse = 503;
  const second = await world.start({ pod: 'agent-2', podLog: () => '' });
  await eventually(async () => (await world.list('Pod')).length).toBe(0);
  expect(second.calls.filter((call) => call.includes('/log'))).toEqual([]);
});

test('a restart that comes while it is being stopped wins', async () => {
  const world = await seatsWorld(cluster());
  const { id } = world.want({ idleTimeoutSeconds: 1 });
  let asked = false;
  await world.start({
    podLog: () => {
      if (asked) return '';
      asked = true;
      world.change(id, { restarts: 1 });
      return idle();
    },
  });
  const wins = await world.until(id, ({ phase, observedRevision }) => phase === 'Running' && observedRevision === 2);
  expect(wins.idleStop).toBeUndefined();
});

test('a Workspace of the cluster’s admin is left as it is written, is reported as stopped, and starts when its restarts grow', async () => {
  const world = await seatsWorld(cluster());
  const anchor = world.want({ runState: 'Stopped' });
  await world.start({ podLog: idle });
  await world.until(anchor.id, ({ phase }) => phase === 'Stopped');
  const { admin } = cluster();
  const path = pathOf(kinds.Workspace, world.namespace, 'lab');
  const lab = (restarts: number, idleTimeoutSeconds: number) => ({
    apiVersion: 'roadstead.dev/v1alpha1',
    kind: 'Workspace',
    metadata: { name: 'lab', namespace: world.namespace },
    spec: seatSpec(undefined, { restarts, idleTimeoutSeconds }),
  });
  await apply(admin, path, lab(0, 1));
  const found = () => world.plane.received('workspace.found').at(-1)?.payload;
  await eventually(() => found()?.status?.conditions[0]?.reason).toBe('Idle');
  await eventually(() => found()?.status?.phase).toBe('Stopped');
  expect(found()?.spec.runState).toBe('Stopped');
  expect((await world.get('Workspace', 'lab'))?.spec?.runState).toBe('Running');
  await apply(admin, path, lab(1, 3600));
  await eventually(() => found()?.status?.phase).toBe('Running');
  expect(found()?.spec.runState).toBe('Running');
});
