import { DeleteItemCommand } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { toCluster } from '#core/domain/cluster-view.ts';
import { type Api, createApi, type Person } from './http-api.ts';
import { startTable, type TestTable } from './table.ts';

let table: TestTable;
let api: Api;
let ada: Person;

beforeAll(async () => {
  table = await startTable();
  api = await createApi(table, {
    limits: { teamClusters: 50, deploymentClusters: 500, deploymentVcpu: 5000 } as never,
  });
  ada = await api.person();
});
afterAll(() => table.stop());

let names = 0;
const freshName = () => `c${++names}`;
const create = (by: Person, change: object = {}, headers: Record<string, string> = {}) =>
  by.call('POST', '/api/v1/clusters', { body: { name: freshName(), ...change }, headers });
const makeReady = async (by: Person, change: object = {}) => {
  const { body } = await create(by, change);
  const { next } = await api.decide(body.id, {
    type: 'created',
    operation: body.operationId,
    endpoint: 'https://cluster.example',
    certificateAuthority: 'Q0E=',
  });
  return next;
};

describe('creating a cluster', () => {
  it('answers 202 with the cluster, its ETag and the address of its operation, all of which can be read', async () => {
    const made = await create(ada, { name: 'first', workers: { count: 3, size: 'medium' }, labels: { stage: 'dev' } });
    expect(made.status).toBe(202);
    expect(made.body).toMatchObject({
      name: 'first',
      team: ada.team,
      provider: 'eks',
      phase: 'Pending',
      kubernetesVersion: '1.35',
      workers: { count: 3, size: 'medium' },
      ttlSeconds: 3600,
      createdBy: ada.id,
      revision: 1,
    });
    expect(made.headers).toMatchObject({
      etag: '"1"',
      location: `/api/v1/operations/${made.body.operationId}`,
      'cache-control': 'no-store',
    });

    const operation = await ada.call('GET', made.headers.location as string);
    expect(operation).toMatchObject({ status: 200, body: { kind: 'cluster-create', state: 'Pending', steps: [] } });
    expect(operation.body).not.toHaveProperty('actor');
    expect((await ada.call('GET', `/api/v1/clusters/${made.body.id}`)).body).toEqual(made.body);
    expect((await ada.call('GET', '/api/v1/clusters/first')).body.id).toBe(made.body.id);
  });

  it('refuses a name that the team has, and takes the same name for another team', async () => {
    const name = freshName();
    expect((await create(ada, { name })).status).toBe(202);
    expect(await create(ada, { name })).toMatchObject({ status: 409, body: { code: 'cluster.name_taken' } });
    expect((await create(await api.person(), { name })).status).toBe(202);
  });

  it('gives a name free again only when the cluster is deleted', async () => {
    const name = freshName();
    const { body } = await create(ada, { name });
    const { body: deleting } = await ada.call('DELETE', `/api/v1/clusters/${name}`);
    expect(await create(ada, { name })).toMatchObject({ body: { code: 'cluster.name_taken' } });
    await api.decide(body.id, { type: 'deleted', operation: deleting.operationId });
    expect((await create(ada, { name })).status).toBe(202);
  });

  it('names the providers and versions that it would take', async () => {
    expect(await create(ada, { provider: 'gke' })).toMatchObject({
      status: 400,
      body: { code: 'provider.unknown', allowed: ['eks', 'made-up'] },
    });
    expect(await create(ada, { kubernetesVersion: '1.12' })).toMatchObject({
      status: 400,
      body: { code: 'cluster.version_unknown', allowed: ['1.34', '1.35'] },
    });
  });

  it('asks to come again while the versions of a provider are not known', async () => {
    const name = await table.another();
    const fresh = await createApi({ client: table.client, name });
    await table.client.send(
      new DeleteItemCommand({ TableName: name, Key: { pk: { S: 'VERSIONS#eks' }, sk: { S: 'VERSIONS' } } }),
    );
    const refused = await create(await fresh.person());
    expect(refused).toMatchObject({ status: 503, body: { code: 'retry' } });
    expect(refused.headers['retry-after']).toBe('60');
  });

  it('is answered 404 for a team that is not one’s own', async () => {
    const stranger = await api.person();
    expect(await create(stranger, { team: ada.team })).toMatchObject({ status: 404, body: { code: 'not_found' } });
  });

  it.each([
    ['an unknown field', { colour: 'red' }, 'colour'],
    ['a wrong type', { ttlSeconds: '3600' }, 'ttlSeconds'],
    ['a negative time to live', { ttlSeconds: -1 }, 'ttlSeconds'],
    ['too long a time to live', { ttlSeconds: 172_801 }, 'ttlSeconds'],
    ['an over-long name', { name: 'a'.repeat(51) }, 'name'],
    ['a name that Kubernetes would refuse', { name: 'Ada_1' }, 'name'],
    ['too many workers', { workers: { count: 21 } }, 'workers.count'],
    ['an unknown size', { workers: { size: 'huge' } }, 'workers.size'],
    ['a bad label', { labels: { 'not/a/key': 'x' } }, 'labels.not/a/key'],
  ])('names the field that holds %s', async (_, change, path) => {
    const refused = await create(ada, change);
    expect(refused).toMatchObject({ status: 400, body: { code: 'request.invalid' } });
    expect(refused.headers['content-type']).toBe('application/problem+json; charset=utf-8');
    expect(refused.body.errors.map((each: { path: string }) => each.path)).toEqual([path]);
  });
});

