/** What a seat is given that must never be seen: secrets, its host key, a credential for the person who holds it. */
import { expect, test } from 'vitest';
import { kinds, pathOf } from '#agent/kubernetes/kinds.ts';
import { apply, testCluster } from './support/cluster.ts';
import { eventually, quiet, seatName, seatSpec, seatsWorld } from './support/seats.ts';

const cluster = testCluster('127.65');
type World = Awaited<ReturnType<typeof seatsWorld>>;

const secret = (name: string, version: number, as: 'File' | 'Env' = 'File', holder: 'Owner' | 'Team' = 'Team') => ({
  name,
  version,
  holder,
  as,
});
/** Answers as the API does: values at the versions that are asked for. */
const serve = (world: World) => {
  let fetched = 0;
  world.secrets = (id) => {
    fetched++;
    const secrets = world.seats.get(id)?.spec.secrets ?? [];
    const values = secrets.map(({ name, version }) => ({ name, version, value: `value ${version} of ${name}` }));
    return { values, hostKey: 'the host key' };
  };
  return () => fetched;
};
const dataOf = async (world: World, id: string) => {
  const { data = {} } = (await world.get('Secret', seatName(id))) ?? {};
  return Object.fromEntries(Object.entries(data).map(([key, value]) => [key, Buffer.from(value, 'base64').toString()]));
};

test('values and the host key are fetched once, written as data, and stand in nothing else', async () => {
  const world = await seatsWorld(cluster());
  const fetched = serve(world);
  const { id } = world.want({ secrets: [secret('GITHUB_TOKEN', 3)] });
  const agent = await world.start();
  await world.running(id);
  expect(await dataOf(world, id)).toEqual({
    GITHUB_TOKEN: 'value 3 of GITHUB_TOKEN',
    ssh_host_key: 'the host key',
  });
  world.change(id, { restarts: 1 });
  await world.running(id);
  await agent.stop();
  await world.start();
  world.change(id, { restarts: 2 });
  await world.running(id);
  expect(fetched()).toBe(1);
  const elsewhere = [await world.list('Workspace'), await world.list('StatefulSet'), await world.list('Pod')];
  expect(JSON.stringify(elsewhere) + agent.log.join('')).not.toMatch(/value 3 of|the host key/);
});

test('a new version of a file restarts nothing, one of an environment variable restarts this pod alone', async () => {
  const world = await seatsWorld(cluster());
  serve(world);
  const file = world.want({ secrets: [secret('TOKEN', 1), secret('OLD', 1)] }).id;
  const variable = world.want({ secrets: [secret('TOKEN', 1, 'Env')] }).id;
  await world.start();
  const [first, second] = await Promise.all([world.running(file), world.running(variable)]);
  world.change(file, { secrets: [secret('TOKEN', 2)] });
  await eventually(() => dataOf(world, file)).toEqual({
    TOKEN: 'value 2 of TOKEN',
    ssh_host_key: 'the host key',
  });
  const after = await world.running(file);
  expect(after.podUid).toBe(first.podUid);
  world.change(variable, { secrets: [secret('TOKEN', 2, 'Env')] });
  const restarted = await world.until(variable, ({ phase, podUid }) => phase === 'Running' && podUid !== second.podUid);
  expect(restarted.observedRevision).toBe(2);
  expect(await dataOf(world, variable)).toMatchObject({ TOKEN: 'value 2 of TOKEN' });
  expect(world.reported(file)?.podUid).toBe(first.podUid);
});

