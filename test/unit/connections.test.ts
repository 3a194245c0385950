import { createServer, type Server } from 'node:http';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { type Connections, liveConnections } from '#functions/lib/connections.ts';

let server: Server;
let connections: Connections;
let status = 200;
const seen: { method: string; path: string; body: string }[] = [];

beforeAll(async () => {
  process.env.AWS_ACCESS_KEY_ID = 'test';
  process.env.AWS_SECRET_ACCESS_KEY = 'test';
  process.env.AWS_REGION = 'us-east-1';
  server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    seen.push({ method: request.method ?? '', path: request.url ?? '', body });
    response.writeHead(status, {
      'content-type': 'application/json',
      ...(status === 410 ? { 'x-amzn-errortype': 'GoneException' } : {}),
    });
    response.end(status === 200 ? '' : '{"message":"x"}');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  connections = liveConnections(`http://127.0.0.1:${(server.address() as { port: number }).port}/ws`);
});
afterAll(() => server.close());
beforeEach(() => {
  status = 200;
  seen.length = 0;
});

it('posts a message as JSON to the connection', async () => {
  expect(await connections.post('a=b', { type: 'pace' })).toBe(true);
  expect(seen).toEqual([{ method: 'POST', path: '/ws/@connections/a%3Db', body: '{"type":"pace"}' }]);
});

it('says false of a connection that is gone, and ends one that is gone without complaint', async () => {
  status = 410;
  expect(await connections.post('a', {})).toBe(false);
  await connections.disconnect('a');
  expect(seen.map((each) => each.method)).toEqual(['POST', 'DELETE']);
});

it('throws for every other refusal', async () => {
  status = 403;
  await expect(connections.post('a', {})).rejects.toThrow();
});

it('refuses a message over 32 KB before it is sent', async () => {
  await expect(connections.post('a', { text: 'x'.repeat(33_000) })).rejects.toThrow('over 32768');
  expect(seen).toEqual([]);
});
