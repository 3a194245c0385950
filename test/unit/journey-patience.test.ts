import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import { createSession } from '#scripts/journey/client.ts';

it('asks again while the API is busy or has not got yet what is asked for, and takes a 202 to a wish as it is', async () => {
  const answers = [503, 202, 200];
  const server = createServer((request, response) => {
    const status = request.method === 'POST' ? 202 : answers.shift();
    response.writeHead(status ?? 500, { 'retry-after': '0', 'content-type': 'text/plain' }).end(`${status}`);
  }).listen(0);
  onTestFinished(() => void server.close());
  const session = createSession(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  expect(await session.call('GET', '/kubeconfig')).toBe('200');
  expect(answers).toEqual([]);
  expect(await session.call('POST', '/clusters', {})).toBe('202');
});
