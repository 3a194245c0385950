import { describe, expect, test } from 'vitest';
import { mirrorsOf } from '#local/kubernetes/controllers/endpoints/mirroring.ts';
import { Client } from '#local/kubernetes/controllers/machinery/client.ts';
import {
  configMaps,
  endpointSlices,
  endpoints,
  namespaces,
  podDisruptionBudgets,
  pods,
  resourceQuotas,
  secrets,
  serviceAccounts,
  services,
  statefulSets,
} from '#local/kubernetes/controllers/machinery/resources.ts';
import { eventually, podSpec, type Space, testWorld } from './world.ts';

const world = testWorld();
const nobody = podSpec({ schedulerName: 'nobody' });
const webPod = (name: string, spec = nobody) => ({ metadata: { name, labels: { app: 'web' } }, spec });

describe('a quota', () => {
  const used = async (space: Space) => (await space.get(resourceQuotas, 'q')).status?.used;

  test('counts what is there, in sums as people write them, and forgets what went', async () => {
    const space = await world().space();
    const asking = (memory: string) =>
      podSpec({
        schedulerName: 'nobody',
        containers: [{ name: 'main', image: 'i', resources: { requests: { cpu: '300m', memory } } }],
      });
    await space.create(pods, webPod('before', asking('512Mi')));
    await space.create(resourceQuotas, {
      metadata: { name: 'q' },
      spec: {
        hard: { pods: '3', 'requests.cpu': '2', 'requests.memory': '4Gi', 'count/configmaps': '10', secrets: '5' },
      },
    });
    await eventually(() => used(space)).toEqual({
      pods: '1',
      'requests.cpu': '300m',
      'requests.memory': '512Mi',
      'count/configmaps': '1',
      secrets: '0',
    });
    await space.create(pods, webPod('after', asking('1Gi')));
    await eventually(() => used(space)).toMatchObject({
      pods: '2',
      'requests.cpu': '600m',
      'requests.memory': '1536Mi',
    });
    await space.patch(pods, 'before', { status: { phase: 'Succeeded' } }, 'status');
    await eventually(() => used(space)).toMatchObject({ pods: '1', 'requests.memory': '1Gi' });
    await space.remove(pods, 'after');
    await eventually(() => used(space)).toMatchObject({ pods: '0', 'requests.cpu': '0' });
  });

  test('is never over-granted, however many ask at once and whatever goes meanwhile', async () => {
    const space = await world().space();
    await space.create(resourceQuotas, { metadata: { name: 'q' }, spec: { hard: { pods: '5' } } });
    await eventually(() => used(space)).toEqual({ pods: '0' });
    const make = (index: number) =>
      space.create(pods, webPod(`p-${index}`)).then(
        () => 1,
        (error: Error) => {
          expect(error.message).toMatch(/exceeded quota: q|Conflict|try again/);
          return 0;
        },
      );
    const made = await Promise.all(Array.from({ length: 30 }, (_, index) => make(index)));
    expect(made.reduce<number>((sum, one) => sum + one, 0)).toBe(5);
    for (const name of (await space.names(pods)).slice(0, 2)) await space.remove(pods, name);
    await eventually(() => used(space)).toEqual({ pods: '3' });
    await Promise.all(Array.from({ length: 10 }, (_, index) => make(100 + index)));
    expect(await space.names(pods)).toHaveLength(5);
  });
});

test('a disruption budget counts healthy pods by what their controller wants', async () => {
  const space = await world().space();
  await space.create(statefulSets, {
    metadata: { name: 'web' },
    spec: {
      replicas: 3,
      serviceName: 'web',
      podManagementPolicy: 'Parallel',
      selector: { matchLabels: { app: 'web' } },
      template: { metadata: { labels: { app: 'web' } }, spec: nobody },
    },
  });
  await space.create(podDisruptionBudgets, {
    metadata: { name: 'b' },
    spec: { maxUnavailable: 1, selector: { matchLabels: { app: 'web' } } },
  });
  const status = async () => (await space.get(podDisruptionBudgets, 'b')).status;
  await eventually(status).toMatchObject({
    expectedPods: 3,
    desiredHealthy: 2,
    currentHealthy: 0,
    disruptionsAllowed: 0,
  });
  for (const index of [0, 1, 2]) await space.runs(`web-${index}`);
  await eventually(status).toMatchObject({ currentHealthy: 3, disruptionsAllowed: 1 });
  expect((await status())?.conditions).toMatchObject([
    { type: 'DisruptionAllowed', status: 'True', reason: 'SufficientPods' },
  ]);
  await space.patch(podDisruptionBudgets, 'b', { spec: { maxUnavailable: null, minAvailable: '50%' } });
  await eventually(status).toMatchObject({ desiredHealthy: 2, disruptionsAllowed: 1, observedGeneration: 2 });
});

