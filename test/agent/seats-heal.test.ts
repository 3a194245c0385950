/** What the agent puts right, what it leaves alone, and how little it does when nothing is wrong. */
import { expect, test } from 'vitest';
import { kinds, pathOf } from '#agent/kubernetes/kinds.ts';
import { apply, testCluster } from './support/cluster.ts';
import { eventually, quiet, seatName, seatsWorld } from './support/seats.ts';

const cluster = testCluster('127.62');

test('nothing is written while nothing differs: the lease alone', async () => {
  const world = await seatsWorld(cluster());
  const ids = [world.want().id, world.want({ runState: 'Stopped' }).id];
  const agent = await world.start({ paces: { resyncMs: 100 } });
  await world.running(ids[0] ?? '');
  await world.until(ids[1] ?? '', ({ phase }) => phase === 'Stopped');
  await eventually(async () => (await world.list('Workspace')).map(({ status }) => status?.phase).sort()).toEqual([
    'Running',
    'Stopped',
  ]);
  const other = await quiet(agent.writes);
  // The kubelet's and the controllers' own news of our objects go on meanwhile, and everything is looked at again.
  for (const { metadata } of await world.list('Workspace')) {
    await cluster().admin.request('PATCH', pathOf(kinds.Workspace, world.namespace, metadata.name), {
      contentType: 'application/merge-patch+json',
      body: { metadata: { annotations: { 'example.com/note': 'seen' } } },
    });
  }
  await new Promise((resolve) => setTimeout(resolve, 400));
  expect(agent.writes.slice(other).filter((line) => !line.includes('/leases/'))).toEqual([]);
});

test('an agent that starts again on what it left writes nothing but its own token, lease and record', async () => {
  const world = await seatsWorld(cluster());
  const { id } = world.want();
  const first = await world.start();
  await world.running(id);
  await eventually(async () => (await world.get('Workspace', seatName(id)))?.status?.phase).toBe('Running');
  await quiet(first.writes);
  await first.stop();
  const before = new Map(
    (await everything(world)).map(({ metadata }) => [`${metadata.name} ${metadata.uid}`, metadata.resourceVersion]),
  );
  const second = await world.start();
  const told = world.plane.received('workspace.status').length;
  await eventually(() => world.plane.received('workspace.status').length).toBeGreaterThan(told);
  await quiet(second.writes);
  expect(
    new Map(
      (await everything(world)).map(({ metadata }) => [`${metadata.name} ${metadata.uid}`, metadata.resourceVersion]),
    ),
  ).toEqual(before);
  expect(world.audits('DriftRepaired')).toEqual([]);
});

const KINDS = [
  'Workspace',
  'StatefulSet',
  'Service',
  'ServiceAccount',
  'Secret',
  'Role',
  'RoleBinding',
  'NetworkPolicy',
  'ResourceQuota',
  'LimitRange',
  'PersistentVolumeClaim',
] as const;
const everything = async (world: Awaited<ReturnType<typeof seatsWorld>>) =>
  (await Promise.all(KINDS.map((kind) => world.list(kind))))
    .flat()
    .filter(({ metadata }) => metadata.name !== 'default' && metadata.name !== 'team');

test.each([
  ['StatefulSet', { spec: { template: { spec: { nodeSelector: { evil: 'yes' } } } } }],
  ['Service', { spec: { publishNotReadyAddresses: false } }],
  ['Role', { rules: [{ apiGroups: [''], resources: ['secrets'], verbs: ['get'] }] }],
  ['NetworkPolicy', { spec: { policyTypes: ['Ingress'] } }],
  ['ResourceQuota', { spec: { hard: { pods: '9999' } } }],
  ['RoleBinding', { subjects: [{ kind: 'User', name: 'mallory', apiGroup: 'rbac.authorization.k8s.io' }] }],
] as const)('a %s that somebody changes is put right and reported', async (kind, patch) => {
  const world = await seatsWorld(cluster());
  const { id } = world.want();
  const agent = await world.start();
  await world.running(id);
  await quiet(agent.writes);
  const target = (await world.list(kind)).find(({ metadata }) => metadata.name !== 'roadstead-tenant');
  const name = target?.metadata.name ?? '';
  const path = pathOf(kinds[kind], world.namespace, name);
  await cluster().admin.request('PATCH', path, { contentType: 'application/merge-patch+json', body: patch });
  await eventually(() => world.audits('DriftRepaired')).toContain(`${kind} ${world.namespace}/${name}`);
  const now = await world.get(kind, name);
  expect({ spec: now?.spec, rules: now?.rules, subjects: now?.subjects }).toEqual({
    spec: target?.spec,
    rules: target?.rules,
    subjects: target?.subjects,
  });
});

