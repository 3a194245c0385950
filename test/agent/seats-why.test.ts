/** Why a seat is not running, as it is told and kept. */
import { expect, test } from 'vitest';
import { hasStatus } from '#agent/kubernetes/client.ts';
import { kinds, pathOf } from '#agent/kubernetes/kinds.ts';
import { apply, testCluster } from './support/cluster.ts';
import { eventually, seatName, seatsWorld } from './support/seats.ts';

const cluster = testCluster('127.67');
type World = Awaited<ReturnType<typeof seatsWorld>>;

const policy = async (data: Record<string, string>) => {
  const path = '/api/v1/namespaces/roadstead-system/configmaps/roadstead-policy';
  await apply(cluster().admin, path, {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'roadstead-policy' },
    data,
  });
};
const reason = (world: World, id: string, word: string) =>
  world.until(id, ({ conditions }) => conditions[0]?.type === 'Ready' && conditions[0].reason === word);

test('an image that cannot be pulled is said so, and the mended one starts', async () => {
  const world = await seatsWorld(cluster());
  const { id } = world.want({ image: 'registry.test/missing:1' });
  await world.start();
  const status = await reason(world, id, 'ImagePull');
  expect(status.phase).toBe('Starting');
  await eventually(async () => (await world.get('Workspace', seatName(id)))?.status?.conditions).toMatchObject([
    { type: 'Ready', status: 'False', reason: 'ImagePull', lastTransitionTime: expect.any(String) },
  ]);
  world.change(id, { image: 'registry.test/there:1' });
  await world.running(id);
});

test('a pod that no node has room for is said so', async () => {
  const world = await seatsWorld(cluster());
  const huge = { cpu: '300', memory: '16Mi' };
  const { id } = world.want({ resources: { requests: huge, limits: { cpu: '300', memory: '1Gi' }, gpus: 0 } });
  await world.start();
  await reason(world, id, 'Unschedulable');
});

test('a quota that is used up is found in the events of the StatefulSet, which nobody watches', async () => {
  await policy({ ceilings: JSON.stringify({ team: { cpu: '15m' } }) });
  const world = await seatsWorld(cluster());
  const first = world.want().id;
  const agent = await world.start();
  await world.running(first);
  const { id } = world.want();
  const status = await reason(world, id, 'QuotaExceeded');
  expect(status.conditions[0]?.message).toContain('exceeded quota');
  await policy({});
  await world.running(id);
  expect(agent.calls.some((line) => /GET .*\/events.*involvedObject/.test(line))).toBe(false);
});

test('what the cluster’s admin forbids is refused, what ran goes on, and a stop is always granted', async () => {
  const world = await seatsWorld(cluster());
  const ran = world.want().id;
  await world.start();
  const before = await world.running(ran);
  await policy({ registries: '[registry.test/allowed]' });
  await world.until(ran, ({ conditions }) => conditions.some(({ type }) => type === 'Reconciled'));
  expect(world.reported(ran)).toMatchObject({ phase: 'Running', podUid: before.podUid });
  const refused = world.want().id;
  const status = await reason(world, refused, 'PolicyRefused');
  expect(status.phase).toBe('Failed');
  expect(await world.get('StatefulSet', seatName(refused))).toBeUndefined();
  world.change(ran, { runState: 'Stopped' });
  await world.until(ran, ({ phase, observedRevision }) => phase === 'Stopped' && observedRevision === 2);
  await policy({});
  await world.running(refused);
});

test('nodes are counted again as soon as the cluster’s admin says which ones are for dev pods', async () => {
  const world = await seatsWorld(cluster());
  await world.start();
  const cpu = () => world.plane.received('cluster.info').at(-1)?.payload.allocatable.cpuMillis;
  await eventually(cpu).toBeGreaterThan(0);
  await policy({ profiles: JSON.stringify({ default: { nodeSelector: { 'roadstead.dev/pool': 'none' } } }) });
  await eventually(cpu).toBe(0);
  await policy({});
});

test('what became of the repository is asked of the log until it says so, once a pod', async () => {
  const world = await seatsWorld(cluster());
  const { id } = world.want({ git: { repository: 'https://git.test/one' } });
  let said = '';
  let looks = 0;
  await world.start({
    podLog: () => {
      looks += 1;
      return said;
    },
  });
  const repository = (reasonOf: string) =>
    world.until(id, ({ conditions }) =>
      conditions.some(({ type, reason: why }) => type === 'RepositoryReady' && why === reasonOf),
    );
  await repository('Cloning');
  await eventually(() => looks).toBeGreaterThan(1);
  said = 'roadstead: repository Failed fatal: not found\n';
  const failed = await repository('CloneFailed');
  expect(failed.conditions.find(({ type }) => type === 'RepositoryReady')?.message).toContain('fatal: not found');

  const known = looks;
  said = 'roadstead: repository Ready\n';
  world.change(id, { idleTimeoutSeconds: 0 });
  await world.running(id);
  expect(looks).toBe(known);
  world.change(id, { restarts: 1 });
  await repository('Cloned');
});

test('a profile that is not there is said so', async () => {
  const world = await seatsWorld(cluster());
  const { id } = world.want({ profile: 'moon' });
  await world.start();
  await reason(world, id, 'ProfileInvalid');
});

test('a pod that came back because its node is gone says so until it ends', async () => {
  const world = await seatsWorld(cluster());
  const { id } = world.want();
  await world.start();
  const first = await world.running(id);
  const { admin } = cluster();
  const lost = first.node ?? '';
  await admin.request('DELETE', pathOf(kinds.Node, undefined, lost));
  await admin
    .request('DELETE', pathOf(kinds.Pod, world.namespace, `${seatName(id)}-0`), {
      // This very pod: whoever collects the pods of nodes that are gone may be faster, and the next one is there already.
      body: { apiVersion: 'v1', kind: 'DeleteOptions', gracePeriodSeconds: 0, preconditions: { uid: first.podUid } },
    })
    .catch((error) => {
      if (!hasStatus(error, 404) && !hasStatus(error, 409)) throw error;
    });
  const status = await world.until(
    id,
    ({ phase, conditions }) => phase === 'Running' && conditions.some(({ type }) => type === 'NodeReplaced'),
  );
  expect(status.node).not.toBe(lost);
  await apply(admin, `/api/v1/nodes/${lost}`, {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name: lost, labels: { 'kubernetes.io/hostname': lost, 'topology.kubernetes.io/zone': 'zone-a' } },
  });
  world.change(id, { restarts: 1 });
  const restarted = await world.running(id);
  expect(restarted.conditions.map(({ type }) => type)).toEqual(['Ready']);
});
