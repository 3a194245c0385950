/** How objects go: at once, after a grace, when finalizers let them, and namespaces last. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type TestServer, testServer } from './support/server.ts';

let server: TestServer;
let ns: string;
beforeAll(async () => {
  server = await testServer();
  ns = await server.namespace('deletion');
});
afterAll(() => server.stop());

const make = (name: string, metadata: object = {}) =>
  server.post(`${ns}/configmaps`, { metadata: { name, ...metadata } });
const pod = async (name: string, node?: string) => {
  await server.post(`${ns}/pods`, { metadata: { name }, spec: { containers: [{ name: 'c', image: 'i' }] } });
  if (node)
    await server.post(`${ns}/pods/${name}/binding`, { metadata: { name }, target: { kind: 'Node', name: node } });
  return `${ns}/pods/${name}`;
};

describe('deletion', () => {
  it('answers a Status with the uid and takes the object', async () => {
    const { body } = await make('a');
    const gone = await server.del(`${ns}/configmaps/a`);
    expect(gone.body).toMatchObject({
      kind: 'Status',
      status: 'Success',
      details: { name: 'a', kind: 'configmaps', uid: body.metadata.uid },
    });
    expect((await server.get(`${ns}/configmaps/a`)).status).toBe(404);
  });

  it('waits for finalizers, takes no new ones, and no new object of the name', async () => {
    await make('held', { finalizers: ['example.com/hold'] });
    const marked = await server.del(`${ns}/configmaps/held`);
    expect(marked.body.metadata).toMatchObject({ finalizers: ['example.com/hold'], deletionGracePeriodSeconds: 0 });
    expect(
      (
        await server.merge(`${ns}/configmaps/held`, {
          metadata: { finalizers: ['example.com/hold', 'example.com/new'] },
        })
      ).status,
    ).toBe(422);
    expect((await make('held')).body.message).toContain('object is being deleted');
    expect((await server.merge(`${ns}/configmaps/held`, { metadata: { finalizers: null } })).status).toBe(200);
    expect((await server.get(`${ns}/configmaps/held`)).status).toBe(404);
  });

  it('is refused when the object is not the one that was meant', async () => {
    await make('guarded');
    const { status, body } = await server.del(`${ns}/configmaps/guarded`, { preconditions: { uid: 'another' } });
    expect(status).toBe(409);
    expect(body.details.kind).toBe('ConfigMap');
  });

  it('is only tried by a dry run', async () => {
    await make('tried');
    expect((await server.del(`${ns}/configmaps/tried?dryRun=All`)).status).toBe(200);
    expect((await server.get(`${ns}/configmaps/tried`)).status).toBe(200);
  });

  it('leaves the garbage collector a mark of how dependents shall go', async () => {
    await make('front');
    await make('orphans');
    expect((await server.del(`${ns}/configmaps/front?propagationPolicy=Foreground`)).body.metadata.finalizers).toEqual([
      'foregroundDeletion',
    ]);
    expect(
      (await server.del(`${ns}/configmaps/orphans`, { propagationPolicy: 'Orphan' })).body.metadata.finalizers,
    ).toEqual(['orphan']);
  });

  it('takes a collection by label', async () => {
    await make('c1', { labels: { set: 'c' } });
    await make('c2', { labels: { set: 'c' } });
    await make('c3');
    expect((await server.del(`${ns}/configmaps?labelSelector=set%3Dc`)).body.items).toHaveLength(2);
    expect((await server.get(`${ns}/configmaps/c3`)).status).toBe(200);
  });

  it('gives a running pod its grace, which may only become shorter', async () => {
    const path = await pod('running', 'n1');
    const first = await server.del(path);
    expect(first.body.metadata.deletionGracePeriodSeconds).toBe(30);
    const second = await server.del(path, { gracePeriodSeconds: 60 });
    expect(second.body.metadata.deletionGracePeriodSeconds).toBe(30);
    const last = await server.del(path, { gracePeriodSeconds: 0 });
    expect(last.status).toBe(200);
    expect((await server.get(path)).status).toBe(404);
  });

  it('takes a pod without a node at once', async () => {
    const path = await pod('waiting');
    expect((await server.del(path)).body.metadata.deletionGracePeriodSeconds).toBe(0);
    expect((await server.get(path)).status).toBe(404);
  });
});

describe('namespaces', () => {
  it('take nothing new once they end, and go when they are finalized', async () => {
    await server.namespace('ending');
    const { body } = await server.del('/api/v1/namespaces/ending');
    expect(body.status.phase).toBe('Terminating');
    const late = await server.post('/api/v1/namespaces/ending/configmaps', { metadata: { name: 'late' } });
    expect(late.status).toBe(403);
    expect(late.body.details.causes[0].reason).toBe('NamespaceTerminating');
    await server.put('/api/v1/namespaces/ending/finalize', { metadata: { name: 'ending' }, spec: { finalizers: [] } });
    expect((await server.get('/api/v1/namespaces/ending')).status).toBe(404);
  });

  it('of the system stay', async () => {
    expect((await server.del('/api/v1/namespaces/kube-system')).status).toBe(403);
  });
});

describe('eviction', () => {
  it('is refused by a budget that allows nothing', async () => {
    const path = await pod('kept', 'n1');
    await server.merge(path, { metadata: { labels: { app: 'kept' } } });
    await server.merge(`${path}/status`, { status: { phase: 'Running' } });
    await server.post('/apis/policy/v1/namespaces/deletion/poddisruptionbudgets', {
      metadata: { name: 'b' },
      spec: { maxUnavailable: 0, selector: { matchLabels: { app: 'kept' } } },
    });
    const { status, body } = await server.post(`${path}/eviction`, {
      apiVersion: 'policy/v1',
      kind: 'Eviction',
      metadata: { name: 'kept' },
    });
    expect(status).toBe(429);
    expect(body.details.causes[0].reason).toBe('DisruptionBudget');
  });
});
