/** Quotas and limit ranges: a namespace takes what it may hold, and says why it takes no more. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Answer, type TestServer, testServer } from './support/server.ts';

let server: TestServer;
let place: string;
let count = 0;

beforeAll(async () => {
  server = await testServer();
});
afterAll(() => server.stop());

const fresh = async () => {
  place = await server.namespace(`n${++count}`);
};
const created = (answer: Answer): Answer => {
  expect(answer.status, JSON.stringify(answer.body)).toBe(201);
  return answer;
};
const refused = ({ status, body }: Answer): string => {
  expect(status, JSON.stringify(body)).toBe(403);
  expect(body.reason).toBe('Forbidden');
  return body.message;
};
const quota = (hard: object, spec: object = {}) =>
  server.post(`${place}/resourcequotas`, { metadata: { name: 'q' }, spec: { hard, ...spec } });
const limits = (...items: object[]) =>
  server.post(`${place}/limitranges`, { metadata: { name: 'r' }, spec: { limits: items } });
const make = (resource: string, body: object, query = '') => server.post(`${place}/${resource}${query}`, body);
const container = (resources: object = {}) => ({ name: 'c', image: 'i', resources });
const pod = (name: string, resources: object = {}, spec: object = {}) => ({
  metadata: { name },
  spec: { containers: [container(resources)], ...spec },
});
const claim = (name: string, storage: string, storageClassName = 'fast') => ({
  metadata: { name },
  spec: { accessModes: ['ReadWriteOnce'], storageClassName, resources: { requests: { storage } } },
});

describe('a quota', () => {
  it('is never exceeded by requests that come at once', async () => {
    await fresh();
    created(await quota({ pods: '7', 'requests.cpu': '10' }));
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, i) => make('pods', pod(`p${i}`, { requests: { cpu: '1' } }))),
    );
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(7);
    expect(refused(answers.find(({ status }) => status !== 201)!)).toContain(
      'exceeded quota: q, requested: pods=1, used: pods=7, limited: pods=7',
    );
    expect((await server.get(`${place}/pods`)).body.items).toHaveLength(7);
  });

  it('names what it refuses by the name that was generated; what is refused before that, by the prefix', async () => {
    await fresh();
    created(await quota({ pods: '0' }));
    const generated = (spec: object) => make('pods', { ...pod('', {}, spec), metadata: { generateName: 'web-' } });
    expect(refused(await generated({}))).toMatch(/^pods "web-[a-z0-9]{5}" is forbidden: exceeded quota: q/);
    expect(refused(await generated({ serviceAccountName: 'nobody' }))).toMatch(
      /^pods "web-" is forbidden: error looking up service account n\d+\/nobody/,
    );
    expect(refused(await generated({ priorityClassName: 'none' }))).toMatch(/^pods "web-" is forbidden: no Priority/);
  });

  it('gives back what is deleted, and what has ended', async () => {
    await fresh();
    created(await quota({ pods: '1' }));
    created(await make('pods', pod('a')));
    refused(await make('pods', pod('b')));
    await server.del(`${place}/pods/a`);
    created(await make('pods', pod('b')));
    await server.merge(`${place}/pods/b/status`, { status: { phase: 'Succeeded' } });
    created(await make('pods', pod('c')));
  });

  it('is asked on a dry run, which takes nothing', async () => {
    await fresh();
    created(await quota({ configmaps: '2' }));
    created(await make('configmaps', { metadata: { name: 'a' } }));
    created(await make('configmaps', { metadata: { name: 'b' } }, '?dryRun=All'));
    created(await make('configmaps', { metadata: { name: 'c' } }));
    expect(refused(await make('configmaps', { metadata: { name: 'd' } }, '?dryRun=All'))).toContain('exceeded quota');
  });

  it('wants what it limits to be said', async () => {
    await fresh();
    created(await quota({ 'limits.memory': '1Gi', cpu: '1' }));
    expect(refused(await make('pods', pod('a')))).toBe(
      'pods "a" is forbidden: failed quota: q: must specify cpu for: c; limits.memory for: c',
    );
    created(await make('pods', pod('a', { requests: { cpu: '1' }, limits: { memory: '1Gi' } })));
    expect(refused(await make('pods', pod('b', { requests: { cpu: '1m' }, limits: { memory: '1' } })))).toContain(
      'requested: cpu=1m,limits.memory=1, used: cpu=1,limits.memory=1Gi, limited: cpu=1,limits.memory=1Gi',
    );
  });

  it('counts claims, their size, and both by class; a claim that grows, too', async () => {
    await fresh();
    const fast = 'fast.storageclass.storage.k8s.io';
    created(
      await quota({
        'requests.storage': '10Gi',
        [`${fast}/requests.storage`]: '4Gi',
        [`${fast}/persistentvolumeclaims`]: '2',
      }),
    );
    created(await make('persistentvolumeclaims', claim('a', '3Gi')));
    expect(refused(await make('persistentvolumeclaims', claim('b', '2Gi')))).toContain(
      `requested: ${fast}/requests.storage=2Gi`,
    );
    created(await make('persistentvolumeclaims', claim('b', '6Gi', 'slow')));
    const classes = '/apis/storage.k8s.io/v1/storageclasses';
    created(await server.post(classes, { metadata: { name: 'slow' }, provisioner: 'x', allowVolumeExpansion: true }));
    await server.merge(`${place}/persistentvolumeclaims/b/status`, {
      status: { phase: 'Bound', capacity: { storage: '6Gi' } },
    });
    const grow = (storage: string) =>
      server.merge(`${place}/persistentvolumeclaims/b`, { spec: { resources: { requests: { storage } } } });
    expect(refused(await grow('8Gi'))).toContain('requested: requests.storage=2Gi, used: requests.storage=9Gi');
    expect((await grow('7Gi')).status).toBe(200);
  });

  it('counts services by what they take, and any kind by its name', async () => {
    await fresh();
    created(await quota({ services: '2', 'services.nodeports': '1', 'count/leases.coordination.k8s.io': '1' }));
    const service = (name: string, type: string) => ({ metadata: { name }, spec: { type, ports: [{ port: 80 }] } });
    created(await make('services', service('a', 'NodePort')));
    expect(refused(await make('services', service('b', 'NodePort')))).toContain('services.nodeports=1');
    created(await make('services', service('b', 'ClusterIP')));
    const leases = `/apis/coordination.k8s.io/v1/namespaces/n${count}/leases`;
    created(await server.post(leases, { metadata: { name: 'a' } }));
    expect(refused(await server.post(leases, { metadata: { name: 'b' } }))).toBe(
      'leases.coordination.k8s.io "b" is forbidden: exceeded quota: q, requested: count/leases.coordination.k8s.io=1, used: count/leases.coordination.k8s.io=1, limited: count/leases.coordination.k8s.io=1',
    );
  });

  it('speaks of the pods in its scopes only', async () => {
    await fresh();
    created(await quota({ pods: '0' }, { scopes: ['BestEffort'] }));
    expect(refused(await make('pods', pod('a')))).toContain('exceeded quota');
    created(await make('pods', pod('a', { requests: { cpu: '1' } })));
    await fresh();
    const high = { scopeName: 'PriorityClass', operator: 'In', values: ['high'] };
    created(await quota({ pods: '0' }, { scopeSelector: { matchExpressions: [high] } }));
    created(await server.post('/apis/scheduling.k8s.io/v1/priorityclasses', { metadata: { name: 'high' }, value: 10 }));
    created(await make('pods', pod('a')));
    expect(refused(await make('pods', pod('b', {}, { priorityClassName: 'high' })))).toContain('exceeded quota');
  });

  it('counts what init containers need where that is more', async () => {
    await fresh();
    created(await quota({ 'requests.cpu': '2' }));
    const init = (cpu: string) => ({ initContainers: [{ ...container({ requests: { cpu } }), name: 'i' }] });
    expect(refused(await make('pods', pod('a', { requests: { cpu: '1' } }, init('3'))))).toContain(
      'requested: requests.cpu=3',
    );
    created(await make('pods', pod('a', { requests: { cpu: '1' } }, init('2'))));
  });
});

describe('a limit range', () => {
  it('fills in what a container leaves open, so that a quota can count it', async () => {
    await fresh();
    created(
      await limits({ type: 'Container', default: { cpu: '200m', memory: '64Mi' }, defaultRequest: { cpu: '100m' } }),
    );
    created(await quota({ 'requests.cpu': '150m' }));
    const { body } = created(await make('pods', pod('a')));
    expect(body.spec.containers[0].resources).toEqual({
      limits: { cpu: '200m', memory: '64Mi' },
      requests: { cpu: '100m', memory: '64Mi' },
    });
    expect(body.metadata.annotations['kubernetes.io/limit-ranger']).toBe(
      'LimitRanger plugin set: cpu, memory request for container c; cpu, memory limit for container c',
    );
    expect(refused(await make('pods', pod('b')))).toContain('used: requests.cpu=100m');
  });

  it('refuses what is outside of it: containers, pods and claims', async () => {
    await fresh();
    created(
      await limits(
        { type: 'Container', max: { cpu: '1' }, min: { cpu: '50m' }, maxLimitRequestRatio: { cpu: '4' } },
        { type: 'Pod', max: { memory: '1Gi' } },
        { type: 'PersistentVolumeClaim', max: { storage: '2Gi' }, min: { storage: '1Gi' } },
      ),
    );
    const memory = { memory: '1Gi' };
    const within = { requests: { cpu: '500m' }, limits: { cpu: '1', ...memory } };
    created(await make('pods', pod('ok', within)));
    const said = async (resources: object) => refused(await make('pods', pod('a', resources)));
    expect(await said({ limits: { cpu: '2', ...memory } })).toContain(
      'maximum cpu usage per Container is 1, but limit is 2',
    );
    expect(await said({ requests: { cpu: '1m' }, limits: { cpu: '1m', ...memory } })).toContain(
      'minimum cpu usage per Container is 50m, but request is 1m',
    );
    expect(await said({ requests: { cpu: '100m' }, limits: { cpu: '1', ...memory } })).toContain(
      'ratio per Container is 4, but provided ratio is 10.000000',
    );
    expect(await said({ limits: { cpu: '1' } })).toContain(
      'maximum memory usage per Pod is 1Gi.  No limit is specified',
    );
    const large = await make('persistentvolumeclaims', claim('large', '3Gi'));
    expect(refused(large)).toContain('maximum storage usage per PersistentVolumeClaim is 2Gi, but request is 3Gi');
    created(await make('persistentvolumeclaims', claim('right', '2Gi')));
  });
});

describe('the other admissions', () => {
  it('let a claim grow only where its class says so', async () => {
    await fresh();
    created(
      await server.post('/apis/storage.k8s.io/v1/storageclasses', { metadata: { name: 'fixed' }, provisioner: 'x' }),
    );
    created(await make('persistentvolumeclaims', claim('a', '1Gi', 'fixed')));
    await server.merge(`${place}/persistentvolumeclaims/a/status`, {
      status: { phase: 'Bound', capacity: { storage: '1Gi' } },
    });
    const answer = await server.merge(`${place}/persistentvolumeclaims/a`, {
      spec: { resources: { requests: { storage: '2Gi' } } },
    });
    expect(refused(answer)).toBe(
      'persistentvolumeclaims "a" is forbidden: only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must support resize',
    );
  });

  it('give a claim the class that is the default', async () => {
    await fresh();
    const standard = { 'storageclass.kubernetes.io/is-default-class': 'true' };
    created(
      await server.post('/apis/storage.k8s.io/v1/storageclasses', {
        metadata: { name: 'standard', annotations: standard },
        provisioner: 'x',
      }),
    );
    const { storageClassName: _none, ...spec } = claim('a', '1Gi').spec;
    const { body } = created(await make('persistentvolumeclaims', { metadata: { name: 'a' }, spec }));
    expect(body.spec.storageClassName).toBe('standard');
  });

  it('know one default priority, and none that a pod makes up', async () => {
    await fresh();
    const classes = '/apis/scheduling.k8s.io/v1/priorityclasses';
    created(await server.post(classes, { metadata: { name: 'usual' }, value: 5, globalDefault: true }));
    expect(
      refused(await server.post(classes, { metadata: { name: 'also' }, value: 6, globalDefault: true })),
    ).toContain('PriorityClass usual is already marked as default. Only one default can exist');
    const { body } = created(await make('pods', pod('a')));
    expect(body.spec).toMatchObject({ priorityClassName: 'usual', priority: 5 });
    expect(refused(await make('pods', pod('b', {}, { priority: 7 })))).toContain(
      'the integer value of priority (7) must not be provided in pod spec; priority admission controller computed 5 from the given PriorityClass name',
    );
    await server.del(`${classes}/usual`);
  });
});
