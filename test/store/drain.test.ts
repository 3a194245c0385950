/** The drain of a deployment: it ends when nothing is left, neither in the table nor where clusters come from. */
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { infrastructureName } from '#core/domain/names.ts';
import { drainDeployment } from '#scripts/admin/drain.ts';
import { createWorld, TIMINGS, type World } from '#test/builders/world.ts';
import { startTable, type TestTable } from './table.ts';

let table: TestTable;
let world: World;
let owner: { id: string; team: string };
beforeAll(async () => {
  table = await startTable();
});
afterAll(() => table.stop());
beforeEach(async () => {
  world = createWorld({ client: table.client, name: await table.another() });
  owner = await world.account();
});

/** A drain whose waits are used to go on with the world, one step each. */
const drain = async (cloud: string[], steps: readonly (() => Promise<unknown>)[], patienceSeconds = 60) => {
  const said: string[] = [];
  const todo = [...steps];
  const deps = {
    ...world,
    timings: TIMINGS,
    providers: [
      { listOwned: async () => cloud.map((name) => ({ name, clusterId: undefined, createdAt: world.now() })) },
    ],
    say: (line: string) => void said.push(line),
    sleep: async () => void (await todo.shift()?.()),
  };
  return { said, count: await drainDeployment(deps, patienceSeconds) };
};

it('deletes every cluster, and waits for what the table does not know', async () => {
  const { next } = await world.readyCluster(owner);
  const cloud = [infrastructureName(next.id), 'rs-stray'];
  const { said, count } = await drain(cloud, [
    async () => {
      const { operationId } = (await world.store.clusters.cluster(next.id)) ?? {};
      await world.decide(next.id, { type: 'deleted', operation: operationId as string });
      cloud.shift();
    },
    // The sweeper finds it: the cloud names it no more, but what it left is there.
    async () => {
      const orphan = { provider: 'eks', name: 'rs-stray', clusterId: undefined, since: world.now() };
      await world.store.clusters.putOrphan(orphan);
      cloud.shift();
    },
    () => world.store.clusters.forgetOrphan('rs-stray'),
  ]);
  expect(count).toBe(1);
  const waits = said.filter((line) => line.includes(' left: '));
  expect(waits.map((line) => line.split(' left: ')[0])).toEqual(['2', '1', '1']);
  expect(waits[0]).toContain('Deleting');
  expect(waits.every((line) => line.includes('rs-stray (in the cloud alone'))).toBe(true);
  expect(await world.store.clusters.deployment()).toMatchObject({ createsStopped: true });
});

it('names what is left when its patience ends', async () => {
  await expect(drain(['rs-stray'], [], 0)).rejects.toThrow('left after 0 s: rs-stray in the cloud alone');
});