describe('a service', () => {
  test('has the addresses of its pods, those that are not ready apart, each port as the pod has it', async () => {
    const space = await world().space();
    const port = (containerPort: number) =>
      podSpec({
        schedulerName: 'nobody',
        containers: [{ name: 'main', image: 'i', ports: [{ name: 'http', containerPort }] }],
      });
    for (const [name, number] of [
      ['a', 8080],
      ['b', 8080],
      ['c', 9090],
    ] as const) {
      await space.create(pods, webPod(name, port(number)));
      await space.runs(name, name !== 'b');
    }
    await space.create(services, {
      metadata: { name: 'web' },
      spec: { clusterIP: 'None', selector: { app: 'web' }, ports: [{ name: 'http', port: 80, targetPort: 'http' }] },
    });
    const names = (list: { targetRef?: { name?: string | undefined } | undefined }[] | undefined) =>
      list?.map(({ targetRef }) => targetRef?.name);
    const subsets = async () =>
      (await space.find(endpoints, 'web'))?.subsets?.map(({ addresses, notReadyAddresses, ports }) => [
        names(addresses),
        names(notReadyAddresses),
        ports?.[0]?.port,
      ]);
    await eventually(subsets).toEqual([
      [['a'], ['b'], 8080],
      [['c'], undefined, 9090],
    ]);
    const slices = async () =>
      (await space.list(endpointSlices))
        .map(
          ({ endpoints: list, ports }) =>
            `${ports?.[0]?.port}: ${list?.map(({ targetRef, conditions }) => `${targetRef?.name} ${conditions?.ready}`)}`,
        )
        .sort();
    await eventually(slices).toEqual(['8080: a true,b false', '9090: c true']);
    await space.remove(pods, 'c');
    await eventually(slices).toEqual(['8080: a true,b false']);
    await space.remove(services, 'web');
    await eventually(() => space.find(endpoints, 'web')).toBeUndefined();
    await eventually(() => space.list(endpointSlices)).toEqual([]);
  });
});