test('what somebody deletes is made anew: pod, StatefulSet, Service, Role, quota', async () => {
  const world = await seatsWorld(cluster());
  const { id } = world.want();
  const name = seatName(id);
  await world.start();
  const first = await world.running(id);
  const { admin } = cluster();
  await admin.request('DELETE', pathOf(kinds.Pod, world.namespace, `${name}-0`));
  const second = await world.until(id, ({ phase, podUid }) => phase === 'Running' && podUid !== first.podUid);
  for (const [kind, target] of [
    ['Service', name],
    ['Role', `seat-${name}`],
    ['ResourceQuota', 'team'],
    ['StatefulSet', name],
  ] as const) {
    const before = await world.get(kind, target);
    await admin.request('DELETE', pathOf(kinds[kind], world.namespace, target));
    await eventually(() => world.audits('DriftRepaired')).toContain(`${kind} ${world.namespace}/${target}`);
    expect((await world.get(kind, target))?.metadata.uid).not.toBe(before?.metadata.uid);
  }
  await world.until(id, ({ phase, podUid }) => phase === 'Running' && podUid !== second.podUid);
});

test('a Secret that somebody deletes is made anew before the next pod, and is as it was', async () => {
  const world = await seatsWorld(cluster());
  const { id } = world.want();
  const name = seatName(id);
  await world.start();
  const first = await world.running(id);
  const secret = await world.get('Secret', name);
  const drop = (kind: 'Secret' | 'Pod', target: string) =>
    cluster().admin.request('DELETE', pathOf(kinds[kind], world.namespace, target));
  await drop('Secret', name);
  await drop('Pod', `${name}-0`);
  await world.until(id, ({ phase, podUid }) => phase === 'Running' && podUid !== first.podUid);
  const second = await world.get('Secret', name);
  expect(second?.metadata.uid).not.toBe(secret?.metadata.uid);
  expect(second?.data).toEqual(secret?.data);
  await eventually(() => world.audits('DriftRepaired')).toEqual([`Secret ${world.namespace}/${name}`]);

  world.change(id, { runState: 'Stopped' });
  await world.until(id, ({ phase }) => phase === 'Stopped');
  await drop('Secret', name);
  let early = false;
  world.secrets = (asked) => {
    early ||= world.reported(asked)?.phase === 'Running';
    return { values: [], hostKey: 'a private key' };
  };
  world.change(id, { runState: 'Running' });
  await world.running(id);
  expect(early).toBe(false);
  expect((await world.get('Secret', name))?.data).toEqual(secret?.data);
  await eventually(() => world.audits('DriftRepaired')).toHaveLength(2);
});

test('a Secret is looked at again while its pod runs: put right where it differs, and else not written', async () => {
  const world = await seatsWorld(cluster());
  const { id } = world.want();
  const name = seatName(id);
  const agent = await world.start({ paces: { resyncMs: 50, secretsMs: 50 } });
  const { podUid } = await world.running(id);
  const secret = await world.get('Secret', name);
  const path = pathOf(kinds.Secret, world.namespace, name);
  const looks = () => agent.writes.filter((line) => line === `PATCH ${path}`).length;
  const before = looks();
  await eventually(() => looks() > before + 3).toBe(true);
  expect((await world.get('Secret', name))?.metadata.resourceVersion).toBe(secret?.metadata.resourceVersion);
  expect(world.audits('DriftRepaired')).toEqual([]);

  const repaired = [`Secret ${world.namespace}/${name}`];
  await cluster().admin.request('PATCH', path, {
    contentType: 'application/merge-patch+json',
    body: { data: { ssh_host_key: 'bWFsbG9yeQ==' } },
  });
  await eventually(() => world.audits('DriftRepaired')).toEqual(repaired);
  expect((await world.get('Secret', name))?.data).toEqual(secret?.data);
  await cluster().admin.request('DELETE', path);
  await eventually(() => world.audits('DriftRepaired')).toEqual([...repaired, ...repaired]);
  expect((await world.get('Secret', name))?.data).toEqual(secret?.data);

  // What others note on it is theirs.
  await cluster().admin.request('PATCH', path, {
    contentType: 'application/merge-patch+json',
    body: { metadata: { annotations: { 'example.com/note': 'seen' } } },
  });
  const after = looks();
  await eventually(() => looks() > after + 3).toBe(true);
  expect(world.audits('DriftRepaired')).toHaveLength(2);
  expect(world.reported(id)?.podUid).toBe(podUid);
});