test('another holder’s secret of the same name and number is another value: fetched, and in the environment a restart', async () => {
  const world = await seatsWorld(cluster());
  world.secrets = (id) => {
    const secrets = world.seats.get(id)?.spec.secrets ?? [];
    return { values: secrets.map(({ name, version, holder }) => ({ name, version, value: holder })), hostKey: 'key' };
  };
  const file = world.want({ secrets: [secret('TOKEN', 1)] }).id;
  const variable = world.want({ secrets: [secret('TOKEN', 1, 'Env')] }).id;
  await world.start();
  const [first, second] = await Promise.all([world.running(file), world.running(variable)]);
  world.change(file, { secrets: [secret('TOKEN', 1, 'File', 'Owner')] });
  world.change(variable, { secrets: [secret('TOKEN', 1, 'Env', 'Owner')] });
  await eventually(() => dataOf(world, file)).toMatchObject({ TOKEN: 'Owner' });
  await world.until(variable, ({ phase, podUid }) => phase === 'Running' && podUid !== second.podUid);
  expect(await dataOf(world, variable)).toMatchObject({ TOKEN: 'Owner' });
  expect((await world.running(file)).podUid).toBe(first.podUid);
});

test('a seat whose secrets cannot be fetched does not start, says so, and starts as soon as they can', async () => {
  const world = await seatsWorld(cluster());
  const { id } = world.want({ secrets: [secret('TOKEN', 1, 'Env')] });
  world.secrets = () => undefined;
  await world.start();
  const status = await world.until(id, ({ conditions }) => conditions[0]?.reason === 'SecretsUnavailable');
  expect(status.phase).toBe('Starting');
  expect(await world.get('StatefulSet', seatName(id))).toBeUndefined();
  serve(world);
  await world.running(id);
});

test('a seat that runs goes on, heals and can be stopped while its new secrets cannot be fetched', async () => {
  const world = await seatsWorld(cluster());
  serve(world);
  const { id } = world.want({ secrets: [secret('TOKEN', 1, 'Env')] });
  await world.start();
  const first = await world.running(id);
  world.secrets = () => undefined;
  world.change(id, { secrets: [secret('TOKEN', 2, 'Env')] });
  const status = await world.until(id, ({ conditions }) => conditions.some(({ type }) => type === 'Reconciled'));
  expect(status).toMatchObject({ phase: 'Running', podUid: first.podUid });
  world.change(id, { runState: 'Stopped' });
  await world.until(id, ({ phase, observedRevision }) => phase === 'Stopped' && observedRevision === 3);
});