describe('quotas', () => {
  it('are refused with what the limit is, and a switch stops all creates', async () => {
    const small = await createApi(
      { client: table.client, name: await table.another() },
      { limits: { teamClusters: 2, deploymentClusters: 3, deploymentVcpu: 14 } as never },
    );
    const [one, two] = [await small.person(), await small.person()];
    expect((await create(one)).status).toBe(202);
    expect((await create(one)).status).toBe(202);
    expect(await create(one)).toMatchObject({ status: 409, body: { code: 'quota.team_clusters' } });
    expect(await create(two, { workers: { count: 4 } })).toMatchObject({ body: { code: 'quota.deployment_vcpu' } });
    expect((await create(two)).status).toBe(202);
    expect(await create(two)).toMatchObject({ body: { code: 'quota.deployment_clusters' } });
    await small.store.clusters.stopCreates(true);
    expect(await create(two)).toMatchObject({ status: 409, body: { code: 'deployment.creates_stopped' } });
  });

  it('are given back exactly once when a cluster is deleted', async () => {
    const person = await api.person();
    const before = await api.store.clusters.deployment();
    const { body } = await create(person, { workers: { count: 2, size: 'small' } });
    expect(await api.store.clusters.deployment()).toMatchObject({
      clusters: before.clusters + 1,
      vcpu: before.vcpu + 4,
    });
    const { body: deleting } = await person.call('DELETE', `/api/v1/clusters/${body.id}`);
    await api.decide(body.id, { type: 'deleted', operation: deleting.operationId });
    await expect(api.decide(body.id, { type: 'deleted', operation: deleting.operationId })).rejects.toMatchObject({
      code: 'operation.superseded',
    });
    expect(await api.store.clusters.deployment()).toMatchObject({ clusters: before.clusters, vcpu: before.vcpu });
  });
});

describe('listing clusters', () => {
  it('goes through pages, newest first, without gaps or repeats', async () => {
    const person = await api.person();
    for (let n = 0; n < 5; n += 1) await create(person, { name: `p${n}` });
    const seen: string[] = [];
    let cursor = '';
    for (let pages = 0; pages < 9; pages += 1) {
      const { body } = await person.call('GET', `/api/v1/clusters?limit=2${cursor && `&cursor=${cursor}`}`);
      seen.push(...body.items.map((each: { name: string }) => each.name));
      if (body.nextCursor === undefined) break;
      cursor = body.nextCursor;
    }
    expect(seen).toEqual(['p4', 'p3', 'p2', 'p1', 'p0']);
  });

  it('filters by phase and by labels, given with commas or repeated', async () => {
    const person = await api.person();
    await create(person, { name: 'dev', labels: { stage: 'dev', app: 'shop' } });
    await create(person, { name: 'prod', labels: { stage: 'prod', app: 'shop' } });
    await makeReady(person, { name: 'ready', labels: { stage: 'dev' } });
    const namesFor = async (query: string) =>
      (await person.call('GET', `/api/v1/clusters?${query}`)).body.items.map((each: { name: string }) => each.name);
    expect(await namesFor('phase=Ready')).toEqual(['ready']);
    expect(await namesFor('label=stage%3Ddev')).toEqual(['ready', 'dev']);
    expect(await namesFor('label=stage%3Ddev,app%3Dshop')).toEqual(['dev']);
    expect(await namesFor('label=stage%3Ddev&label=app%3Dshop')).toEqual(['dev']);
    expect(await namesFor('label=constructor%3Dx')).toEqual([]);
  });

  it.each([
    ['limit=0', 'query.limit'],
    ['limit=many', 'query.limit'],
    ['phase=Sleeping', 'query.phase'],
    ['phase=Deleted', 'query.phase'],
    ['phase=Ready&phase=Failed', 'query.phase'],
    ['label=stage', 'query.label'],
    ['sort=name', 'query.sort'],
  ])('refuses ?%s and names the parameter', async (query, path) => {
    const refused = await ada.call('GET', `/api/v1/clusters?${query}`);
    expect(refused).toMatchObject({ status: 400, body: { code: 'request.invalid' } });
    expect(refused.body.errors[0].path).toBe(path);
  });

  it.each(['nonsense', Buffer.from('{"pk":"x"}').toString('base64url'), '%00'])(
    'refuses the cursor %j, which is not one of ours',
    async (cursor) => {
      expect(await ada.call('GET', `/api/v1/clusters?cursor=${cursor}`)).toMatchObject({
        status: 400,
        body: { code: 'request.cursor_invalid' },
      });
    },
  );
});

