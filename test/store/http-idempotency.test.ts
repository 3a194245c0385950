import { DynamoDBClient, TransactionCanceledException } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Api, createApi, type Person } from './http-api.ts';
import { startTable, type TestTable } from './table.ts';

let table: TestTable;
let api: Api;
let ada: Person;

const limits = { teamClusters: 300, deploymentClusters: 500, deploymentVcpu: 5000 } as never;
beforeAll(async () => {
  table = await startTable();
  api = await createApi(table, { limits });
  ada = await api.person();
});
afterAll(() => table.stop());

let keys = 0;
const freshKey = () => `key-${++keys}`;
const post = (by: Person, path: string, body: object | undefined, key: string) =>
  by.call('POST', path, { ...(body === undefined ? {} : { body }), headers: { 'idempotency-key': key } });

/** A client whose transactions meet another one when `meets` says so; DynamoDB Local hardly ever does by itself (aws.md finding 11). */
const conflicting = (meets: () => boolean) => {
  const client = new DynamoDBClient({
    endpoint: table.endpoint,
    region: 'us-east-1',
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
  });
  let conflicts = 0;
  client.middlewareStack.add(
    (next, context) => async (args) => {
      if (context.commandName?.startsWith('TransactWrite') && meets()) {
        conflicts += 1;
        throw new TransactionCanceledException({
          message: 'cancelled',
          $metadata: {},
          CancellationReasons: [{ Code: 'None' }, { Code: 'TransactionConflict' }],
        });
      }
      return next(args);
    },
    { step: 'initialize' },
  );
  return { client, conflicts: () => conflicts };
};

describe('a repeated idempotency key', () => {
  it('is answered with the first answer, also after the cluster has changed, and makes no second cluster', async () => {
    const key = freshKey();
    const first = await post(ada, '/api/v1/clusters', { name: 'once' }, key);
    await api.decide(first.body.id, { type: 'step', operation: first.body.operationId, step: 'EnsureCluster' });
    const again = await post(ada, '/api/v1/clusters', { name: 'once' }, key);
    expect(first.headers).not.toHaveProperty('idempotent-replay');
    expect(again).toMatchObject({ status: 202, body: first.body });
    expect(again.headers).toMatchObject({
      'idempotent-replay': 'true',
      etag: first.headers.etag,
      location: first.headers.location,
    });
    expect((await ada.call('GET', '/api/v1/clusters')).body.items).toHaveLength(1);
  });

  it('is recognised whatever the order of the fields and whichever defaults are written out', async () => {
    const key = freshKey();
    const first = await post(ada, '/api/v1/clusters', { name: 'order', ttlSeconds: 3600 }, key);
    const again = await post(ada, '/api/v1/clusters', { provider: 'eks', name: 'order' }, key);
    expect(again).toMatchObject({ status: 202, body: { id: first.body.id } });
  });

  it('is refused with another body, and on another cluster', async () => {
    const key = freshKey();
    const { body } = await post(ada, '/api/v1/clusters', { name: 'mismatch' }, key);
    expect(await post(ada, '/api/v1/clusters', { name: 'other' }, key)).toMatchObject({
      status: 409,
      body: { code: 'idempotency.mismatch' },
    });
    const { body: second } = await post(ada, '/api/v1/clusters', { name: 'mismatch-2' }, freshKey());
    for (const cluster of [body, second])
      await api.decide(cluster.id, { type: 'created', operation: cluster.operationId });
    const extendKey = freshKey();
    expect((await post(ada, `/api/v1/clusters/${body.id}/extend`, {}, extendKey)).status).toBe(200);
    expect(await post(ada, `/api/v1/clusters/${second.id}/extend`, {}, extendKey)).toMatchObject({
      body: { code: 'idempotency.mismatch' },
    });
  });

  it('belongs to its person and its route', async () => {
    const key = freshKey();
    const grace = await api.person();
    const mine = await post(ada, '/api/v1/clusters', { name: 'mine' }, key);
    const hers = await post(grace, '/api/v1/clusters', { name: 'mine' }, key);
    expect(hers).toMatchObject({ status: 202, body: { team: grace.team } });
    expect(hers.body.id).not.toBe(mine.body.id);
    expect((await post(ada, '/api/v1/socket-tickets', undefined, key)).status).toBe(201);
  });

  it('is forgotten after a day', async () => {
    const later = await createApi({ client: table.client, name: await table.another() });
    const person = await later.person();
    const key = freshKey();
    await post(person, '/api/v1/clusters', { name: 'a' }, key);
    later.pass(86_401);
    expect((await post(person, '/api/v1/clusters', { name: 'b' }, key)).status).toBe(202);
  });

  it('makes one cluster when ten requests with it come at once', async () => {
    const key = freshKey();
    const answers = await Promise.all(
      Array.from({ length: 10 }, () => post(ada, '/api/v1/clusters', { name: 'ten' }, key)),
    );
    expect(new Set(answers.map((each) => each.status))).toEqual(new Set([202]));
    expect(new Set(answers.map((each) => each.body.id)).size).toBe(1);
  });

  it('is answered as before where the repeat could not be decided any more', async () => {
    const { body } = await post(ada, '/api/v1/clusters', { name: 'retried' }, freshKey());
    await api.decide(body.id, {
      type: 'fail',
      operation: body.operationId,
      error: { code: 'x', message: 'x', help: 'x' },
    });
    const key = freshKey();
    const answers = await Promise.all(
      Array.from({ length: 5 }, () => post(ada, `/api/v1/clusters/${body.id}/retry`, undefined, key)),
    );
    expect(answers.map((each) => each.status)).toEqual([202, 202, 202, 202, 202]);
    expect(new Set(answers.map((each) => each.body.operationId)).size).toBe(1);
  });

  it('marks nothing when the request was refused', async () => {
    const key = freshKey();
    await post(ada, '/api/v1/clusters', { name: 'taken' }, freshKey());
    expect(await post(ada, '/api/v1/clusters', { name: 'taken' }, key)).toMatchObject({
      body: { code: 'cluster.name_taken' },
    });
    expect((await post(ada, '/api/v1/clusters', { name: 'free' }, key)).status).toBe(202);
  });

  it.each(['', 'a b', 'ä', 'x'.repeat(129)])('is refused as %j', async (key) => {
    const refused = await post(ada, '/api/v1/clusters', { name: 'bad-key' }, key);
    expect(refused).toMatchObject({ status: 400, body: { errors: [{ path: 'header.Idempotency-Key' }] } });
  });
});

