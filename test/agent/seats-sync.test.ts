/** Whose word counts about what should be here: the list, the cluster's admin, or nobody's. */
import { expect, test } from 'vitest';
import { kinds, pathOf } from '#agent/kubernetes/kinds.ts';
import { apply, testCluster } from './support/cluster.ts';
import { eventually, quiet, seatName, seatSpec, seatsWorld } from './support/seats.ts';

const cluster = testCluster('127.64');
type World = Awaited<ReturnType<typeof seatsWorld>>;

const annotate = (world: World, id: string, annotations: Record<string, string | null>, spec: object = {}) =>
  cluster().admin.request('PATCH', pathOf(kinds.Workspace, world.namespace, seatName(id)), {
    contentType: 'application/merge-patch+json',
    body: { metadata: { annotations }, spec },
  });
const beat = (world: World) => {
  for (const link of world.plane.live()) link.push({ type: 'pace', payload: world.plane.pace });
};

test('an equal digest asks for no list, a list that changed while it was read is read again', async () => {
  const world = await seatsWorld(cluster());
  const { id } = world.want();
  const answer = world.plane.answer;
  let pages = 0;
  world.plane.answer = (message, link) => {
    const given = answer(message, link);
    if (message.type !== 'sync' || given === 'silence' || given?.type !== 'sync.page') return given;
    pages++;
    // The first list changes between its two pages; the second one comes in two that fit.
    if (pages === 1) return { ...given, payload: { ...given.payload, digest: 'f'.repeat(64), next: id } };
    if (pages === 3) return { ...given, payload: { ...given.payload, rows: [], next: id } };
    return given;
  };
  const first = await world.start();
  await world.running(id);
  expect(pages).toBe(4);
  expect(world.plane.received('sync').map(({ payload }) => payload.after)).toEqual([undefined, id, undefined, id]);
  await quiet(first.writes);
  await first.stop();
  await world.start();
  const told = world.plane.received('workspace.status').length;
  await eventually(() => world.plane.received('workspace.status').length).toBeGreaterThan(told);
  expect(pages).toBe(4);
});

test('many seats are fetched as they fit into messages, and one that went away meanwhile holds nothing up', async () => {
  const world = await seatsWorld(cluster());
  const ids = Array.from({ length: 23 }, () => world.want({ runState: 'Stopped' }).id);
  const answer = world.plane.answer;
  const lost = ids[3];
  world.plane.answer = (message, link) => {
    const given = answer(message, link);
    if (given === 'silence' || given?.type !== 'seats') return given;
    return { type: 'seats', payload: { seats: given.payload.seats.filter(({ id }) => id !== lost).slice(0, 7) } };
  };
  await world.start();
  await eventually(async () => (await world.list('Workspace')).length).toBe(22);
  for (const { payload } of world.plane.received('seats.get')) expect(payload.ids.length).toBeLessThanOrEqual(20);
});

test('a push that was lost is made up for by the digest of a heartbeat', async () => {
  const world = await seatsWorld(cluster());
  await world.start();
  await eventually(() => world.plane.received('cluster.info').length).toBe(1);
  const links = world.plane.live;
  world.plane.live = () => [];
  const { id } = world.want();
  world.plane.live = links;
  beat(world);
  await world.running(id);
});

test('what is here and not listed is reported and left alone, until it is listed again', async () => {
  const world = await seatsWorld(cluster());
  const seat = world.want();
  const { id } = seat;
  await world.start();
  await world.running(id);
  world.seats.delete(id);
  beat(world);
  const status = await world.until(id, ({ conditions }) => conditions.some(({ type }) => type === 'Unlisted'));
  expect(status.phase).toBe('Running');
  expect(world.audits('Unlisted')).toEqual([id]);
  beat(world);
  await eventually(() => world.plane.received('heartbeat').length).toBe(2);
  expect(world.audits('Unlisted')).toEqual([id]);
  world.seats.set(id, seat);
  beat(world);
  await world.until(id, ({ conditions }) => conditions.every(({ type }) => type !== 'Unlisted'));
});

