/** What an agent can do with its own rights, and what the fence keeps it from (kubernetes.md §1.5): the real manifest on an API server. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { probePod, probePolicy } from '#agent/probe/objects.ts';
import type { KubernetesObject } from '#core/domain/kubernetes-object.ts';
import { accessName, claimName, podName, seatName, teamNamespace } from '#core/domain/seat/names.ts';
import { Profile } from '#core/domain/seat/profile.ts';
import { inOrder, renderSeat, renderSeatSecret } from '#core/domain/seat/render.ts';
import { seatOf, TEAM_ID } from '#test/builders/seat-specs.ts';
import { collectionOf, type Fenced, manifestOf, namespaceOf, placeOf, startFenced } from './support/fenced.ts';

const namespace = teamNamespace(TEAM_ID);
const context = { namespace, profile: Profile.parse({}), deploymentId: 'roadstead' };
const seatId = (digit: number) => `wsp_${'0'.repeat(25)}${digit}`;
const seat = (digit: number) => {
  const id = seatId(digit);
  return seatOf({ id }, { id });
};
const objects = [
  ...namespaceOf(TEAM_ID),
  ...[1, 2].flatMap((digit) => [
    ...inOrder(renderSeat(seat(digit), context)),
    renderSeatSecret(seat(digit), context, { GITHUB_TOKEN: 'x' }),
  ]),
];

let fenced: Fenced;
beforeAll(async () => {
  fenced = await startFenced();
  for (const object of objects) await fenced.apply(object);
});
afterAll(() => fenced?.server.stop());

const versions = async () =>
  Object.fromEntries(
    await Promise.all(
      objects.map(async (object) => {
        const { body } = await fenced.server.get(placeOf(object));
        return [placeOf(object), body.metadata.resourceVersion] as const;
      }),
    ),
  );

describe('with its own rights the agent', () => {
  test('makes a namespace and the seats in it, and a third apply changes nothing', async () => {
    for (const object of objects) await fenced.apply(object);
    const before = await versions();
    for (const object of objects) await fenced.apply(object);
    expect(await versions()).toEqual(before);
  });

  test('replaces what pods depend on, and the same content changes nothing', async () => {
    for (const object of objects.filter(({ kind }) => /^(StatefulSet|Service|NetworkPolicy|Role)$/.test(kind))) {
      const write = async () => {
        const { body } = await fenced.server.get(placeOf(object), { as: fenced.agent });
        const metadata = { ...object.metadata, resourceVersion: body.metadata.resourceVersion };
        const answer = await fenced.server.put(placeOf(object), { ...object, metadata }, { as: fenced.agent });
        expect(answer.status, answer.text).toBe(200);
        return answer.body.metadata.resourceVersion;
      };
      expect(await write()).toBe(await write());
    }
  });

  test('reads no Secret but its own', async () => {
    const as = { as: fenced.agent };
    expect((await fenced.server.get(`/api/v1/namespaces/${namespace}/secrets/${seatName(seatId(1))}`, as)).status).toBe(
      403,
    );
    expect((await fenced.server.get('/api/v1/secrets', as)).status).toBe(403);
    expect((await fenced.server.get('/api/v1/namespaces/roadstead-system/secrets/roadstead-agent', as)).status).toBe(
      200,
    );
  });

  test('reads the policy and cannot write it', async () => {
    const path = '/api/v1/namespaces/roadstead-system/configmaps/roadstead-policy';
    expect((await fenced.server.get(path, { as: fenced.agent })).status).toBe(200);
    expect((await fenced.server.merge(path, { data: { registries: '[]' } }, { as: fenced.agent })).status).toBe(403);
  });

  test('neither makes pods nor changes the fence', async () => {
    const pod = { metadata: { name: 'p' }, spec: { containers: [{ name: 'c', image: 'i' }] } };
    expect((await fenced.server.post(`/api/v1/namespaces/${namespace}/pods`, pod, { as: fenced.agent })).status).toBe(
      403,
    );
    const fence = '/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies/roadstead-agent-fence';
    expect((await fenced.server.del(fence, undefined, { as: fenced.agent })).status).toBe(403);
  });
});

test('what the cluster’s admin wrote into the policy stays when the manifest is applied again', async () => {
  const path = '/api/v1/namespaces/roadstead-system/configmaps/roadstead-policy';
  const data = { registries: '[ghcr.io]' };
  expect((await fenced.server.merge(path, { data })).status).toBe(200);
  const again = manifestOf().find(({ kind }) => kind === 'ConfigMap') as KubernetesObject;
  expect((await fenced.server.apply(path, 'roadstead', again)).body.data).toEqual(data);
});

describe('a person with the credential of their seat', () => {
  const may = async (as: string, verb: string, resource: string, subresource: string, name?: string) => {
    const review = {
      apiVersion: 'authorization.k8s.io/v1',
      kind: 'SelfSubjectAccessReview',
      spec: { resourceAttributes: { namespace, verb, resource, subresource, ...(name && { name }) } },
    };
    const { body } = await fenced.server.post('/apis/authorization.k8s.io/v1/selfsubjectaccessreviews', review, { as });
    return body.status.allowed as boolean;
  };

  test('enters it by exec, attach, port-forward and logs, and no colleague’s', async () => {
    const mine = await fenced.tokenOf(namespace, accessName(seatId(1)), fenced.agent);
    for (const [verb, sub] of [
      ['create', 'exec'],
      ['get', 'exec'],
      ['create', 'attach'],
      ['create', 'portforward'],
      ['get', 'log'],
      ['get', ''],
    ] as const) {
      expect(await may(mine, verb, 'pods', sub, podName(seatId(1))), `${verb} ${sub}`).toBe(true);
      expect(await may(mine, verb, 'pods', sub, podName(seatId(2))), `${verb} ${sub} of a colleague`).toBe(false);
    }
    const path = (digit: number, end: string) => `/api/v1/namespaces/${namespace}/pods/${podName(seatId(digit))}${end}`;
    const exec = '/exec?command=id&stdout=true';
    for (const end of ['', '/log', exec])
      expect((await fenced.server.get(path(2, end), { as: mine })).status).toBe(403);
    expect((await fenced.server.post(path(2, exec), undefined, { as: mine })).status).toBe(403);
    // Their own passes the authorization; there is no such pod on a server without controllers.
    for (const end of ['', '/log']) expect((await fenced.server.get(path(1, end), { as: mine })).status).toBe(404);
  });

  test('reads no list, no Secret, no event, no Workspace, and makes no token', async () => {
    const mine = await fenced.tokenOf(namespace, accessName(seatId(1)), fenced.agent);
    for (const resource of ['pods', 'secrets', 'events', 'persistentvolumeclaims', 'serviceaccounts'])
      expect(await may(mine, 'list', resource, '')).toBe(false);
    expect(await may(mine, 'get', 'secrets', '', seatName(seatId(1)))).toBe(false);
    expect(await may(mine, 'create', 'serviceaccounts', 'token', accessName(seatId(2)))).toBe(false);
    expect(await may(mine, 'delete', 'pods', '', podName(seatId(1)))).toBe(false);
    expect(await may(mine, 'patch', 'pods', 'ephemeralcontainers', podName(seatId(1)))).toBe(false);
  });
});

describe('the fence refuses the agent', () => {
  const refused = (object: KubernetesObject, sentence: string) =>
    expect(fenced.apply(object)).rejects.toThrow(sentence);
  const agent = { kind: 'ServiceAccount', name: 'roadstead-agent', namespace: 'roadstead-system' };
  const binding = (
    place: string,
    role: { kind: string; name: string },
    subjects: readonly object[] = [agent],
    labels: Record<string, string> = {},
  ): KubernetesObject => ({
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'RoleBinding',
    metadata: { name: 'mine', namespace: place, labels },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', ...role },
    subjects,
  });
  const tenant = { kind: 'ClusterRole', name: 'roadstead-tenant' };
  const managed = namespaceOf(TEAM_ID)[0] as KubernetesObject;
  const named = (name: string, labels: Readonly<Record<string, string>> | undefined): KubernetesObject => ({
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name, ...(labels && { labels }) },
  });

  test('its tenant role in kube-system and in any namespace that it did not make', async () => {
    for (const place of ['kube-system', 'default', 'shop'])
      await refused(binding(place, tenant), 'the agent writes only in namespaces that Roadstead made');
  });

  test('its tenant role in its own namespace, where its token lies', async () => {
    await refused(binding('roadstead-system', tenant), 'the agent binds its tenant role to itself');
  });

  test('the labels of a namespace of ours stripped, or its level lowered', async () => {
    const path = `/api/v1/namespaces/${namespace}`;
    for (const labels of [
      { 'roadstead.dev/managed': null },
      { 'pod-security.kubernetes.io/enforce': 'privileged' },
      { 'pod-security.kubernetes.io/enforce': null },
    ]) {
      const answer = await fenced.server.merge(path, { metadata: { labels } }, { as: fenced.agent });
      expect(answer.body.message).toContain('a namespace of ours is labelled, enforces restricted');
      expect(answer.status).toBe(422);
    }
  });

  test('the labels of a namespace that is not ours changed', async () => {
    const labels = { 'pod-security.kubernetes.io/enforce': 'privileged' };
    const answer = await fenced.server.merge('/api/v1/namespaces/shop', { metadata: { labels } }, { as: fenced.agent });
    expect(answer.status).toBe(422);
  });

  test('a namespace taken over', async () => {
    await refused(named('shop', managed.metadata.labels), 'the agent takes over no namespace');
  });

  test('a privileged namespace, and one without our label', async () => {
    const labels = { ...managed.metadata.labels, 'pod-security.kubernetes.io/enforce': 'privileged' };
    await refused(named('rs-evil', labels), 'a namespace of ours is labelled, enforces restricted');
    await refused(named('rs-evil', undefined), 'a namespace of ours is labelled, enforces restricted');
  });

  test('a binding in a namespace of ours for anybody but the access account of that seat', async () => {
    const sentence = 'the agent binds its tenant role to itself, and a seat';
    const labels = { 'roadstead.dev/workspace': seatName(seatId(1)) };
    const role = { kind: 'Role', name: `seat-${seatName(seatId(1))}` };
    const access = { kind: 'ServiceAccount', name: accessName(seatId(2)), namespace };
    await refused(binding(namespace, role, [access], labels), sentence);
    await refused(
      binding(namespace, role, [{ kind: 'User', name: 'eve', apiGroup: 'rbac.authorization.k8s.io' }], labels),
      sentence,
    );
    await refused(binding(namespace, tenant, [agent, access]), sentence);
  });

  test('writing and deleting elsewhere, even where somebody granted it the right', async () => {
    const role = binding('shop', tenant);
    expect((await fenced.server.apply(placeOf(role), 'admin', role)).status).toBe(201);
    const service: KubernetesObject = {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'web', namespace: 'shop' },
      spec: { ports: [{ port: 80 }] },
    };
    expect((await fenced.server.apply(placeOf(service), 'admin', service)).status).toBe(201);
    await refused(service, 'the agent writes only in namespaces that Roadstead made');
    expect((await fenced.server.del(placeOf(service), undefined, { as: fenced.agent })).status).toBe(422);
    expect((await fenced.server.get(placeOf(service))).status).toBe(200);
  });
});

describe('in its own namespace the agent makes', () => {
  const own = { POD_NAME: 'roadstead-agent-0', POD_NAMESPACE: 'roadstead-system', POD_UID: 'uid' };
  const pod = probePod(own, 'ghcr.io/roadstead/agent:1');
  const spec = pod.spec as { containers: [Record<string, unknown>] };
  const container = spec.containers[0];
  const make = async (object: KubernetesObject) => {
    const answer = await fenced.server.post(`${collectionOf(object)}?dryRun=All`, object, { as: fenced.agent });
    return answer.status < 300 ? 'made' : `${answer.status} ${answer.body.message}`;
  };
  const renamed = (object: KubernetesObject) => ({ ...object, metadata: { ...object.metadata, name: 'other' } });
  const withPod = (more: object) => ({ ...pod, spec: { ...spec, ...more } });
  const reading = { ...container, envFrom: [{ secretRef: { name: 's' } }] };
  const value = { name: 'A', valueFrom: { secretKeyRef: { name: 's', key: 'k' } } };

  // No controllers run here that would make it.
  beforeAll(async () => {
    await fenced.server.post('/api/v1/namespaces/roadstead-system/serviceaccounts', { metadata: { name: 'default' } });
  });

  test('the pod and the policy of a probe', async () => {
    expect(await make(pod)).toBe('made');
    expect(await make(probePolicy(own, [8181]))).toBe('made');
  });

  test.each<[string, KubernetesObject]>([
    ['another pod', renamed(pod)],
    ['another policy', renamed(probePolicy(own, []))],
    ['one with a token', withPod({ automountServiceAccountToken: true })],
    ['one with a Secret as a volume', withPod({ volumes: [{ name: 's', secret: { secretName: 's' } }] })],
    ['one with a Secret as its environment', withPod({ containers: [reading] })],
    ['one with a value of a Secret', withPod({ containers: [{ ...container, env: [value] }] })],
    ['one with an init container', withPod({ initContainers: [{ ...reading, name: 'first' }] })],
  ])('not %s', async (_, object) => {
    expect(await make(object)).toMatch(/^422 .*in its own namespace the agent makes only the pod and the policy/);
  });
});

describe('for others the fence', () => {
  test('keeps a namespace with volumes until its name is written on it', async () => {
    const team = `team_${'0'.repeat(25)}7`;
    for (const object of namespaceOf(team)) await fenced.apply(object);
    const path = `/api/v1/namespaces/${teamNamespace(team)}`;
    const refused = await fenced.server.del(path);
    expect(refused.status).toBe(422);
    expect(refused.body.message).toContain('annotate roadstead.dev/delete=<name of the namespace> first');
    const annotations = { 'roadstead.dev/delete': teamNamespace(team) };
    expect((await fenced.server.merge(path, { metadata: { annotations } }, { as: fenced.agent })).status).toBe(200);
    expect((await fenced.server.del(path)).status).toBe(200);
  });

  test('lets everybody else do as before', async () => {
    expect((await fenced.server.merge('/api/v1/namespaces/default', { metadata: { labels: { a: 'b' } } })).status).toBe(
      200,
    );
  });
});

describe('a Workspace of the control plane', () => {
  const path = `/apis/roadstead.dev/v1alpha1/namespaces/${namespace}/workspaces`;
  const workspace = (digit: number, more: object = {}) => ({
    apiVersion: 'roadstead.dev/v1alpha1',
    kind: 'Workspace',
    metadata: { name: seatName(seatId(digit)), namespace },
    spec: { ...seat(digit).spec, ...more },
  });
  const sentence = 'managed by the Roadstead control plane';

  test('is made, changed and deleted by the agent alone', async () => {
    const admin = await fenced.server.post(path, workspace(3));
    expect(admin.body.message).toContain(sentence);
    expect(admin.status).toBe(422);
    await fenced.apply(workspace(3));
    const one = `${path}/${seatName(seatId(3))}`;
    expect((await fenced.server.merge(one, { spec: { runState: 'Stopped' } })).body.message).toContain(sentence);
    expect((await fenced.server.del(one)).body.message).toContain(sentence);
    expect((await fenced.server.merge(one, { metadata: { labels: { a: 'b' } } })).status).toBe(200);
    expect((await fenced.server.del(one, undefined, { as: fenced.agent })).status).toBe(200);
  });

  test('can be changed by an admin who says why first', async () => {
    await fenced.apply(workspace(4));
    const one = `${path}/${seatName(seatId(4))}`;
    const annotations = { 'roadstead.dev/break-glass': 'the control plane is down' };
    expect((await fenced.server.merge(one, { metadata: { annotations } })).status).toBe(200);
    expect((await fenced.server.merge(one, { spec: { runState: 'Stopped' } })).status).toBe(200);
  });

  test('is none of the admin’s own, which the admin makes, changes and deletes', async () => {
    const { id, revision, ...spec } = workspace(5).spec;
    const own = { ...workspace(5), metadata: { name: 'own', namespace }, spec: { ...spec, origin: 'Cluster' } };
    expect((await fenced.server.post(path, own)).status).toBe(201);
    expect((await fenced.server.merge(`${path}/own`, { spec: { runState: 'Stopped' } })).status).toBe(200);
    expect((await fenced.server.del(`${path}/own`)).status).toBe(200);
  });
});

test('an agent that may empty the cluster deletes volumes anywhere, and still writes nowhere else', async () => {
  const draining = await startFenced({ drain: true });
  try {
    const claim = {
      apiVersion: 'v1',
      kind: 'PersistentVolumeClaim',
      metadata: { name: claimName('home', 'x'), namespace: 'shop' },
      spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
    };
    expect((await draining.server.apply(placeOf(claim), 'admin', claim)).status).toBe(201);
    expect((await draining.server.del(placeOf(claim), undefined, { as: draining.agent })).status).toBe(200);
    await expect(draining.apply(claim)).rejects.toThrow();
  } finally {
    await draining.server.stop();
  }
});