describe('an answer that shows a secret', () => {
  it('is given again for ten minutes, is not in the table in the clear, and is then refused', async () => {
    const later = await createApi({ client: table.client, name: await table.another() });
    const person = await later.person();
    const key = freshKey();
    const first = await post(person, '/api/v1/socket-tickets', undefined, key);
    expect(first).toMatchObject({ status: 201, body: { ticket: expect.stringMatching(/^rst_/) } });
    later.pass(599);
    const again = await post(person, '/api/v1/socket-tickets', undefined, key);
    expect(again.body).toEqual(first.body);
    expect(again.headers['idempotent-replay']).toBe('true');
    const marker = await later.store.idempotency.find(person.id, 'me.socketTicket', key, later.now());
    expect(JSON.stringify(marker)).not.toContain(first.body.ticket);
    later.pass(1);
    expect(await post(person, '/api/v1/socket-tickets', undefined, key)).toMatchObject({
      status: 409,
      body: { code: 'secret.already_shown' },
    });
  });

  it('is only one ticket: the repeat opens no second socket', async () => {
    const key = freshKey();
    const { body } = await post(ada, '/api/v1/socket-tickets', undefined, key);
    await post(ada, '/api/v1/socket-tickets', undefined, key);
    expect(await api.store.people.takeTicket(body.ticket, api.now())).toMatchObject({ account: ada.id });
    expect(await api.store.people.takeTicket(body.ticket, api.now())).toBeNull();
  });
});

describe('60 creates at once against a quota of 3', () => {
  it('make exactly 3 clusters, though every second transaction meets another one', async () => {
    let transactions = 0;
    const { client, conflicts } = conflicting(() => ++transactions % 2 === 1);
    const busy = await createApi(
      { client, name: await table.another() },
      { limits: { teamClusters: 3, deploymentClusters: 500, deploymentVcpu: 5000 } as never },
    );
    const person = await busy.person();
    const answers = await Promise.all(
      Array.from({ length: 60 }, (_, n) => person.call('POST', '/api/v1/clusters', { body: { name: `c${n}` } })),
    );
    const refusals = answers.filter((each) => each.status !== 202).map((each) => each.body.code);
    expect(conflicts()).toBeGreaterThan(30);
    expect(refusals).toHaveLength(57);
    // `retry` is honest: nothing was changed by it.
    expect([...new Set(refusals)].filter((code) => code !== 'quota.team_clusters' && code !== 'retry')).toEqual([]);
    expect(await busy.store.clusters.deployment()).toMatchObject({ clusters: 3, vcpu: 12 });
    expect((await person.call('GET', '/api/v1/clusters')).body.items).toHaveLength(3);
  });

  it('answer 503 with Retry-After when the table stays busy', async () => {
    let stuck = false;
    const { client } = conflicting(() => stuck);
    const busy = await createApi({ client, name: await table.another() });
    const person = await busy.person();
    stuck = true;
    const refused = await person.call('POST', '/api/v1/clusters', { body: { name: 'stuck' } });
    expect(refused).toMatchObject({ status: 503, body: { code: 'retry' } });
    expect(refused.headers['retry-after']).toBe('1');
    stuck = false;
    expect((await person.call('POST', '/api/v1/clusters', { body: { name: 'stuck' } })).status).toBe(202);
  });
});