test('a list of another deployment, or of an older epoch, is refused and nothing is changed', async () => {
  const world = await seatsWorld(cluster());
  world.plane.source = { ...world.plane.source, epoch: 5 };
  const { id } = world.want();
  const first = await world.start();
  await world.running(id);
  await quiet(first.writes);
  await first.stop();
  const { deploymentId } = world.plane.source;
  for (const [source, words] of [
    [{ deploymentId, epoch: 4 }, 'epoch 4'],
    [{ deploymentId: 'another', epoch: 9 }, 'not to another'],
  ] as const) {
    world.plane.source = source;
    world.bury(id, 'DeleteVolumes');
    const agent = await world.start();
    await eventually(() => agent.log.join('')).toContain(words);
    for (const link of world.plane.live()) {
      link.push({ type: 'workspace.delete', payload: { id, revision: 9, volumes: 'DeleteVolumes' } });
    }
    await quiet(agent.writes);
    expect(world.plane.received('sync').filter(({ payload }) => payload.after !== undefined)).toEqual([]);
    expect(await world.get('Workspace', seatName(id))).toBeDefined();
    await agent.stop();
  }
  world.plane.source = { deploymentId, epoch: 6 };
  await world.start();
  await eventually(() => world.tombstones.size).toBe(0);
  expect((await world.get('Cluster', 'roadstead', ''))?.metadata.annotations).toMatchObject({
    'roadstead.dev/epoch': '6',
  });
});

test('a revision that is older than the one here is not followed', async () => {
  const world = await seatsWorld(cluster());
  const { id } = world.want();
  await world.start();
  await world.running(id);
  const newer = world.change(id, { restarts: 3 });
  await world.running(id);
  world.seats.set(id, { ...newer, spec: { ...newer.spec, revision: 1, restarts: 0 } });
  beat(world);
  await eventually(() => world.audits('RevisionRefused')).toEqual([id]);
  expect((await world.get('Workspace', seatName(id)))?.spec).toMatchObject({ revision: 2, restarts: 3 });
});

test('a spec that somebody changes is not carried out, and is put right', async () => {
  const world = await seatsWorld(cluster());
  const { id } = world.want();
  await world.start();
  const before = await world.running(id);
  await annotate(world, id, {}, { image: 'registry.test/evil:1', parameters: { added: 'yes' } });
  await eventually(() => world.audits('DriftRepaired')).toEqual([`Workspace ${world.namespace}/${seatName(id)}`]);
  expect((await world.get('Workspace', seatName(id)))?.spec).toMatchObject({
    image: seatSpec(id).image,
    parameters: {},
  });
  await world.until(id, ({ observedGeneration }) => observedGeneration > 2);
  expect(world.reported(id)?.podUid).toBe(before.podUid);
});