test('a credential opens the seat of the one who asked, for as long as was asked, and is posted to the request', async () => {
  const world = await seatsWorld(cluster());
  const { id } = world.want();
  const agent = await world.start();
  await world.running(id);
  const request = `crq_${'1'.repeat(26)}`;
  const [link] = world.plane.live();
  link?.push({ type: 'credential.mint', payload: { request, seat: id, seconds: 600 } });
  await eventually(() => world.credentials.length).toBe(1);
  expect(world.credentials[0]?.request).toBe(request);
  const { token, expiresInSeconds } = world.credentials[0]?.body ?? {};
  expect(expiresInSeconds).toBeGreaterThan(550);
  expect(expiresInSeconds).toBeLessThanOrEqual(600);
  const review = await cluster().admin.request<{ status: { user: { username: string } } }>(
    'POST',
    '/apis/authentication.k8s.io/v1/tokenreviews',
    { body: { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenReview', spec: { token } } },
  );
  expect(review.status.user.username).toBe(`system:serviceaccount:${world.namespace}:access-${seatName(id)}`);
  expect(agent.log.join('')).not.toContain(String(token));
});

test('a credential for a seat that is not here is refused with the reason', async () => {
  const world = await seatsWorld(cluster());
  const agent = await world.start();
  await eventually(() => world.plane.live().length).toBe(1);
  await quiet(agent.writes);
  const seat = `wsp_${'0'.repeat(26)}`;
  world.plane
    .live()[0]
    ?.push({ type: 'credential.mint', payload: { request: `crq_${'2'.repeat(26)}`, seat, seconds: 600 } });
  await eventually(() => world.credentials[0]?.body).toEqual({ refused: expect.stringContaining('does not exist') });
});

/** A namespace of the team, and in it what its cluster's admin does by hand. */
const byHand = async () => {
  const world = await seatsWorld(cluster());
  world.want({ runState: 'Stopped' });
  const agent = await world.start();
  await eventually(() => world.get('LimitRange', 'seats')).toBeDefined();
  const { admin } = cluster();
  const { namespace } = world;
  const path = pathOf(kinds.Workspace, namespace, 'lab');
  const found = () => world.plane.received('workspace.found').at(-1)?.payload;
  return {
    world,
    agent,
    path,
    /** Resolves with the uid of its pod. */
    workspace: async () => {
      const { metadata } = await apply(admin, path, {
        apiVersion: 'roadstead.dev/v1alpha1',
        kind: 'Workspace',
        metadata: { name: 'lab', namespace },
        spec: seatSpec(undefined),
      });
      await eventually(() => [found()?.uid, found()?.status?.phase]).toEqual([metadata.uid, 'Running']);
      return String(found()?.status?.podUid);
    },
    secret: (data: Record<string, string>, annotations = {}) =>
      apply(admin, pathOf(kinds.Secret, namespace, 'lab'), {
        apiVersion: 'v1',
        kind: 'Secret',
        metadata: { name: 'lab', namespace, annotations },
        data,
      }),
    remove: (kind: 'Pod' | 'Secret' | 'Workspace', name: string) =>
      admin.request('DELETE', pathOf(kinds[kind], namespace, name)),
    /** Another pod of it runs. */
    next: (before: string) =>
      eventually(() => found()?.status?.phase === 'Running' && found()?.status?.podUid !== before).toBe(true),
  };
};

test('the host key of what a cluster’s admin applied stays the same for another pod and another agent', async () => {
  const { world, agent, workspace, remove, next } = await byHand();
  const pod = await workspace();
  const first = await world.get('Secret', 'lab');
  expect(Object.keys(first?.data ?? {})).toEqual(['ssh_host_key']);
  const own = await world.get('Workspace', 'lab');
  expect(first?.metadata).toMatchObject({ ownerReferences: [{ kind: 'Workspace', uid: own?.metadata.uid }] });
  await agent.stop();
  const second = await world.start({ pod: 'agent-2' });
  await remove('Pod', 'lab-0');
  await next(pod);
  await quiet(second.writes);
  const { metadata, data } = (await world.get('Secret', 'lab')) ?? {};
  expect([metadata?.resourceVersion, data]).toEqual([first?.metadata.resourceVersion, first?.data]);
});

test('a Secret that the cluster’s admin made for it stays theirs, and what they add to ours stays', async () => {
  const { world, workspace, secret, remove, next } = await byHand();
  await secret({ ssh_host_key: 'dGhlaXJz' });
  const theirs = await world.get('Secret', 'lab');
  const pod = await workspace();
  await remove('Pod', 'lab-0');
  await next(pod);
  expect(await world.get('Secret', 'lab')).toEqual(theirs);

  await remove('Secret', 'lab');
  const [second] = await world.list('Pod');
  await remove('Pod', 'lab-0');
  await next(String(second?.metadata.uid));
  const { ssh_host_key: made } = (await world.get('Secret', 'lab'))?.data ?? {};
  expect(made).toBeDefined();
  await secret({ TOKEN: 'eA==' });
  const [third] = await world.list('Pod');
  await remove('Pod', 'lab-0');
  await next(String(third?.metadata.uid));
  expect((await world.get('Secret', 'lab'))?.data).toEqual({ TOKEN: 'eA==', ssh_host_key: made });
});

test('the Secret of an earlier Workspace of that name gives way', async () => {
  const { world, workspace, secret } = await byHand();
  const { metadata } = await secret({ ssh_host_key: 'b2xk' }, { 'roadstead.dev/rendered': 'of.another' });
  await workspace();
  const now = await world.get('Secret', 'lab');
  expect(now?.metadata.uid).not.toBe(metadata.uid);
  expect(now?.data?.ssh_host_key).not.toBe('b2xk');
});
