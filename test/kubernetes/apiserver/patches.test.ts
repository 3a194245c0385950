/** The four patches. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type TestServer, testServer } from './support/server.ts';

let server: TestServer;
let ns: string;
const deployments = '/apis/apps/v1/namespaces/patches/deployments';
beforeAll(async () => {
  server = await testServer();
  ns = await server.namespace('patches');
});
afterAll(() => server.stop());

const web = (name: string, containers: unknown[]) => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name },
  spec: {
    replicas: 0,
    selector: { matchLabels: { app: 'a' } },
    template: { metadata: { labels: { app: 'a' } }, spec: { containers } },
  },
});
const strategic = (path: string, body: unknown) =>
  server.call('PATCH', path, body, { type: 'application/strategic-merge-patch+json' });
const json = (path: string, body: unknown) => server.call('PATCH', path, body, { type: 'application/json-patch+json' });

describe('a JSON patch', () => {
  it('changes all or nothing', async () => {
    await server.post(`${ns}/configmaps`, { metadata: { name: 'j' }, data: { a: '1' } });
    const ok = await json(`${ns}/configmaps/j`, [
      { op: 'test', path: '/data/a', value: '1' },
      { op: 'add', path: '/data/b', value: '2' },
    ]);
    expect(ok.body.data).toEqual({ a: '1', b: '2' });
    const failed = await json(`${ns}/configmaps/j`, [
      { op: 'remove', path: '/data/b' },
      { op: 'test', path: '/data/a', value: '9' },
    ]);
    expect(failed.status).toBe(422);
    expect((await server.get(`${ns}/configmaps/j`)).body.data).toEqual({ a: '1', b: '2' });
  });
});

describe('a strategic merge patch', () => {
  it('merges containers by name and environment by name, and replaces arguments', async () => {
    await server.post(
      deployments,
      web('s', [
        { name: 'main', image: 'i:1', args: ['x', 'y'], env: [{ name: 'A', value: '1' }] },
        { name: 'side', image: 's' },
      ]),
    );
    const { body } = await strategic(`${deployments}/s`, {
      spec: { template: { spec: { containers: [{ name: 'main', args: ['z'], env: [{ name: 'B', value: '2' }] }] } } },
    });
    const [main, side] = body.spec.template.spec.containers;
    expect(main).toMatchObject({ name: 'main', image: 'i:1', args: ['z'] });
    expect(main.env.map(({ name }: { name: string }) => name).sort()).toEqual(['A', 'B']);
    expect(side.name).toBe('side');
  });

  it('deletes an item by its key', async () => {
    const { body } = await strategic(`${deployments}/s`, {
      spec: { template: { spec: { containers: [{ name: 'side', $patch: 'delete' }] } } },
    });
    expect(body.spec.template.spec.containers.map(({ name }: { name: string }) => name)).toEqual(['main']);
  });
});

describe('server-side apply', () => {
  const one = () => `${ns}/configmaps/applied`;
  const config = (data: Record<string, string>) => ({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'applied' },
    data,
  });

  it('creates, and the same again changes nothing', async () => {
    const made = await server.apply(one(), 'alice', config({ a: '1', b: '1' }));
    expect(made.status).toBe(201);
    expect(made.body.metadata.managedFields).toEqual([
      expect.objectContaining({
        manager: 'alice',
        operation: 'Apply',
        fieldsV1: { 'f:data': { 'f:a': {}, 'f:b': {} } },
      }),
    ]);
    const again = await server.apply(one(), 'alice', config({ a: '1', b: '1' }));
    expect(again.body.metadata.resourceVersion).toBe(made.body.metadata.resourceVersion);
  });

  it('tells conflicts with the owner and the field, and force takes it', async () => {
    const refused = await server.apply(one(), 'bob', config({ a: '2' }));
    expect(refused.status).toBe(409);
    expect(refused.body).toMatchObject({
      message: 'Apply failed with 1 conflict: conflict with "alice": .data.a',
      details: { causes: [{ reason: 'FieldManagerConflict', field: '.data.a' }] },
    });
    const forced = await server.apply(one(), 'bob', config({ a: '2' }), '&force=true');
    expect(forced.body.data).toEqual({ a: '2', b: '1' });
  });

  it('removes what its manager alone wanted and no longer names', async () => {
    const { body } = await server.apply(one(), 'alice', config({ c: '1' }));
    expect(body.data).toEqual({ a: '2', c: '1' });
  });

  it('leaves alone what others added to a list, and removes its own item', async () => {
    const path = `${deployments}/shared`;
    await server.apply(path, 'alice', web('shared', [{ name: 'main', image: 'i:1' }]));
    const side = (containers: unknown[]) => ({
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'shared' },
      spec: { template: { spec: { containers } } },
    });
    const both = await server.apply(path, 'bob', side([{ name: 'side', image: 's' }]));
    expect(both.body.spec.template.spec.containers.map(({ name }: { name: string }) => name).sort()).toEqual([
      'main',
      'side',
    ]);
    const conflicting = await server.apply(path, 'bob', side([{ name: 'main', image: 'i:2' }]));
    expect(conflicting.body.details.causes[0].field).toBe('.spec.template.spec.containers[name="main"].image');
    const left = await server.apply(path, 'bob', {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'shared' },
      spec: { minReadySeconds: 1 },
    });
    expect(left.body.spec.template.spec.containers.map(({ name }: { name: string }) => name)).toEqual(['main']);
  });

  it('refuses fields that the kind does not have', async () => {
    const { status, body } = await server.apply(one(), 'alice', { ...config({}), colour: 'red' });
    expect(status).toBe(500);
    expect(body.message).toContain('.colour: field not declared in schema');
  });

  it('knows what was there before the first apply', async () => {
    await server.post(`${ns}/configmaps`, { metadata: { name: 'old' }, data: { z: '1' } });
    await json(`${ns}/configmaps/old`, [{ op: 'replace', path: '/metadata/managedFields', value: [{}] }]);
    const { body } = await server.apply(`${ns}/configmaps/old`, 'alice', {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      data: { a: '1' },
    });
    expect(body.metadata.managedFields.map(({ manager }: { manager: string }) => manager).sort()).toEqual([
      'alice',
      'before-first-apply',
    ]);
  });
});
