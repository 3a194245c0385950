import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, expectTypeOf, it } from 'vitest';
import { type ApiError, createClient } from '#core/contract/client.ts';
import type { Cluster } from '#core/contract/cluster.ts';
import { AppError } from '#core/contract/errors.ts';
import { toProblem } from '#core/contract/problem.ts';
import { routes } from '#core/contract/routes.ts';

interface Seen {
  readonly method: string | undefined;
  readonly url: string | undefined;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

let server: Server;
let baseUrl: string;
let seen: Seen[] = [];
let answer: { status: number; type?: string; body?: string } = { status: 200 };

beforeAll(async () => {
  server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      seen.push({
        method: request.method,
        url: request.url,
        headers: request.headers,
        body: Buffer.concat(chunks).toString(),
      });
      response.writeHead(answer.status, { 'content-type': answer.type ?? 'application/json', etag: '"1"' });
      response.end(answer.body ?? '');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => server.close());
beforeEach(() => {
  seen = [];
  answer = { status: 200, body: '{}' };
});

const client = () => createClient({ baseUrl, token: () => 'the-token' });

describe('the client', () => {
  it('writes path, query, body and token as the contract has them', async () => {
    answer = { status: 200, body: '{"items":[]}' };
    await client().call(routes.clusters.list, {
      query: { limit: 5, label: ['a=b', 'c=d'], phase: 'Ready', team: undefined },
    });
    answer = { status: 202, body: '{"id":"x"}' };
    const made = await client().call(routes.clusters.create, {
      body: { name: 'demo' },
      headers: { 'idempotency-key': 'k' },
    });
    await client().call(routes.clusters.delete, { params: { clusterRef: 'a b/c' } });
    expect(seen.map(({ method, url, body }) => [method, url, body])).toEqual([
      ['GET', '/api/v1/clusters?limit=5&label=a%3Db&label=c%3Dd&phase=Ready', ''],
      ['POST', '/api/v1/clusters', '{"name":"demo"}'],
      ['DELETE', '/api/v1/clusters/a%20b%2Fc', ''],
    ]);
    expect(seen[1]?.headers).toMatchObject({
      authorization: 'Bearer the-token',
      'idempotency-key': 'k',
      'content-type': 'application/json',
    });
    expect(made.headers.get('etag')).toBe('"1"');
    if (made.status !== 202) throw new Error('a cluster that was connected');
    expectTypeOf(made.body).toEqualTypeOf<Cluster>();
  });

  it('sends no token where nobody is asked for', async () => {
    answer = { status: 200, body: '{"status":"ok","version":"1"}' };
    expect((await client().call(routes.system.health)).body).toEqual({ status: 'ok', version: '1' });
    expect(seen[0]?.headers).not.toHaveProperty('authorization');
  });

  it('reads text and empty answers as what they are', async () => {
    answer = { status: 200, type: 'text/plain', body: 'apiVersion: v1\n' };
    expect((await client().call(routes.clusters.kubeconfig, { params: { clusterRef: 'demo' } })).body).toBe(
      'apiVersion: v1\n',
    );
    answer = { status: 204 };
    expect((await client().call(routes.auth.logout, { body: {} })).body).toBeUndefined();
  });

  it('throws a refusal with what to do and which fields', async () => {
    const problem = toProblem(
      new AppError('request.invalid', { detail: 'one field', errors: [{ path: 'name', message: 'too long' }] }),
      'req_1',
    );
    answer = { status: 400, type: 'application/problem+json', body: JSON.stringify(problem) };
    const error = await client()
      .call(routes.clusters.create, { body: { name: 'x' } })
      .catch((caught: ApiError) => caught);
    expect(error).toMatchObject({ name: 'ApiError', status: 400, problem: { code: 'request.invalid' } });
    expect(String(error)).toMatch(
      /POST \/api\/v1\/clusters answered 400, request\.invalid: one field\. .*\n {2}name: too long/,
    );
  });

  it('says so when something else than the API answers', async () => {
    answer = { status: 502, type: 'text/html', body: '<h1>Bad gateway</h1>' };
    await expect(client().call(routes.me.me)).rejects.toMatchObject({ name: 'ApiError', status: 502, problem: null });
    answer = { status: 203, body: '{}' };
    await expect(client().call(routes.me.me)).rejects.toThrow('me.get answered 203, which the contract does not name');
  });
});
