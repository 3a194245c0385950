import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, expect, it } from 'vitest';
import type { Cluster } from '#core/contract/cluster.ts';
import { createSession, type Session } from '#scripts/journey/client.ts';
import { enter } from '#scripts/journey/journey.ts';
import { PASSWORD } from './support/product.ts';
import { forget, freePort, processesOf } from './support/server.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const state = mkdtempSync(join(tmpdir(), 'roadstead-kill-'));
const port = await freePort();
const url = `http://localhost:${port}`;

let child: ChildProcess | undefined;
let ended: Promise<unknown> = Promise.resolve();
afterAll(async () => {
  child?.kill('SIGKILL');
  await ended;
  forget(state);
});

/** Starts the product so that it dies at one point, and waits until it is up or has died. */
const start = async (killAt: string): Promise<void> => {
  child = spawn(process.execPath, [join(ROOT, 'test/e2e/support/killable-main.ts'), String(port), state], {
    cwd: ROOT,
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, KILL_AT: killAt },
  });
  ended = new Promise((resolve) => child?.once('exit', resolve));
  await Promise.race([ended, new Promise((resolve) => child?.stdout?.once('data', resolve))]);
};

const died = (seconds: number): Promise<boolean> =>
  Promise.race([ended.then(() => true), sleep(seconds * 1000, false)]);

const until = async (session: Session, id: string, phases: readonly string[]): Promise<Cluster> => {
  for (const end = Date.now() + 90_000; ; await sleep(200)) {
    const cluster = await session.call<Cluster>('GET', `/api/v1/clusters/${id}`);
    if (phases.includes(cluster.phase)) return cluster;
    if (Date.now() > end)
      throw new Error(`still ${cluster.phase} ${cluster.step}: ${JSON.stringify(cluster.error ?? null)}`);
  }
};

const CREATE = [
  'EnsureCluster',
  'ObserveCluster',
  'GrantAccess',
  'EnsureCompute',
  'InstallAgent',
  'AwaitAgent',
  'RecordSuccess',
].map((name) => `ClusterCreate${name}:after`);
const DELETE = ['StopOlder', 'Drain', 'DeleteCluster', 'ObserveDeleted', 'SweepLeftovers', 'RecordSuccess'].map(
  (name) => `ClusterDelete${name}:after`,
);

it('a kill -9 of the whole runtime after every step of create and of delete loses nothing and makes no second cluster', {
  timeout: 420_000,
}, async () => {
  const session = createSession(url);
  let id = '';
  const runThrough = async (points: readonly string[], begin: () => Promise<void>): Promise<void> => {
    let begun = false;
    for (const point of points) {
      await start(point);
      if (!begun) await begin();
      begun = true;
      expect(await died(60), `it was not killed at ${point}`).toBe(true);
    }
    await start('');
  };

  await runThrough(CREATE, async () => {
    await enter(session, { email: 'ada@example.com', password: PASSWORD, register: true });
    id = (await session.call<Cluster>('POST', '/api/v1/clusters', { name: 'survivor' })).id;
  });
  const ready = await until(session, id, ['Ready', 'Failed']);
  expect([ready.phase, ready.error]).toEqual(['Ready', undefined]);
  expect((await processesOf(state)).filter((line) => line.includes('cluster-main'))).toHaveLength(1);
  expect((await session.call<{ items: Cluster[] }>('GET', '/api/v1/clusters')).items).toHaveLength(1);

  child?.kill('SIGKILL');
  await ended;
  await runThrough(DELETE, async () => {
    await session.call('DELETE', `/api/v1/clusters/${id}`);
  });
  const gone = await until(session, id, ['Deleted', 'Failed']);
  expect([gone.phase, gone.error]).toEqual(['Deleted', undefined]);
  expect(
    (await processesOf(state)).filter((line) => line.includes('cluster-main') || line.includes('dist/agent')),
  ).toEqual([]);
  child?.kill('SIGINT');
  await ended;
  expect(await processesOf(state)).toEqual([]);
});
