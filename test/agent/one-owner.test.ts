/** A second control plane on a cluster that has one: its manifest is applied, and nothing of the first changes. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { KubernetesObject } from '#core/domain/kubernetes-object.ts';
import { type Fenced, manifestOf, placeOf, startFenced } from './support/fenced.ts';

const theirs = { clusterId: `clu_${'1'.repeat(26)}`, socketUrl: 'wss://other.example.com', version: '2.0.0' };
/** Policies do not hold for policies: those of the other release are the same or stricter. */
const bounded = (objects: readonly KubernetesObject[]) =>
  objects.filter(({ kind }) => !kind.startsWith('ValidatingAdmission'));

let fenced: Fenced;
beforeAll(async () => {
  fenced = await startFenced();
});
afterAll(() => fenced?.server.stop());

const applied = (object: KubernetesObject) => fenced.server.apply(placeOf(object), 'roadstead', object);

test('another cluster’s manifest is refused object by object, with the way out in the message', async () => {
  const before = (await fenced.server.get('/api/v1/namespaces/roadstead-system/secrets/roadstead-agent')).body;
  for (const object of bounded(manifestOf(theirs))) {
    const { status, body } = await applied(object);
    expect([object.kind, status]).toEqual([object.kind, 422]);
    expect(body.message).toMatch(/connected to Roadstead already.*kubectl delete validatingadmissionpolicybinding/);
  }
  const after = (await fenced.server.get('/api/v1/namespaces/roadstead-system/secrets/roadstead-agent')).body;
  expect(after).toEqual(before);
});

test('a newer release for the same cluster is applied, and so are changes of the cluster’s admin', async () => {
  for (const object of manifestOf({ version: '1.1.0', installToken: 'rsi_y' }))
    expect([object.kind, (await applied(object)).status]).toEqual([object.kind, 200]);
  const noted = await fenced.server.call(
    'PATCH',
    '/apis/apps/v1/namespaces/roadstead-system/deployments/roadstead-agent',
    { metadata: { annotations: { note: 'x' } } },
    { type: 'application/merge-patch+json' },
  );
  expect(noted.status).toBe(200);
});

test('the label cannot be taken off either, and without the binding another one takes over', async () => {
  const unlabelled = await fenced.server.call(
    'PATCH',
    '/api/v1/namespaces/roadstead-system',
    { metadata: { labels: { 'roadstead.dev/cluster': null } } },
    { type: 'application/merge-patch+json' },
  );
  expect(unlabelled.status).toBe(422);
  const binding = '/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings/roadstead-one-owner';
  expect((await fenced.server.call('DELETE', binding)).status).toBe(200);
  for (const object of bounded(manifestOf(theirs))) expect((await applied(object)).status).toBe(200);
});
