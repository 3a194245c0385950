/** Requests that make no sense get an answer that does, and never a 5xx of ours. */
import { connect } from 'node:http2';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ADMIN, type TestServer, testServer } from './support/server.ts';

let server: TestServer;
let ns: string;
beforeAll(async () => {
  server = await testServer();
  ns = await server.namespace('bad');
});
afterAll(() => server.stop());

describe('bad input', () => {
  it('over 3 MB is 413', async () => {
    const { status, body } = await server.post(`${ns}/configmaps`, {
      metadata: { name: 'big' },
      data: { x: 'x'.repeat(3 * 1024 * 1024) },
    });
    expect(status).toBe(413);
    expect(body).toMatchObject({ kind: 'Status', reason: 'RequestEntityTooLarge' });
  });

  it('over 1 MiB of content is no ConfigMap, counted in bytes, with what is in base64 as it is meant', async () => {
    const MiB = 1024 * 1024;
    const make = (content: object) => server.post(`${ns}/configmaps`, { metadata: { name: 'full' }, ...content });
    for (const content of [
      { data: { x: 'x'.repeat(MiB + 1) } },
      { data: { x: 'é'.repeat(MiB / 2), y: 'y' } },
      { data: { y: 'y' }, binaryData: { x: Buffer.alloc(MiB).toString('base64') } },
    ]) {
      const { status, body } = await make(content);
      expect(status).toBe(422);
      expect(body.message).toBe('ConfigMap "full" is invalid: []: Too long: may not be more than 1048576 bytes');
      expect(body.details.causes).toEqual([
        { reason: 'FieldValueTooLong', message: 'Too long: may not be more than 1048576 bytes', field: '[]' },
      ]);
    }
    expect((await make({ binaryData: { x: Buffer.alloc(MiB).toString('base64') } })).status).toBe(201);
  });

  it('over 1.5 MiB does not go into the storage, whatever it is', async () => {
    const { status, body } = await server.post(`${ns}/pods`, {
      metadata: { name: 'big' },
      spec: { containers: [{ name: 'a', image: 'i', args: ['x'.repeat(1.5 * 1024 * 1024)] }] },
    });
    expect(status).toBe(500);
    expect(body).toEqual({
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Failure',
      message: 'etcdserver: request is too large',
      code: 500,
    });
    expect((await server.get(`${ns}/pods/big`)).status).toBe(404);
  });

  it.each([
    ['malformed JSON', '{"metadata": {', 'application/json', 400],
    ['an empty body', '', 'application/json', 400],
    ['an array', '[]', 'application/json', 400],
    ['XML', '<a/>', 'application/xml', 415],
    ['broken YAML', 'a: [', 'application/yaml', 400],
    ['protobuf that is none', 'k8s', 'application/vnd.kubernetes.protobuf', 400],
    ['another kind', '{"apiVersion":"v1","kind":"Pod","metadata":{"name":"a"}}', 'application/json', 400],
  ])('%s is refused with a Status', async (_what, body, type, expected) => {
    const answer = await server.post(`${ns}/configmaps`, body, { type });
    expect(answer.status).toBe(expected);
    expect(answer.body.kind).toBe('Status');
  });

  it.each([
    ['/api/v1/namespaces/bad/nonsenses', 404, 'application/json'],
    ['/apis/apps/v9/deployments', 404, 'application/json'],
    ['/apis/nothing.example.com/v1/things', 404, 'text/plain; charset=utf-8'],
    ['/nonsense', 404, 'text/plain; charset=utf-8'],
    ['/api/v1/namespaces/bad/configmaps/a/nonsense', 404, 'application/json'],
    ['/api/v1/namespaces/%zz/configmaps', 404, 'text/plain; charset=utf-8'],
    ['/api/v1/namespaces/bad/configmaps?limit=three', 400, 'application/json'],
    ['/api/v1/namespaces/bad/configmaps?continue=nonsense', 400, 'application/json'],
  ])('%s is %i', async (path, status, type) => {
    const answer = await server.get(path);
    expect(answer.status).toBe(status);
    expect(answer.headers['content-type']).toBe(type);
  });

  it('with a wrong method is 405', async () => {
    expect((await server.put(`${ns}/configmaps`, {})).status).toBe(405);
    expect((await server.call('HEAD', `${ns}/configmaps/a`)).status).toBe(405);
  });

  it('that accepts nothing spoken here is 406', async () => {
    expect((await server.get(`${ns}/configmaps`, { headers: { accept: 'application/pdf' } })).status).toBe(406);
  });

  it('of many shapes never breaks the server', async () => {
    const values = [null, 1, 'x', [], {}, { a: null }, [null]];
    const paths = [
      `${ns}/configmaps`,
      `${ns}/pods`,
      `${ns}/services`,
      '/apis/apps/v1/namespaces/bad/deployments',
      '/apis/apps/v1/namespaces/bad/statefulsets',
      '/apis/rbac.authorization.k8s.io/v1/clusterroles',
      '/apis/apiextensions.k8s.io/v1/customresourcedefinitions',
      '/api/v1/namespaces',
    ];
    for (const path of paths) {
      for (const value of values) {
        for (const body of [
          value,
          { metadata: value },
          { metadata: { name: 'x' }, spec: value },
          {
            metadata: { name: 'x' },
            spec: { template: value, ports: value, names: value, versions: value, containers: value },
          },
        ]) {
          const { status } = await server.post(`${path}?dryRun=All`, JSON.stringify(body));
          expect(status, `${path} ${JSON.stringify(body)}`).toBeLessThan(500);
        }
      }
    }
  });

  it('with nothing where something belongs never breaks the rules of pods, services and endpoints', async () => {
    const nothing = [null, {}, [], [null], [{}]];
    const lists = ['affinity', 'containers', 'initContainers', 'dnsConfig', 'hostAliases', 'imagePullSecrets', 'os'];
    lists.push('readinessGates', 'schedulingGates', 'securityContext', 'tolerations', 'topologySpreadConstraints');
    const inside = ['env', 'envFrom', 'lifecycle', 'livenessProbe', 'ports', 'resources', 'securityContext'];
    inside.push('volumeMounts', 'startupProbe');
    const handlers = ['exec', 'grpc', 'httpGet', 'sleep', 'tcpSocket'];
    const sources = ['configMap', 'csi', 'downwardAPI', 'emptyDir', 'hostPath', 'nfs', 'projected', 'secret'];
    const items = ['configMap', 'downwardAPI', 'secret', 'serviceAccountToken'];
    const required = 'requiredDuringSchedulingIgnoredDuringExecution';
    const preferred = 'preferredDuringSchedulingIgnoredDuringExecution';
    const one = (more: object) => ({ containers: [{ name: 'a', image: 'i', ...more }] });
    const pods = (value: unknown): object[] => [
      ...lists.map((name) => ({ ...one({}), [name]: value })),
      ...inside.map((name) => one({ [name]: value })),
      ...handlers.map((name) => one({ livenessProbe: { [name]: value }, lifecycle: { preStop: { [name]: value } } })),
      ...sources.map((name) => ({ ...one({}), volumes: [{ name: 'v', [name]: value }] })),
      ...items.map((name) => ({ ...one({}), volumes: [{ name: 'v', projected: { sources: [{ [name]: value }] } }] })),
      ...items.map((name) => ({ ...one({}), volumes: [{ name: 'v', [name]: { items: value } }] })),
      ...['nodeAffinity', 'podAffinity'].map((name) => ({
        ...one({}),
        affinity: { [name]: { [required]: value, [preferred]: value } },
      })),
      { ...one({}), affinity: { nodeAffinity: { [required]: { nodeSelectorTerms: value } } } },
    ];
    const ask = async (path: string, content: object) => {
      const { status, text } = await server.post(`${path}?dryRun=All`, { metadata: { name: 'x' }, ...content });
      expect(status, `${JSON.stringify(content)} ${text}`).toBeLessThan(500);
    };
    for (const value of nothing) {
      for (const spec of pods(value)) await ask(`${ns}/pods`, { spec });
      for (const name of ['clusterIPs', 'externalIPs', 'ipFamilies', 'ports', 'selector', 'sessionAffinityConfig'])
        await ask(`${ns}/services`, { spec: { [name]: value } });
      await ask(`${ns}/endpoints`, { subsets: value });
      await ask(`${ns}/endpoints`, { subsets: [{ addresses: value, ports: value }] });
      const slices = '/apis/discovery.k8s.io/v1/namespaces/bad/endpointslices';
      await ask(slices, { addressType: 'IPv4', endpoints: value, ports: value });
      await ask(slices, { addressType: 'IPv4', endpoints: [{ addresses: value }] });
    }
  });
});

describe('the wire', () => {
  it('speaks HTTP/2, too', async () => {
    const session = connect(server.url, { ca: server.caPem });
    const answer = await new Promise<{ status: number; text: string }>((done, fail) => {
      const stream = session.request({ ':path': '/api/v1/namespaces/default', authorization: `Bearer ${ADMIN}` });
      let status = 0;
      let text = '';
      stream.on('response', (headers) => {
        status = Number(headers[':status']);
      });
      stream.on('data', (chunk) => {
        text += chunk;
      });
      stream.on('end', () => done({ status, text })).on('error', fail);
    });
    session.close();
    expect(answer.status).toBe(200);
    expect(JSON.parse(answer.text).metadata.name).toBe('default');
  });

  it('answers YAML and tables', async () => {
    const yaml = await server.get('/api/v1/namespaces/default', { headers: { accept: 'application/yaml' } });
    expect(yaml.headers['content-type']).toBe('application/yaml');
    expect(yaml.text).toContain('kind: Namespace');
    const table = await server.get('/api/v1/namespaces', {
      headers: { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json' },
    });
    expect(table.body.rows.map(({ cells }: { cells: string[] }) => cells.slice(0, 2))).toContainEqual([
      'default',
      'Active',
    ]);
  });
});
