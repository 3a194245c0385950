/** Parts of a pod that have a path of their own, and paths that are refused in plain words. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type TestServer, testServer } from './support/server.ts';

let server: TestServer;
let ns: string;
const STRATEGIC = { type: 'application/strategic-merge-patch+json' };
const helper = { name: 'helper', image: 'busybox:1', targetContainerName: 'main' };

beforeAll(async () => {
  server = await testServer();
  ns = await server.namespace('parts');
  await server.post(`${ns}/pods`, {
    metadata: { name: 'p' },
    spec: { containers: [{ name: 'main', image: 'app:1', resources: { requests: { cpu: '100m' } } }] },
  });
});
afterAll(() => server.stop());

describe('ephemeral containers', () => {
  it('are added as kubectl debug does, with the defaults of a container', async () => {
    const { status, body } = await server.call(
      'PATCH',
      `${ns}/pods/p/ephemeralcontainers`,
      { spec: { ephemeralContainers: [helper] } },
      STRATEGIC,
    );
    expect(status).toBe(200);
    expect(body.spec.ephemeralContainers).toMatchObject([{ ...helper, imagePullPolicy: 'IfNotPresent' }]);
    expect(body.metadata.generation).toBe(2);
    expect((await server.get(`${ns}/pods/p/ephemeralcontainers`)).body.spec).toEqual(body.spec);
  });

  it('are never changed or removed, and do not come in through the pod itself', async () => {
    const { body: pod } = await server.get(`${ns}/pods/p`);
    const put = (ephemeralContainers: object[]) =>
      server.put(`${ns}/pods/p/ephemeralcontainers`, { ...pod, spec: { ...pod.spec, ephemeralContainers } });
    expect((await put([])).body.message).toContain('existing ephemeral containers "helper" may not be removed');
    expect((await put([{ ...helper, image: 'other:1' }])).body.message).toContain('may not be changed');
    const kept = pod.spec.ephemeralContainers;
    expect((await put([...kept, { name: 'main', image: 'x' }])).body.message).toContain('Duplicate value: "main"');
    const lost = await put([...kept, { ...helper, name: 'lost', targetContainerName: 'none' }]);
    expect(lost.body.message).toContain('targetContainerName: Not found: "none"');
    const laden = {
      name: 'laden',
      image: 'x:1',
      ports: [{ containerPort: 1 }],
      resources: { limits: { cpu: '1' } },
      volumeMounts: [{ name: 'nothing', mountPath: '/a', subPath: 'b' }],
    };
    const refused = (await put([...kept, laden])).body.message;
    for (const key of ['ports', 'resources', 'volumeMounts[0].subPath'])
      expect(refused).toContain(
        `spec.ephemeralContainers[1].${key}: Forbidden: cannot be set for an Ephemeral Container`,
      );
    expect(refused).toContain('volumeMounts[0].name: Not found: "nothing"');
    const direct = await server.call(
      'PATCH',
      `${ns}/pods/p`,
      { spec: { ephemeralContainers: [{ name: 'sneaky', image: 'x:1' }] } },
      STRATEGIC,
    );
    expect(direct.status).toBe(422);
  });
});

describe('resizing', () => {
  it('changes cpu and memory, and nothing else', async () => {
    const resize = (container: object) =>
      server.call(
        'PATCH',
        `${ns}/pods/p/resize`,
        { spec: { containers: [{ name: 'main', ...container }] } },
        STRATEGIC,
      );
    const { status, body } = await resize({ image: 'ignored:1', resources: { requests: { cpu: '200m' } } });
    expect(status).toBe(200);
    expect(body.spec.containers[0]).toMatchObject({ image: 'app:1', resources: { requests: { cpu: '200m' } } });
    expect((await resize({ resources: { requests: { 'ephemeral-storage': '1Gi' } } })).body.message).toContain(
      'only cpu and memory resources are mutable',
    );
  });
});

describe('proxies', () => {
  it.each(['pods/p/proxy', 'pods/p/proxy/index.html', 'services/s/proxy/'])(
    'through the API server (%s) are refused with what to do instead',
    async (path) => {
      const { status, body } = await server.get(`${ns}/${path}`);
      expect(status).toBe(501);
      expect(body).toMatchObject({ kind: 'Status', reason: 'NotImplemented' });
      expect(body.message).toContain('use kubectl port-forward');
    },
  );
});
