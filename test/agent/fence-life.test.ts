/** The life of a dev pod with nothing but the rights of the manifest, behind its fence: the agent as its own service account. */
import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { DELETE_ANNOTATION } from '#core/domain/seat/names.ts';
import { apply, type TestCluster, testCluster } from './support/cluster.ts';
import { manifestOf, placeOf } from './support/fenced.ts';
import { eventually, seatName, seatsWorld } from './support/seats.ts';

const cluster = testCluster('127.69');

/** Installs everything but the agent itself, and puts its service account's token where an agent looks for it. */
const asAgent = async ({ admin, ...place }: TestCluster): Promise<TestCluster> => {
  for (const object of manifestOf())
    if (!/^(Deployment|Secret)$/.test(object.kind)) await apply(admin, placeOf(object), object);
  const { status } = await admin.request<{ status: { token: string } }>(
    'POST',
    '/api/v1/namespaces/roadstead-system/serviceaccounts/roadstead-agent/token',
    { body: { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: { expirationSeconds: 3600 } } },
  );
  const dir = await mkdtemp(join(tmpdir(), 'roadstead-agent-account-'));
  onTestFinished(() => rm(dir, { recursive: true }));
  await copyFile(join(place.serviceAccountDir, 'ca.crt'), join(dir, 'ca.crt'));
  await writeFile(join(dir, 'token'), status.token);
  return { ...place, serviceAccountDir: dir, admin };
};

test('a seat is made, changed, repaired, opened to its holder, and taken away, and nothing of it is forbidden', async () => {
  const world = await seatsWorld(await asAgent(cluster()));
  const { id } = world.want({ secrets: [{ name: 'TOKEN', version: 1, as: 'Env' }] });
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

  // The fence keeps the namespace from being deleted without a word; that is the word.
  await admin.request('PATCH', `/api/v1/namespaces/${world.namespace}`, {
    contentType: 'application/merge-patch+json',
    body: { metadata: { annotations: { [DELETE_ANNOTATION]: world.namespace } } },
  });
});