test('with the glass broken a change counts and is reported, and is reverted when the annotation goes', async () => {
  const world = await seatsWorld(cluster());
  const { id } = world.want();
  await world.start();
  await world.running(id);
  await annotate(
    world,
    id,
    { 'roadstead.dev/break-glass': 'demo on friday\u001b[2J' },
    { image: 'registry.test/other:2' },
  );
  const status = await world.until(id, ({ conditions }) => conditions.some(({ type }) => type === 'Overridden'));
  expect(status.conditions.find(({ type }) => type === 'Overridden')?.message).toMatch(/demo on friday\[2J$/);
  expect(world.audits('Overridden')).toEqual([`Workspace ${world.namespace}/${seatName(id)}`]);
  const image = async () => JSON.stringify((await world.get('StatefulSet', seatName(id)))?.spec).includes('other:2');
  await eventually(image).toBe(true);
  world.change(id, { restarts: 7 });
  await eventually(() => world.plane.received('heartbeat').length).toBe(0);
  expect((await world.get('Workspace', seatName(id)))?.spec).toMatchObject({ revision: 1 });
  await annotate(world, id, { 'roadstead.dev/break-glass': null });
  await eventually(image).toBe(false);
  const after = await world.running(id);
  expect(after).toMatchObject({ observedRevision: 2 });
  expect(after.conditions.map(({ type }) => type)).toEqual(['Ready']);
});

test('a Workspace of the control plane that somebody deletes is made again', async () => {
  const world = await seatsWorld(cluster());
  const { id } = world.want();
  await world.start();
  const first = await world.running(id);
  await cluster().admin.request('DELETE', pathOf(kinds.Workspace, world.namespace, seatName(id)));
  await world.until(id, ({ phase, uid }) => phase === 'Running' && uid !== first.uid);
  expect(world.audits('DriftRepaired')).toContain(`Workspace ${world.namespace}/${seatName(id)}`);
});

test('a spec that the cluster refuses is said so, and taken once it is mended', async () => {
  const world = await seatsWorld(cluster());
  const size = (gib: number) => [{ name: 'home', size: `${gib}Gi`, mounts: [{ mountPath: '/home/node' }] }];
  const { id } = world.want({ volumes: size(2) });
  await world.start();
  const { uid } = await world.running(id);
  world.change(id, { volumes: size(1) });
  const status = await world.until(id, ({ phase }) => phase === 'Failed');
  expect(status).toMatchObject({ observedRevision: 2, observedGeneration: 1, uid });
  expect(status.conditions[0]?.message).toContain('a volume only grows');
  world.change(id, { volumes: size(3) });
  await world.running(id);
});

test('a Workspace that a cluster’s admin applies is honoured and told, its changes and its end too', async () => {
  const world = await seatsWorld(cluster());
  const { id } = world.want({ runState: 'Stopped' });
  await world.start();
  await world.until(id, ({ phase }) => phase === 'Stopped');
  const { admin } = cluster();
  const path = pathOf(kinds.Workspace, world.namespace, 'lab');
  const lab = (runState: string, owner = 'bob') => ({
    apiVersion: 'roadstead.dev/v1alpha1',
    kind: 'Workspace',
    metadata: { name: 'lab', namespace: world.namespace },
    spec: { ...seatSpec(undefined, { runState: runState as 'Running' }), owner },
  });
  await apply(admin, path, lab('Running'));
  const found = () => world.plane.received('workspace.found').at(-1)?.payload;
  await eventually(() => found()?.status?.phase).toBe('Running');
  expect(found()).toMatchObject({
    name: 'lab',
    team: world.team,
    gone: false,
    spec: { origin: 'Cluster', owner: 'bob' },
  });
  await apply(admin, path, lab('Stopped'));
  await eventually(() => found()?.status?.phase).toBe('Stopped');
  await eventually(async () => (await world.get('Workspace', 'lab'))?.status?.phase).toBe('Stopped');
  await admin.request('DELETE', path);
  await eventually(() => found()?.gone).toBe(true);
  await eventually(() => world.get('StatefulSet', 'lab')).toBeUndefined();
  expect(await world.get('PersistentVolumeClaim', 'home-lab')).toBeDefined();
  await apply(admin, path, lab('Running', 'mallory'));
  await eventually(() => found()?.status?.conditions[0]?.reason).toBe('VolumeConflict');
  expect(await world.list('Pod')).toEqual([]);
});

test('what the cluster’s admin deleted while there was no agent is missing from the census that the next one tells once', async () => {
  const world = await seatsWorld(cluster());
  world.want({ runState: 'Stopped' });
  const { admin } = cluster();
  const path = (name: string) => pathOf(kinds.Workspace, world.namespace, name);
  const first = await world.start();
  const made = async (name: string) => {
    await eventually(() => world.get('Namespace', world.namespace, '')).toBeDefined();
    const { metadata } = await apply(admin, path(name), {
      apiVersion: 'roadstead.dev/v1alpha1',
      kind: 'Workspace',
      metadata: { name, namespace: world.namespace },
      spec: { ...seatSpec(undefined, { runState: 'Stopped' }), owner: 'bob' },
    });
    return metadata.uid as string;
  };
  const [goes, stays] = [await made('goes'), await made('stays')];
  const census = () => world.plane.received('workspace.census').map(({ payload }) => payload.uids);
  await eventually(() => census().length).toBe(1);
  await eventually(() => world.plane.received('workspace.found').map(({ payload }) => payload.uid)).toContain(goes);
  await first.stop();
  await admin.request('DELETE', path('goes'));

  const second = await world.start({ pod: 'agent-2' });
  await eventually(() => census().at(-1)).toEqual([stays]);
  const [old] = world.plane.live();
  old?.cut();
  // The state of the cluster is told on each link, at the moment at which a census would be.
  const next = () => world.plane.live().find((link) => link !== old);
  await eventually(() => next()?.messages.some(({ type }) => type === 'cluster.info')).toBe(true);
  await quiet(second.calls);
  expect(census()).toHaveLength(2);
});

test('a Workspace outside the namespaces of Roadstead is left alone', async () => {
  const world = await seatsWorld(cluster());
  const { id } = world.want({ runState: 'Stopped' });
  const { admin } = cluster();
  const path = pathOf(kinds.Workspace, 'default', 'stray');
  await apply(admin, path, {
    apiVersion: 'roadstead.dev/v1alpha1',
    kind: 'Workspace',
    metadata: { name: 'stray', namespace: 'default' },
    spec: seatSpec(undefined),
  });
  const agent = await world.start();
  await world.until(id, ({ phase }) => phase === 'Stopped');
  await quiet(agent.writes);
  expect(await world.get('StatefulSet', 'stray', 'default')).toBeUndefined();
  expect(world.plane.received('workspace.found')).toEqual([]);
  expect(agent.log.join('')).toContain('outside the namespaces');
  await admin.request('DELETE', path);
});