test('policies, roles and bindings of others in a namespace of ours are removed and reported, a foreign pod is reported', async () => {
  const world = await seatsWorld(cluster());
  const { id } = world.want();
  await world.start();
  await world.running(id);
  const { namespace } = world;
  const { admin } = cluster();
  const rbac = 'rbac.authorization.k8s.io';
  await apply(admin, pathOf(kinds.NetworkPolicy, namespace, 'open'), {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: { name: 'open', labels: { 'roadstead.dev/managed': 'true', 'roadstead.dev/workspace': seatName(id) } },
    spec: { podSelector: {}, ingress: [{}] },
  });
  await apply(admin, pathOf(kinds.Role, namespace, 'reader'), {
    apiVersion: `${rbac}/v1`,
    kind: 'Role',
    metadata: { name: 'reader' },
    rules: [{ apiGroups: [''], resources: ['pods'], verbs: ['get'] }],
  });
  await apply(admin, pathOf(kinds.RoleBinding, namespace, 'reader'), {
    apiVersion: `${rbac}/v1`,
    kind: 'RoleBinding',
    metadata: { name: 'reader' },
    roleRef: { apiGroup: rbac, kind: 'Role', name: 'reader' },
    subjects: [{ kind: 'User', name: 'mallory', apiGroup: rbac }],
  });
  await eventually(() => world.audits('ForeignRemoved').sort()).toEqual([
    `NetworkPolicy ${namespace}/open`,
    `Role ${namespace}/reader`,
    `RoleBinding ${namespace}/reader`,
  ]);
  for (const [kind, name] of [
    ['NetworkPolicy', 'open'],
    ['Role', 'reader'],
    ['RoleBinding', 'reader'],
  ] as const)
    expect(await world.get(kind, name)).toBeUndefined();
});

test('a namespace loses its guard and gets it back', async () => {
  const world = await seatsWorld(cluster());
  const { id } = world.want();
  await world.start();
  await world.running(id);
  const path = pathOf(kinds.Namespace, undefined, world.namespace);
  await cluster().admin.request('PATCH', path, {
    contentType: 'application/merge-patch+json',
    body: { metadata: { labels: { 'pod-security.kubernetes.io/enforce': 'privileged' } } },
  });
  await eventually(async () => (await world.get('Namespace', world.namespace))?.metadata.labels).toMatchObject({
    'pod-security.kubernetes.io/enforce': 'restricted',
  });
  expect(world.audits('DriftRepaired')).toEqual([`Namespace ${world.namespace}`]);
});

test('a namespace of that name that somebody else made is never taken over', async () => {
  const world = await seatsWorld(cluster());
  const { admin } = cluster();
  const path = pathOf(kinds.Namespace, undefined, world.namespace);
  await apply(admin, path, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: world.namespace } });
  const { id } = world.want();
  await world.start();
  const status = await world.until(id, ({ phase }) => phase === 'Failed');
  expect(status.conditions).toMatchObject([{ type: 'Ready', status: 'False', reason: 'NamespaceConflict' }]);
  expect((await world.get('Namespace', world.namespace))?.metadata.labels).not.toHaveProperty('roadstead.dev/managed');
  expect(await world.list('NetworkPolicy')).toEqual([]);
  await admin.request('DELETE', path);
  await world.running(id);
});