describe('Endpoints of a service without a selector', () => {
  const own = (more: object = {}, ip = '10.9.8.7') => ({
    metadata: { name: 'db', ...more },
    subsets: [
      {
        addresses: [{ ip, hostname: 'first' }],
        notReadyAddresses: [{ ip: '10.9.8.8' }],
        ports: [{ name: 'sql', port: 5432, protocol: 'TCP' }],
      },
    ],
  });
  const service = { metadata: { name: 'db' }, spec: { ports: [{ name: 'sql', port: 5432 }] } };
  const shown = async (space: Space) =>
    (await space.list(endpointSlices)).map(({ metadata: { labels }, addressType, ports, endpoints: list }) => [
      labels?.['endpointslice.kubernetes.io/managed-by'],
      labels?.tier,
      `${addressType} ${ports?.map(({ name, port }) => `${name} ${port}`)}`,
      ...(list ?? []).map(({ addresses, hostname, conditions }) => `${addresses} ${hostname} ${conditions?.ready}`),
    ]);
  const mirror = (ip: string, tier: string | undefined) => [
    'endpointslicemirroring-controller.k8s.io',
    tier,
    'IPv4 sql 5432',
    `${ip} first true`,
    '10.9.8.8 undefined false',
  ];

  test('are mirrored to a slice, which follows them, comes back when it was removed, and goes with them', async () => {
    const space = await world().space();
    await space.create(services, service);
    await space.create(endpoints, own({ labels: { tier: 'back' } }));
    await eventually(() => shown(space)).toEqual([mirror('10.9.8.7', 'back')]);
    const [name = ''] = await space.names(endpointSlices);
    expect(name).toMatch(/^db-/);
    await space.patch(endpoints, 'db', own({ labels: { tier: null } }, '10.9.8.6'));
    await eventually(() => shown(space)).toEqual([mirror('10.9.8.6', undefined)]);
    expect(await space.names(endpointSlices)).toEqual([name]);
    await space.remove(endpointSlices, name);
    await eventually(async () => (await space.names(endpointSlices)).filter((one) => one !== name)).toHaveLength(1);
    await space.remove(endpoints, 'db');
    await eventually(() => space.names(endpointSlices)).toEqual([]);
  });

  test('are left alone while their label says so, and without a service', async () => {
    const space = await world().space();
    await space.create(endpoints, own({ labels: { 'endpointslice.kubernetes.io/skip-mirror': 'true' } }));
    await space.create(services, service);
    await space.create(services, { ...service, metadata: { name: 'seen' } });
    await space.create(endpoints, own({ name: 'seen' }));
    await eventually(() => space.names(endpointSlices)).toEqual([expect.stringMatching(/^seen-/)]);
    await space.patch(endpoints, 'db', { metadata: { labels: { 'endpointslice.kubernetes.io/skip-mirror': null } } });
    await eventually(() => space.names(endpointSlices)).toHaveLength(2);
    await space.patch(endpoints, 'db', { metadata: { labels: { 'endpointslice.kubernetes.io/skip-mirror': 'true' } } });
    await eventually(() => space.names(endpointSlices)).toEqual([expect.stringMatching(/^seen-/)]);
  });

  test('have a slice for each family of addresses and set of ports', () => {
    const ports = [{ port: 80, protocol: 'TCP' }];
    const mirrors = mirrorsOf({
      subsets: [
        { addresses: [{ ip: '10.0.0.1' }, { ip: 'fd00::1' }], ports },
        { addresses: [{ ip: '10.0.0.2' }], ports },
        { addresses: [{ ip: '10.0.0.1' }], ports: [{ name: 'b', port: 81, protocol: 'TCP' }] },
      ],
    });
    expect(
      mirrors.map((one) => [one.addressType, one.ports[0]?.port, one.endpoints.flatMap(({ addresses }) => addresses)]),
    ).toEqual([
      ['IPv4', 80, ['10.0.0.1', '10.0.0.2']],
      ['IPv6', 80, ['fd00::1']],
      ['IPv4', 81, ['10.0.0.1']],
    ]);
  });
});

describe('a secret for the token of a service account', () => {
  const secretOf = (account: string) => ({
    metadata: { name: 'token', annotations: { 'kubernetes.io/service-account.name': account } },
    type: 'kubernetes.io/service-account-token',
  });

  test('is filled with one that works, and goes with the account', async () => {
    const space = await world().space();
    await space.create(serviceAccounts, { metadata: { name: 'robot' } });
    await space.create(secrets, secretOf('robot'));
    await eventually(async () => (await space.get(secrets, 'token')).data?.token).toBeDefined();
    const { data } = await space.get(secrets, 'token');
    const text = (key: string) => Buffer.from(data?.[key] ?? '', 'base64').toString();
    expect([text('ca.crt'), text('namespace')]).toEqual([world().caPem, space.name]);
    const robot = new Client({
      server: world().client.server.href,
      caPem: world().caPem,
      token: text('token'),
      userAgent: 'robot',
    });
    await expect(robot.list(configMaps, space.name)).rejects.toThrow(`system:serviceaccount:${space.name}:robot`);
    robot.close();
    await space.remove(serviceAccounts, 'robot');
    await eventually(() => space.find(secrets, 'token')).toBeUndefined();
  });

  test('for nobody is removed', async () => {
    const space = await world().space();
    await space.create(secrets, secretOf('nobody'));
    await eventually(() => space.find(secrets, 'token')).toBeUndefined();
  });
});

test('a namespace that something holds says what, in the order of upstream, and goes when it is let go', async () => {
  const space = await world().space();
  await space.create(configMaps, { metadata: { name: 'held', finalizers: ['example.com/hold'] } });
  await world().client.call('DELETE', `/api/v1/namespaces/${space.name}`);
  const find = () => world().client.find(namespaces, undefined, space.name);
  await eventually(async () =>
    (await find())?.status?.conditions?.map(({ type, status }) => `${type} ${status}`),
  ).toEqual([
    'NamespaceDeletionDiscoveryFailure False',
    'NamespaceDeletionGroupVersionParsingFailure False',
    'NamespaceDeletionContentFailure False',
    'NamespaceContentRemaining True',
    'NamespaceFinalizersRemaining True',
  ]);
  await space.patch(configMaps, 'held', { metadata: { finalizers: null } });
  await eventually(find).toBeUndefined();
});
