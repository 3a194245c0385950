import { execFile } from 'node:child_process';
import { sign } from 'node:crypto';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Cluster } from '#core/contract/cluster.ts';
import { keys } from '#core/store/keys.ts';
import { openUsers } from '#local/identity/users.ts';
import { AwsError } from '#local/types.ts';
import type { Session } from '#scripts/journey/client.ts';
import { type Product, startProduct, untilPhase } from './support/product.ts';
import { forget } from './support/server.ts';

const QUOTA = 3;
let conflicts = 0;
let product: Product;
let session: Session;
let stranger: Session;
/** The clusters that were made by the first test; the first one becomes Ready. */
let clusters: Cluster[];

beforeAll(async () => {
  product = await startProduct({
    parameters: { TeamClusterLimit: String(QUOTA) },
    more: {
      hooks: {
        call: {
          // Every third transaction of the function meets another one.
          before: ({ operation, caller }) => {
            if (operation !== 'TransactWriteItems' || !/HttpClusters/.test(caller.sessionName)) return;
            conflicts += 1;
            if (conflicts % 3 !== 0) return;
            throw new AwsError('TransactionCanceledException', 'Transaction cancelled', 400, {
              CancellationReasons: [{ Code: 'TransactionConflict', Message: 'Transaction is ongoing for the item' }],
            });
          },
        },
      },
    },
  });
  [session, stranger] = await Promise.all([product.person(), product.person()]);
});
afterAll(() => product?.stop());

/** The plain answer, however it is. */
const ask = async (
  method: string,
  path: string,
  body?: string,
  headers: Record<string, string> = {},
  token: string | undefined = session.token,
) => {
  const response = await fetch(`${product.runtime.url}${path}`, {
    method,
    headers: {
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body === undefined ? {} : { body }),
  });
  const text = await response.text();
  return {
    status: response.status,
    headers: response.headers,
    text,
    json: /json/.test(response.headers.get('content-type') ?? '') && text !== '' ? JSON.parse(text) : null,
  };
};
const create = (body: unknown, headers: Record<string, string> = {}) =>
  ask('POST', '/api/v1/clusters', typeof body === 'string' ? body : JSON.stringify(body), headers);

it('of 200 creates at once with a quota of 3, three are taken, whatever conflicts there are, and EKS gets three', {
  timeout: 120_000,
}, async () => {
  const answers = await Promise.all(Array.from({ length: 200 }, (_, n) => create({ name: `rush-${n}` })));
  const of = (status: number) => answers.filter((answer) => answer.status === status);
  expect(of(202)).toHaveLength(QUOTA);
  for (const { json } of of(409)) expect(json.code).toBe('quota.team_clusters');
  for (const { json, headers } of of(503)) expect([json.code, headers.get('retry-after')]).toEqual(['retry', '1']);
  expect(of(202).length + of(409).length + of(503).length).toBe(200);
  expect(of(503).length).toBeLessThan(20);
  expect(conflicts).toBeGreaterThan(200);

  clusters = of(202).map(({ json }) => json as Cluster);
  const { items } = await session.call<{ items: Cluster[] }>('GET', '/api/v1/clusters');
  expect(items.map(({ id }) => id).sort()).toEqual(clusters.map(({ id }) => id).sort());
  // Room for the tests below, before the machine has made them all; the one that stays becomes Ready.
  for (const { id } of clusters.slice(1)) await session.call('DELETE', `/api/v1/clusters/${id}`);
  const ready = await untilPhase(session, clusters[0]?.id ?? '', ['Ready', 'Failed']);
  expect([ready.phase, ready.error]).toEqual(['Ready', undefined]);
  for (const { id } of clusters.slice(1)) await untilPhase(session, id, ['Deleted']);
  expect(await product.eksClusters()).toHaveLength(1);
});

it('a repeated create answers the same cluster, the same key with another body is refused', async () => {
  const headers = { 'idempotency-key': 'once' };
  const first = await create({ name: 'repeated' }, headers);
  const again = await create({ name: 'repeated' }, headers);
  expect([first.status, again.status, again.headers.get('idempotent-replay')]).toEqual([202, 202, 'true']);
  expect(again.json).toEqual(first.json);
  const other = await create({ name: 'different' }, headers);
  expect([other.status, other.json.code]).toEqual([409, 'idempotency.mismatch']);
  const taken = await create({ name: 'repeated' });
  expect([taken.status, taken.json.code]).toEqual([409, 'cluster.name_taken']);
  // Somebody else's key is another key.
  const theirs = await ask('POST', '/api/v1/clusters', '{"name":"repeated"}', headers, stranger.token);
  expect(theirs.status).toBe(202);
  for (const [one, who] of [
    [first, session],
    [theirs, stranger],
  ] as const)
    await who.call('DELETE', `/api/v1/clusters/${one.json.id}`);
});

