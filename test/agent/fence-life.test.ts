/** The life of a dev pod with nothing but the rights of the manifest, behind its fence: the agent as its own service account. */
import { createPrivateKey } from 'node:crypto';
import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { connectKubernetes } from '#agent/kubernetes/client.ts';
import { kinds, pathOf } from '#agent/kubernetes/kinds.ts';
import { DELETE_ANNOTATION } from '#core/domain/seat/names.ts';
import { apply, type TestCluster, testCluster } from './support/cluster.ts';
import { manifestOf, placeOf } from './support/fenced.ts';
import { eventually, seatName, seatSpec, seatsWorld } from './support/seats.ts';

const cluster = testCluster('127.69');

/** Where whoever holds this token finds it. */
const accountDir = async ({ serviceAccountDir }: Pick<TestCluster, 'serviceAccountDir'>, token: string) => {
  const dir = await mkdtemp(join(tmpdir(), 'roadstead-agent-account-'));
  onTestFinished(() => rm(dir, { recursive: true }));
  await copyFile(join(serviceAccountDir, 'ca.crt'), join(dir, 'ca.crt'));
  await writeFile(join(dir, 'token'), token);
  return dir;
};

/** The fence keeps a namespace from being deleted without a word; this is the word. */
const release = (namespace: string) =>
  cluster().admin.request('PATCH', `/api/v1/namespaces/${namespace}`, {
    contentType: 'application/merge-patch+json',
    body: { metadata: { annotations: { [DELETE_ANNOTATION]: namespace } } },
  });

/** Installs everything but the agent itself, and puts its service account's token where an agent looks for it. */
const asAgent = async ({ admin, ...place }: TestCluster): Promise<TestCluster> => {
  for (const object of manifestOf())
    if (!/^(Deployment|Secret)$/.test(object.kind)) await apply(admin, placeOf(object), object);
  const { status } = await admin.request<{ status: { token: string } }>(
    'POST',
    '/api/v1/namespaces/roadstead-system/serviceaccounts/roadstead-agent/token',
    { body: { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: { expirationSeconds: 3600 } } },
  );
  return { ...place, serviceAccountDir: await accountDir(place, status.token), admin };
};

test('a seat is made, changed, repaired, opened to its holder, and taken away, and nothing of it is forbidden', async () => {
  const world = await seatsWorld(await asAgent(cluster()));
  const { id } = world.want({ secrets: [{ name: 'TOKEN', version: 1, holder: 'Team', as: 'Env' }] });
  world.secrets = () => ({ values: [{ name: 'TOKEN', version: 1, value: 'x' }], hostKey: 'a private key' });
  const name = seatName(id);
  const agent = await world.start();
  await world.running(id);

  world.change(id, { restarts: 1 });
  await world.running(id);
  world.change(id, { volumes: [{ name: 'home', size: '2Gi', mounts: [{ mountPath: '/home/node' }] }] });
  await world.running(id);

  const { admin } = cluster();
  const role = `/apis/rbac.authorization.k8s.io/v1/namespaces/${world.namespace}/roles/seat-${name}`;
  await admin.request('DELETE', role);
  await eventually(() => world.get('Role', `seat-${name}`)).toBeDefined();
  await apply(admin, `/apis/networking.k8s.io/v1/namespaces/${world.namespace}/networkpolicies/open`, {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: { name: 'open' },
    spec: { podSelector: {}, ingress: [{}], policyTypes: ['Ingress'] },
  });
  await eventually(() => world.get('NetworkPolicy', 'open')).toBeUndefined();

  const request = `crq_${'0'.repeat(26)}`;
  for (const link of world.plane.live())
    link.push({ type: 'credential.mint', payload: { request, seat: id, seconds: 600 } });
  await eventually(() => world.credentials).toMatchObject([{ request, body: { token: expect.any(String) } }]);

  world.bury(id, 'DeleteVolumes');
  await eventually(() => world.list('StatefulSet')).toEqual([]);
  await eventually(() => world.list('PersistentVolumeClaim')).toEqual([]);
  expect(agent.log.filter((line) => /forbidden|denied request/i.test(line))).toEqual([]);

  await release(world.namespace);
});

test('what the cluster’s admin applied gets a host key of its own, and a credential that opens its pod alone', async () => {
  const world = await seatsWorld(await asAgent(cluster()));
  const { admin, ...place } = cluster();
  const other = world.want();
  const agent = await world.start();
  await world.running(other.id);
  const { namespace } = world;
  const { metadata } = await apply(admin, pathOf(kinds.Workspace, namespace, 'lab'), {
    apiVersion: 'roadstead.dev/v1alpha1',
    kind: 'Workspace',
    metadata: { name: 'lab', namespace },
    spec: seatSpec(undefined),
  });
  await eventually(() => world.plane.received('workspace.found').at(-1)?.payload.status?.phase).toBe('Running');
  const { ssh_host_key: hostKey = '' } = (await world.get('Secret', 'lab'))?.data ?? {};
  expect(createPrivateKey(Buffer.from(hostKey, 'base64')).asymmetricKeyDetails).toEqual({ namedCurve: 'prime256v1' });

  const mint = async (uid: string | undefined) => {
    const request = `crq_${String(world.credentials.length).repeat(26)}`;
    const payload = { request, seat: `wsp_${'7'.repeat(26)}`, seconds: 600, ...(uid !== undefined && { uid }) };
    world.plane.live()[0]?.push({ type: 'credential.mint', payload });
    await eventually(() => world.credentials.at(-1)?.request).toBe(request);
    return world.credentials.at(-1)?.body;
  };
  const { token } = (await mint(metadata.uid)) ?? {};
  const holder = await connectKubernetes({ ...place, serviceAccountDir: await accountDir(place, String(token)) });
  onTestFinished(() => holder.close());
  const pods = pathOf(kinds.Pod, namespace);
  expect(await holder.request('GET', `${pods}/lab-0`)).toMatchObject({ metadata: { name: 'lab-0' } });
  for (const path of [pods, `${pods}/${seatName(other.id)}-0`, pathOf(kinds.Secret, namespace, 'lab')])
    await expect(holder.request('GET', path)).rejects.toMatchObject({ status: 403 });
  const may = async (subresource: string, name: string) => {
    const resourceAttributes = { namespace, resource: 'pods', subresource, name, verb: 'create' };
    const body = {
      apiVersion: 'authorization.k8s.io/v1',
      kind: 'SelfSubjectAccessReview',
      spec: { resourceAttributes },
    };
    const path = '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews';
    return (await holder.request<{ status: { allowed: boolean } }>('POST', path, { body })).status.allowed;
  };
  expect([await may('exec', 'lab-0'), await may('exec', `${seatName(other.id)}-0`)]).toEqual([true, false]);

  // The uid of a seat of the control plane, of none, and an id without a uid: each finds nothing that an admin applied.
  const { metadata: seat } = (await world.get('Workspace', seatName(other.id))) ?? {};
  for (const uid of [seat?.uid, 'uid-of-nobody', undefined])
    expect(await mint(uid)).toEqual({ refused: expect.stringContaining('does not exist') });
  expect(agent.log.filter((line) => /forbidden|denied request/i.test(line))).toEqual([]);
  await release(namespace);
});
