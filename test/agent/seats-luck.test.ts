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
  const connected = async () => (await world.get('Cluster', 'roadstead', ''))?.status?.conditions;
  await eventually(connected).toMatchObject([{ type: 'Connected', status: 'False', reason: 'NoLink' }]);
  await first.stop();
  await admin.request('DELETE', pathOf(kinds.Service, world.namespace, name));
  await world.start();
  await eventually(() => world.get('Service', name)).toBeDefined();
  world.plane.refuse = undefined;
  await world.until(id, (now) => now.phase === 'Running' && now.podUid !== status.podUid);
  await eventually(connected).toMatchObject([{ type: 'Connected', status: 'True' }]);
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

/**
 * Lives of agents, one after another on what the one before left: each is killed at one write more than the last one, just before it is sent.
 * Resolves with their number when one lived to see the end.
 */
const lives = async (world: Awaited<ReturnType<typeof seatsWorld>>, isOver: () => boolean): Promise<number> => {
  const isOurs = (path: string) => path.includes(world.namespace) || path.includes('roadstead.dev');
  for (let nth = 1; nth < 80; nth++) {
    let writes = 0;
    let killed = false;
    const agent = await world.start({
      mayWrite: (_, path) => {
        if (isOurs(path)) writes++;
        killed ||= writes === nth;
        return !killed;
      },
    });
    await eventually(() => killed || isOver()).toBe(true);
    await agent.stop();
    if (!killed) return nth;
  }
  throw new Error('80 agents were killed and it never ended');
};

test('agents killed at every write of a create leave what the next one completes: one pod, one set of volumes', async () => {
  const world = await seatsWorld(cluster());
  const { id } = world.want();
  const name = seatName(id);
  expect(await lives(world, () => world.reported(id)?.phase === 'Running')).toBeGreaterThan(12);
  const names = async (kind: 'Pod' | 'PersistentVolumeClaim' | 'StatefulSet') =>
    (await world.list(kind)).map(({ metadata }) => metadata.name);
  expect(await names('Pod')).toEqual([`${name}-0`]);
  expect(await names('PersistentVolumeClaim')).toEqual([`home-${name}`]);
  expect(await names('StatefulSet')).toEqual([name]);
  expect(world.audits('DriftRepaired')).toEqual([]);
}, 60_000);

test('agents killed at every write of a delete leave nothing to the next one that would stay behind', async () => {
  const world = await seatsWorld(cluster());
  const { id } = world.want();
  const first = await world.start();
  await world.running(id);
  await first.stop();
  world.bury(id, 'DeleteVolumes');
  expect(await lives(world, () => world.tombstones.size === 0)).toBeGreaterThan(4);
  for (const kind of ['Workspace', 'StatefulSet', 'Service', 'Pod', 'PersistentVolumeClaim'] as const)
    expect(await world.list(kind)).toEqual([]);
}, 60_000);