describe('changing a cluster', () => {
  it('is deleted once: a repeat answers the same operation, and afterwards it is not found by name', async () => {
    const { body } = await create(ada);
    const first = await ada.call('DELETE', `/api/v1/clusters/${body.name}`);
    const second = await ada.call('DELETE', `/api/v1/clusters/${body.id}`);
    expect(first).toMatchObject({ status: 202, body: { phase: 'Deleting' } });
    expect(second.headers.location).toBe(first.headers.location);
    expect(first.headers.location).not.toBe(`/api/v1/operations/${body.operationId}`);
    expect((await ada.call('GET', `/api/v1/operations/${body.operationId}`)).body).toMatchObject({
      state: 'Superseded',
      supersededBy: first.body.operationId,
    });
    await api.decide(body.id, { type: 'deleted', operation: first.body.operationId });
    expect((await ada.call('GET', `/api/v1/clusters/${body.name}`)).status).toBe(404);
    expect((await ada.call('GET', `/api/v1/clusters/${body.id}`)).body.phase).toBe('Deleted');
    expect((await ada.call('DELETE', `/api/v1/clusters/${body.id}`)).status).toBe(404);
  });

  it('is retried only when it has failed, by a new operation that names the old one', async () => {
    const { body } = await create(ada);
    expect(await ada.call('POST', `/api/v1/clusters/${body.id}/retry`)).toMatchObject({
      status: 409,
      body: { code: 'cluster.not_failed' },
    });
    await api.decide(body.id, {
      type: 'fail',
      operation: body.operationId,
      error: { code: 'provider.failed', message: 'no capacity', help: 'retry', step: 'EnsureCluster' },
    });
    expect((await ada.call('GET', `/api/v1/clusters/${body.id}`)).body).toMatchObject({
      phase: 'Failed',
      step: 'EnsureCluster',
      error: { code: 'provider.failed' },
    });
    const retried = await ada.call('POST', `/api/v1/clusters/${body.id}/retry`, { body: {} });
    expect(retried).toMatchObject({ status: 202, body: { phase: 'Pending' } });
    expect((await ada.call('GET', retried.headers.location as string)).body).toMatchObject({
      retryOf: body.operationId,
    });
  });

  it('is extended from now, clipped at 48 h from its first Ready, and answers the clipped time', async () => {
    const cluster = await makeReady(ada);
    const extended = await ada.call('POST', `/api/v1/clusters/${cluster.id}/extend`, { body: { ttlSeconds: 172_800 } });
    expect(extended).toMatchObject({ status: 200, headers: { etag: '"2"' } });
    expect(extended.body.expiresAt).toBe(new Date(Date.parse(cluster.readyAt as string) + 172_800_000).toISOString());
  });

  it('is not extended before it is ready, nor after it has expired, nor while it is deleted', async () => {
    const pending = (await create(ada)).body;
    const extend = (id: string) => ada.call('POST', `/api/v1/clusters/${id}/extend`, { body: {} });
    expect(await extend(pending.id)).toMatchObject({ status: 409, body: { code: 'cluster.not_ready' } });
    await ada.call('DELETE', `/api/v1/clusters/${pending.id}`);
    expect(await extend(pending.id)).toMatchObject({ status: 409, body: { code: 'cluster.deleting' } });

    const later = await createApi({ client: table.client, name: await table.another() });
    const person = await later.person();
    const { body } = await create(person, { ttlSeconds: 600 });
    await later.decide(body.id, { type: 'created', operation: body.operationId });
    later.pass(600);
    expect(await person.call('POST', `/api/v1/clusters/${body.id}/extend`, { body: {} })).toMatchObject({
      status: 409,
      body: { code: 'cluster.expired' },
    });
    const read = await person.call('GET', `/api/v1/clusters/${body.id}`);
    expect(read.body.conditions).toContainEqual(expect.objectContaining({ type: 'Expired', status: 'True' }));
  });

  it('takes If-Match of the present revision, `*` and several, and refuses any other with 412', async () => {
    const { id } = await makeReady(ada);
    const extend = (match: string) =>
      ada.call('POST', `/api/v1/clusters/${id}/extend`, { body: {}, headers: { 'if-match': match } });
    expect((await extend('"1"')).status).toBe(200);
    expect(await extend('"1"')).toMatchObject({ status: 412, body: { code: 'precondition.failed' } });
    expect((await extend('"9", "2"')).status).toBe(200);
    expect((await extend('*')).status).toBe(200);
    expect((await extend('W/"4"')).status).toBe(412);
    const refused = await ada.call('DELETE', `/api/v1/clusters/${id}`, { headers: { 'if-match': '"1"' } });
    expect(refused.status).toBe(412);
  });

  it('is read as the API shows it: with the lease that its agent keeps', async () => {
    const cluster = await makeReady(ada);
    const { body } = await ada.call('GET', `/api/v1/clusters/${cluster.id}`);
    expect(body).toEqual(JSON.parse(JSON.stringify(toCluster(cluster, null, api.now()))));
    expect(body).not.toHaveProperty('certificateAuthority');
  });
});