it.each([
  ['an unknown field', { name: 'a', colour: 'red' }, 400, 'request.invalid', 'colour'],
  ['a wrong type', { name: 7 }, 400, 'request.invalid', 'name'],
  ['a name that is too long', { name: 'a'.repeat(51) }, 400, 'request.invalid', 'name'],
  ['a name that is no name', { name: 'Ada_' }, 400, 'request.invalid', 'name'],
  ['a negative time to live', { name: 'a', ttlSeconds: -1 }, 400, 'request.invalid', 'ttlSeconds'],
  ['a time to live over 48 h', { name: 'a', ttlSeconds: 172_801 }, 400, 'request.invalid', 'ttlSeconds'],
  ['too many workers', { name: 'a', workers: { count: 21 } }, 400, 'request.invalid', 'workers.count'],
  ['a version that is not offered', { name: 'a', kubernetesVersion: '1.2' }, 400, 'cluster.version_unknown', ''],
  ['a provider that is not offered', { name: 'a', provider: 'moon' }, 400, 'provider.unknown', ''],
  ['malformed JSON', '{"name":', 400, 'request.malformed_json', ''],
  ['a list for a body', '[]', 400, 'request.invalid', ''],
  [
    'a body over the limit',
    JSON.stringify({ name: 'a', labels: { a: 'x'.repeat(70_000) } }),
    413,
    'request.too_large',
    '',
  ],
])('%s is refused with what is wrong and what to do', async (_, body, status, code, path) => {
  const answer = await create(body);
  expect([answer.status, answer.json.code]).toEqual([status, code]);
  expect(answer.headers.get('content-type')).toMatch(/^application\/problem\+json/);
  expect(answer.json.help).toMatch(/\w+ .*\./);
  if (path !== '') expect(answer.json.errors.map((each: { path: string }) => each.path)).toContain(path);
});

it('a body of another type is 415, a path that is not there 404, another method 405', async () => {
  expect((await create('name=a', { 'content-type': 'text/plain' })).status).toBe(415);
  expect((await ask('GET', '/api/v1/castles')).status).toBe(404);
  expect((await ask('PUT', '/api/v1/clusters', '{}')).status).toBe(405);
});

it('what belongs to another team is not there, whatever is asked of it', async () => {
  const cluster = clusters[0] as Cluster;
  const paths = [
    ['GET', `/clusters/${cluster.id}`],
    ['GET', `/clusters/${cluster.name}?team=${cluster.team}`],
    ['GET', `/clusters?team=${cluster.team}`],
    ['DELETE', `/clusters/${cluster.id}`],
    ['POST', `/clusters/${cluster.id}/retry`],
    ['POST', `/clusters/${cluster.id}/extend`],
    ['GET', `/clusters/${cluster.id}/kubeconfig`],
    ['POST', `/clusters/${cluster.id}/credentials`],
    ['GET', `/clusters/${cluster.id}/tokens`],
    ['POST', `/clusters/${cluster.id}/tokens`],
    ['GET', `/operations/${cluster.operationId}`],
  ] as const;
  for (const [method, path] of paths) {
    const answer = await ask(method, `/api/v1${path}`, method === 'POST' ? '{}' : undefined, {}, stranger.token);
    expect([path, answer.status, answer.json.code]).toEqual([path, 404, 'not_found']);
  }
  const into = await ask(
    'POST',
    '/api/v1/clusters',
    JSON.stringify({ name: 'mine', team: cluster.team }),
    {},
    stranger.token,
  );
  expect([into.status, into.json.code]).toEqual([404, 'not_found']);
  expect((await session.call<Cluster>('GET', `/api/v1/clusters/${cluster.id}`)).phase).toBe('Ready');
});

it('no token, an expired one, a changed one and one of an ended session are 401', async () => {
  const withToken = (authorization: string) => ask('GET', '/api/v1/me', undefined, { authorization });
  const none = await fetch(`${product.runtime.url}/api/v1/me`);
  expect([none.status, none.headers.get('www-authenticate')]).toEqual([401, 'Bearer']);

  const [head, payload, signature] = (session.token ?? '').split('.') as [string, string, string];
  const claims = JSON.parse(Buffer.from(payload, 'base64url').toString());
  const changed = (change: object) => Buffer.from(JSON.stringify({ ...claims, ...change })).toString('base64url');
  // The pool's own key, where the local AWS keeps it.
  const users = openUsers(join(product.state, 'identity'));
  const key = users.signingKey(String(claims.iss).split('/').at(-1) ?? '', () => '');
  users.close();
  const signed = (change: object) => {
    const text = `${head}.${changed(change)}`;
    return `${text}.${sign('sha256', Buffer.from(text), key).toString('base64url')}`;
  };
  expect((await withToken(`Bearer ${signed({})}`)).status).toBe(200);
  const leaver = await product.person();
  const kept = leaver.token as string;
  await leaver.call('POST', '/api/v1/auth/logout', {});
  for (const authorization of [
    'Bearer x',
    'Basic YTpi',
    `Bearer ${head}.${changed({ username: 'acc_other' })}.${signature}`,
    `Bearer ${signed({ exp: claims.iat - 1 })}`,
    `Bearer ${signed({ client_id: 'another' })}`,
    `Bearer ${signed({ token_use: 'id' })}`,
    `Bearer ${signed({ iss: `${claims.iss}x` })}`,
    `Bearer ${kept}`,
  ]) {
    const answer = await withToken(authorization);
    expect([authorization, answer.status, answer.json.code]).toEqual([authorization, 401, 'auth.invalid_token']);
  }
});

