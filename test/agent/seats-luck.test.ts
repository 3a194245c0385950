/** Bad luck: the control plane is gone, agents are killed in the middle of things, or there are two of them. */
import { expect, test } from 'vitest';
import { kinds, pathOf } from '#agent/kubernetes/kinds.ts';
import { testCluster } from './support/cluster.ts';
import { eventually, seatName, seatsWorld } from './support/seats.ts';

const cluster = testCluster('127.63');

test('while the control plane is gone everything goes on healing, also by an agent that started meanwhile', async () => {
  const world = await seatsWorld(cluster());
  const { id } = world.want();
  const name = seatName(id);
  const first = await world.start();
  const status = await world.running(id);
  world.plane.refuse = 503;
  for (const link of world.plane.live()) link.cut();
  const { admin } = cluster();
  const podUid = async () => {
    const pod = await world.get('Pod', `${name}-0`);
    const conditions = (pod?.status?.conditions ?? []) as { type: string; status: string }[];
    return conditions.some(({ type, status: is }) => type === 'Ready' && is === 'True') ? pod?.metadata.uid : undefined;
  };
  await admin.request('DELETE', pathOf(kinds.StatefulSet, world.namespace, name));
  await eventually(async () => (await podUid()) ?? status.podUid).not.toBe(status.podUid);
  await first.stop();
  await admin.request('DELETE', pathOf(kinds.Service, world.namespace, name));
  await world.start();
  await eventually(() => world.get('Service', name)).toBeDefined();
  world.plane.refuse = undefined;
  await world.until(id, (now) => now.phase === 'Running' && now.podUid !== status.podUid);
});

test('of two agents one works', async () => {
  const world = await seatsWorld(cluster());
  const { id } = world.want();
  const one = await world.start({ pod: 'agent-1' });
  await world.running(id);
  const two = await world.start({ pod: 'agent-2' });
  world.change(id, { restarts: 1 });
  await world.running(id);
  expect(two.writes.filter((line) => !line.includes('/leases'))).toEqual([]);
  expect(world.plane.live()).toHaveLength(1);
  await one.stop();
  world.change(id, { restarts: 2 });
  await world.running(id);
  expect(two.writes.some((line) => line.includes('/statefulsets/'))).toBe(true);
});

/** Kills an agent at its nth write, and lets the next one go on; resolves to whether there was an nth write at all. */
const killedAt = async (
  world: Awaited<ReturnType<typeof seatsWorld>>,
  nth: number,
  done: () => Promise<unknown>,
): Promise<boolean> => {
  let writes = 0;
  let killed = false;
  const isOurs = (path: string) => path.includes(world.namespace) || path.includes('roadstead.dev');
  const agent = await world.start({
    mayWrite: (_, path) => {
      if (isOurs(path)) writes++;
      killed ||= writes === nth;
      return !killed;
    },
  });
  const end = new AbortController();
  const finished = done().then(
    () => 'done',
    () => 'never',
  );
  const died = (async () => {
    while (!killed && !end.signal.aborted) await new Promise((resolve) => setTimeout(resolve, 10));
    return 'killed';
  })();
  await Promise.race([finished, died]);
  end.abort();
  await agent.stop();
  return killed;
};

test('an agent killed at every write of a create leaves what the next one completes: one pod, one set of volumes', async () => {
  let nth = 1;
  for (; nth < 60; nth++) {
    const world = await seatsWorld(cluster());
    const { id } = world.want();
    const name = seatName(id);
    const isUp = () => eventually(() => world.reported(id)?.phase).toBe('Running');
    if (!(await killedAt(world, nth, isUp))) break;
    await world.start();
    await isUp();
    expect((await world.list('Pod')).map(({ metadata }) => metadata.name)).toEqual([`${name}-0`]);
    expect((await world.list('PersistentVolumeClaim')).map(({ metadata }) => metadata.name)).toEqual([`home-${name}`]);
    expect((await world.list('StatefulSet')).map(({ metadata }) => metadata.name)).toEqual([name]);
    expect(world.audits('DriftRepaired')).toEqual([]);
  }
  expect(nth).toBeGreaterThan(12);
}, 120_000);

test('an agent killed at every write of a delete leaves nothing to the next one that would stay behind', async () => {
  let nth = 1;
  for (; nth < 40; nth++) {
    const world = await seatsWorld(cluster());
    const { id } = world.want();
    const first = await world.start();
    await world.running(id);
    await first.stop();
    world.bury(id, 'DeleteVolumes');
    const isGone = () => eventually(() => world.tombstones.size).toBe(0);
    if (!(await killedAt(world, nth, isGone))) break;
    await world.start();
    await isGone();
    for (const kind of ['Workspace', 'StatefulSet', 'Service', 'Pod', 'PersistentVolumeClaim'] as const)
      expect(await world.list(kind)).toEqual([]);
  }
  expect(nth).toBeGreaterThan(4);
}, 120_000);
