/** Objects: their life, their versions, and how they are refused. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type TestServer, testServer } from './support/server.ts';

let server: TestServer;
let ns: string;
beforeAll(async () => {
  server = await testServer();
  ns = await server.namespace('objects');
});
afterAll(() => server.stop());

const map = (name: string, data: Record<string, string> = {}) => ({ metadata: { name }, data });

describe('objects', () => {
  it('are created with what the server sets, and overwrite what the client may not choose', async () => {
    const { status, body } = await server.post(`${ns}/configmaps`, {
      metadata: { name: 'made', uid: 'mine', creationTimestamp: '2001-01-01T00:00:00Z' },
    });
    expect(status).toBe(201);
    expect(body).toMatchObject({
      kind: 'ConfigMap',
      apiVersion: 'v1',
      metadata: { name: 'made', namespace: 'objects' },
    });
    expect(body.metadata.uid).toMatch(/^[0-9a-f-]{36}$/);
    expect(Date.parse(body.metadata.creationTimestamp)).toBeGreaterThan(Date.now() - 60_000);
    expect(Number(body.metadata.resourceVersion)).toBeGreaterThan(0);
  });

  it('get a name from generateName', async () => {
    const { body } = await server.post(`${ns}/configmaps`, { metadata: { generateName: 'some-' } });
    expect(body.metadata.name).toMatch(/^some-[bcdfghjklmnpqrstvwxz2456789]{5}$/);
  });

  it('may exist only once under a name', async () => {
    await server.post(`${ns}/configmaps`, map('once'));
    const { status, body } = await server.post(`${ns}/configmaps`, map('once'));
    expect(status).toBe(409);
    expect(body).toMatchObject({ reason: 'AlreadyExists', message: 'configmaps "once" already exists' });
  });

  it('are changed only from the version that the writer saw', async () => {
    const { body: first } = await server.post(`${ns}/configmaps`, map('raced', { a: '1' }));
    const one = `${ns}/configmaps/raced`;
    const won = await server.put(one, { ...first, data: { a: '2' } });
    const lost = await server.put(one, { ...first, data: { a: '3' } });
    expect(won.status).toBe(200);
    expect(lost.status).toBe(409);
    expect(lost.body.message).toBe(
      'Operation cannot be fulfilled on configmaps "raced": the object has been modified; please apply your changes to the latest version and try again',
    );
    expect((await server.get(one)).body.data).toEqual({ a: '2' });
  });

  it('keep their version when nothing changes', async () => {
    const { body } = await server.post(`${ns}/configmaps`, map('calm', { a: '1' }));
    const again = await server.merge(`${ns}/configmaps/calm`, { data: { a: '1' } });
    expect(again.body.metadata.resourceVersion).toBe(body.metadata.resourceVersion);
  });

  it('are not written by a dry run', async () => {
    const { status } = await server.post(`${ns}/configmaps?dryRun=All`, map('ghost'));
    expect(status).toBe(201);
    expect((await server.get(`${ns}/configmaps/ghost`)).status).toBe(404);
  });

  it('warn of unknown fields by default and are refused with them when asked to be strict', async () => {
    const loose = await server.post(`${ns}/configmaps`, { ...map('loose'), dato: {} });
    expect(loose.headers.warning).toContain('unknown field \\"dato\\"');
    const strict = await server.post(`${ns}/configmaps?fieldValidation=Strict`, { ...map('strict'), dato: {} });
    expect(strict.status).toBe(400);
    expect(strict.body.message).toContain('strict decoding error: unknown field "dato"');
  });

  it('name the field of a wrong type as Go does', async () => {
    const { status, body } = await server.post(`${ns}/pods`, {
      metadata: { name: 'x' },
      spec: { containers: [{ name: 'c', image: 'i', ports: [{ containerPort: '80' }] }] },
    });
    expect(status).toBe(400);
    expect(body.message).toBe(
      'Pod in version "v1" cannot be handled as a Pod: json: cannot unmarshal string into Go struct field ContainerPort.spec.containers.ports.containerPort of type int32',
    );
  });

  it('say every fault of an invalid pod at once', async () => {
    const { status, body } = await server.post(`${ns}/pods`, {
      metadata: { name: 'x' },
      spec: { restartPolicy: 'Maybe', containers: [{ name: 'C_' }] },
    });
    expect(status).toBe(422);
    expect(body.details.causes.map(({ field }: { field: string }) => field)).toEqual([
      'spec.containers[0].name',
      'spec.containers[0].image',
      'spec.restartPolicy',
    ]);
  });

  it('cannot come into a namespace that is not there', async () => {
    const { status, body } = await server.post('/api/v1/namespaces/nowhere/configmaps', map('a'));
    expect(status).toBe(404);
    expect(body.message).toBe('namespaces "nowhere" not found');
  });
});

describe('pods', () => {
  it('get the defaults, the account and the token that a real cluster gives', async () => {
    const { body } = await server.post(`${ns}/pods`, {
      metadata: { name: 'plain' },
      spec: { containers: [{ name: 'c', image: 'i' }] },
    });
    expect(body.spec).toMatchObject({
      restartPolicy: 'Always',
      terminationGracePeriodSeconds: 30,
      dnsPolicy: 'ClusterFirst',
      serviceAccountName: 'default',
      schedulerName: 'default-scheduler',
      enableServiceLinks: true,
    });
    expect(body.spec.containers[0].imagePullPolicy).toBe('Always');
    expect(body.spec.containers[0].volumeMounts).toEqual([
      expect.objectContaining({ mountPath: '/var/run/secrets/kubernetes.io/serviceaccount', readOnly: true }),
    ]);
    expect(body.spec.volumes[0].projected.sources[0].serviceAccountToken).toEqual({
      expirationSeconds: 3607,
      path: 'token',
    });
    expect(body.status).toEqual({ phase: 'Pending', qosClass: 'BestEffort' });
  });

  it('are refused without their service account', async () => {
    const { status, body } = await server.post(`${ns}/pods`, {
      metadata: { name: 'lost' },
      spec: { serviceAccountName: 'none', containers: [{ name: 'c', image: 'i' }] },
    });
    expect(status).toBe(403);
    expect(body.message).toContain('serviceaccount "none" not found');
  });

  it('are bound to a node once', async () => {
    await server.post(`${ns}/pods`, { metadata: { name: 'bound' }, spec: { containers: [{ name: 'c', image: 'i' }] } });
    const binding = {
      apiVersion: 'v1',
      kind: 'Binding',
      metadata: { name: 'bound' },
      target: { kind: 'Node', name: 'n1' },
    };
    expect((await server.post(`${ns}/pods/bound/binding`, binding)).status).toBe(201);
    const { body } = await server.get(`${ns}/pods/bound`);
    expect(body.spec.nodeName).toBe('n1');
    expect(body.status.conditions[0]).toMatchObject({ type: 'PodScheduled', status: 'True' });
    expect((await server.post(`${ns}/pods/bound/binding`, binding)).status).toBe(409);
  });

  it('have a status that only /status writes, and a generation that only the spec moves', async () => {
    await server.post(`${ns}/pods`, { metadata: { name: 'split' }, spec: { containers: [{ name: 'c', image: 'i' }] } });
    const one = `${ns}/pods/split`;
    await server.merge(one, { status: { phase: 'Running' } });
    expect((await server.get(one)).body.status.phase).toBe('Pending');
    await server.merge(`${one}/status`, {
      status: { phase: 'Running', podIP: '10.0.0.1' },
      spec: { schedulerName: 'other' },
    });
    const { body } = await server.get(one);
    expect(body.status).toMatchObject({ phase: 'Running', podIP: '10.0.0.1' });
    expect(body.spec.schedulerName).toBe('default-scheduler');
    expect(body.metadata.generation).toBe(1);
  });
});

describe('services', () => {
  it('have their range written down, where clients look for it', async () => {
    const { body } = await server.get('/apis/networking.k8s.io/v1/servicecidrs/kubernetes');
    expect(body).toMatchObject({ spec: { cidrs: ['10.96.0.0/16'] }, status: { conditions: [{ type: 'Ready' }] } });
    expect(
      (await server.merge('/apis/networking.k8s.io/v1/servicecidrs/kubernetes', { spec: { cidrs: [] } })).status,
    ).toBe(422);
  });

  it('get an address that nobody else has, and keep it', async () => {
    const service = (name: string) => ({
      metadata: { name },
      spec: { selector: { app: name }, ports: [{ port: 80 }] },
    });
    const { body: a } = await server.post(`${ns}/services`, service('a'));
    const { body: b } = await server.post(`${ns}/services`, service('b'));
    expect(a.spec.clusterIP).toMatch(/^10\.96\./);
    expect(b.spec.clusterIP).not.toBe(a.spec.clusterIP);
    const replaced = await server.put(`${ns}/services/a`, { ...service('a'), spec: { ports: [{ port: 81 }] } });
    expect(replaced.body.spec.clusterIP).toBe(a.spec.clusterIP);
  });
});

describe('deployments', () => {
  const web = (replicas: number) => ({
    metadata: { name: 'web' },
    spec: {
      replicas,
      selector: { matchLabels: { app: 'web' } },
      template: { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'c', image: 'i' }] } },
    },
  });
  const all = '/apis/apps/v1/namespaces/objects/deployments';

  it('are scaled by their subresource, which moves the generation', async () => {
    await server.post(all, web(1));
    const { body } = await server.merge(`${all}/web/scale`, { spec: { replicas: 4 } });
    expect(body).toMatchObject({
      kind: 'Scale',
      apiVersion: 'autoscaling/v1',
      spec: { replicas: 4 },
      status: { replicas: 0, selector: 'app=web' },
    });
    const { body: deployment } = await server.get(`${all}/web`);
    expect(deployment.spec.replicas).toBe(4);
    expect(deployment.metadata.generation).toBe(2);
  });

  it('keep their selector', async () => {
    const { status, body } = await server.merge(`${all}/web`, {
      spec: { selector: { matchLabels: { app: 'other' } }, template: { metadata: { labels: { app: 'other' } } } },
    });
    expect(status).toBe(422);
    expect(body.message).toContain('field is immutable');
  });
});