it('a list is filtered by phase and label and paged by a cursor that is no one else’s', async () => {
  const own = await product.person();
  const made: Cluster[] = [];
  for (const n of [1, 2, 3])
    made.push(
      await own.call<Cluster>('POST', '/api/v1/clusters', { name: `page-${n}`, labels: { n: String(n), all: 'yes' } }),
    );
  const names = async (query: string) =>
    (await own.call<{ items: Cluster[] }>('GET', `/api/v1/clusters?${query}`)).items.map(({ name }) => name);
  expect(await names('')).toEqual(['page-3', 'page-2', 'page-1']);
  expect(await names('label=n=2,all=yes')).toEqual(['page-2']);
  expect(await names('label=n=2&label=n=3')).toEqual([]);
  expect(await names('phase=Ready')).toEqual([]);
  const seen: string[] = [];
  let cursor: string | undefined;
  do {
    const page: { items: Cluster[]; nextCursor?: string } = await own.call(
      'GET',
      `/api/v1/clusters?limit=2${cursor === undefined ? '' : `&cursor=${encodeURIComponent(cursor)}`}`,
    );
    seen.push(...page.items.map(({ name }) => name));
    cursor = page.nextCursor;
    if (cursor !== undefined) {
      const foreign = await ask(
        'GET',
        `/api/v1/clusters?cursor=${encodeURIComponent(cursor)}`,
        undefined,
        {},
        stranger.token,
      );
      expect(foreign.json.items?.map(({ name }: Cluster) => name) ?? []).not.toContain('page-1');
    }
  } while (cursor !== undefined);
  expect(seen).toEqual(['page-3', 'page-2', 'page-1']);
  expect((await ask('GET', '/api/v1/clusters?cursor=nonsense')).json.code).toBe('request.cursor_invalid');
  expect((await ask('GET', '/api/v1/clusters?label=nonsense')).json.code).toBe('request.invalid');
  for (const { id } of made) await own.call('DELETE', `/api/v1/clusters/${id}`);
  for (const { id } of made) await untilPhase(own, id, ['Deleted']);
});

it('the kubeconfig with ?auth=exec holds no secret and works with kubectl and curl once ROADSTEAD_TOKEN is there', async () => {
  const cluster = clusters[0] as Cluster;
  const answer = await ask('GET', `/api/v1/clusters/${cluster.id}/kubeconfig?auth=exec`);
  expect([answer.status, answer.headers.get('content-type'), answer.headers.get('cache-control')]).toEqual([
    200,
    'text/plain; charset=utf-8',
    'no-store',
  ]);
  expect(answer.text).not.toMatch(/token:/);
  expect(answer.text).not.toContain(session.token);
  const folder = mkdtempSync(join(tmpdir(), 'roadstead-exec-'));
  const file = join(folder, 'kubeconfig');
  writeFileSync(file, answer.text, { mode: 0o600 });
  const kubectl = (token: string | undefined, ...args: string[]) =>
    promisify(execFile)('kubectl', ['--kubeconfig', file, ...args], {
      timeout: 30_000,
      env: { PATH: process.env.PATH, HOME: folder, ...(token === undefined ? {} : { ROADSTEAD_TOKEN: token }) },
    });
  try {
    const { stdout } = await kubectl(session.token, 'auth', 'whoami', '-o', 'jsonpath={.status.userInfo.username}');
    const { account } = await session.call<{ account: { id: string } }>('GET', '/api/v1/me');
    expect(stdout).toBe(`roadstead:${account.id}`);
    expect((await kubectl(session.token, 'get', 'nodes', '-o', 'name')).stdout).toMatch(/^node\//);
    await expect(kubectl(stranger.token, 'get', 'nodes')).rejects.toThrow(/404|exit code/);
  } finally {
    forget(folder);
  }
});

it('a cluster whose time is over is 410 for its kubeconfig and 409 for an extend, before the sweeper has seen it', async () => {
  const cluster = clusters[0] as Cluster;
  const { pk, sk } = keys.cluster(cluster.id);
  // The index still says later, so that the sweeper does not come in between.
  await product.aws.dynamodb.send(
    new UpdateItemCommand({
      TableName: product.runtime.outputs.TableName,
      Key: { pk: { S: pk }, sk: { S: sk } },
      UpdateExpression: 'SET expiresAt = :past',
      ExpressionAttributeValues: { ':past': { S: '2020-01-01T00:00:00.000Z' } },
    }),
  );
  for (const [method, path, status] of [
    ['GET', 'kubeconfig', 410],
    ['POST', 'credentials', 410],
    ['POST', 'extend', 409],
  ] as const) {
    const answer = await ask(method, `/api/v1/clusters/${cluster.id}/${path}`, method === 'POST' ? '{}' : undefined);
    expect([path, answer.status, answer.json.code]).toEqual([path, status, 'cluster.expired']);
  }
});
