import { spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import type { Cluster } from '#core/contract/cluster.ts';
import { freePort } from '#local/free-port.ts';
import { createSession, watch } from '#scripts/journey/client.ts';
import { enter } from '#scripts/journey/journey.ts';
import { ROOT } from '#scripts/local/up.ts';
import { PASSWORD, untilPhase } from './support/product.ts';
import { clear, killServer, processesOf, type Server, startServer, stopServer } from './support/server.ts';

const folder = mkdtempSync(join(tmpdir(), 'roadstead-start-'));
const state = join(folder, 'state');
let server: Server | undefined;
afterAll(async () => {
  if (server !== undefined) await killServer(server);
  await clear(folder);
});

/** `npm start` that is to be refused. */
const refused = async (args: readonly string[], path: string = process.env.PATH ?? '') => {
  const child = spawn(process.execPath, [join(ROOT, 'scripts/start.ts'), ...args], {
    cwd: ROOT,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { HOME: folder, PATH: path },
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += chunk));
  const late = setTimeout(() => child.kill('SIGKILL'), 60_000);
  const code = await new Promise((resolve) => child.once('exit', resolve));
  clearTimeout(late);
  return { code, output };
};

/** A folder with a `java` that says it is of this version; empty: a folder without one. */
const javaOf = (version: string): string => {
  const bin = mkdtempSync(join(folder, 'bin-'));
  if (version !== '') {
    writeFileSync(join(bin, 'java'), `#!/bin/sh\necho 'openjdk version "${version}" 2020-01-01' >&2\n`);
    chmodSync(join(bin, 'java'), 0o755);
  }
  return bin;
};

it('Java that is missing or too old, and a port that is taken, are refused in plain words, and nothing is left running', async () => {
  const taken = createServer();
  await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
  const { port } = taken.address() as { port: number };
  const other = join(folder, 'other');
  const free = String(await freePort());
  const without = await refused(['--port', free, '--state', other], javaOf(''));
  expect([without.code, without.output]).toEqual([1, expect.stringMatching(/no Java found.*needs Java 17 or newer/)]);
  const old = await refused(['--port', free, '--state', other], `${javaOf('1.8.0_402')}:/usr/bin:/bin`);
  expect([old.code, old.output]).toEqual([1, expect.stringMatching(/Java 8 is too old.*needs Java 17 or newer/)]);
  const busy = await refused(['--port', String(port), '--state', other]);
  expect([busy.code, busy.output]).toEqual([1, expect.stringMatching(new RegExp(`port ${port} .*is in use.*--port`))]);
  // Words for a person, no stack.
  for (const { output } of [without, old, busy]) expect(output).not.toContain('    at ');
  expect(await processesOf(other)).toEqual([]);
  await new Promise((resolve) => taken.close(resolve));
});

it('a kill -9 in the middle of a create is resumed by the next start, a second instance is refused, Ctrl-C leaves no process, --fresh forgets', async () => {
  server = await startServer({ state });
  const session = createSession(server.url);
  const email = 'ada@example.com';
  await enter(session, { email, password: PASSWORD, register: true });
  const watching = await watch(session);
  const { id } = await session.call<Cluster>('POST', '/api/v1/clusters', { name: 'resumed' });
  await watching.until('ObserveCluster', (push) => push.id === id && push.step === 'ObserveCluster', 60);

  const second = await refused(['--port', String(await freePort()), '--state', state]);
  expect([second.code, second.output]).toEqual([
    1,
    expect.stringContaining(`${state} is in use by another runtime (process ${server.process.pid})`),
  ]);
  await killServer(server);

  // The same port, so that the token's issuer and every URL that was handed out stay good.
  server = await startServer({ state, port: server.port });
  const ready = await untilPhase(session, id, ['Ready', 'Failed']);
  expect([ready.phase, ready.error]).toEqual(['Ready', undefined]);
  expect((await processesOf(state)).filter((line) => line.includes('cluster-main'))).toHaveLength(1);

  expect(await stopServer(server)).toBe(0);
  expect(await processesOf(state)).toEqual([]);

  server = await startServer({ state, args: ['--fresh'] });
  const fresh = createSession(server.url);
  await expect(enter(fresh, { email, password: PASSWORD, register: false })).rejects.toMatchObject({
    status: 401,
    code: 'auth.invalid_credentials',
  });
  await enter(fresh, { email, password: PASSWORD, register: true });
  expect(await fresh.call('GET', '/api/v1/clusters')).toEqual({ items: [] });
  expect(await stopServer(server)).toBe(0);
  expect(await processesOf(state)).toEqual([]);
});
