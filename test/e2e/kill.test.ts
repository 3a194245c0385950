import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, expect, it } from 'vitest';
import type { Cluster } from '#core/contract/cluster.ts';
import { infrastructureName } from '#core/domain/names.ts';
import { freePort } from '#local/free-port.ts';
import { createSession } from '#scripts/journey/client.ts';
import { enter } from '#scripts/journey/journey.ts';
import { processesUnder } from '#scripts/local/processes.ts';
import { PASSWORD, until, untilPhase } from './support/product.ts';
import { clear, processesOf } from './support/server.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const state = mkdtempSync(join(tmpdir(), 'roadstead-kill-'));
const port = await freePort();
const url = `http://localhost:${port}`;

let child: ChildProcess | undefined;
let ended: Promise<unknown> = Promise.resolve();
afterAll(async () => {
  child?.kill('SIGKILL');
  await ended;
  await clear(state);
});

/** Starts the product so that it dies once all the tasks have done their work, and waits until it is up or has died. */
const start = async (killAt: readonly string[] = []): Promise<void> => {
  child = spawn(process.execPath, [join(ROOT, 'test/e2e/support/killable-main.ts'), String(port), state], {
    cwd: ROOT,
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, KILL_AT: killAt.join(',') },
  });
  ended = new Promise((resolve) => child?.once('exit', resolve));
  await Promise.race([ended, new Promise((resolve) => child?.stdout?.once('data', resolve))]);
};

const died = (seconds: number): Promise<boolean> =>
  Promise.race([ended.then(() => true), sleep(seconds * 1000, false, { ref: false })]);

/** Every task of a create, and beside it one of the delete of another cluster. */
const POINTS = [
  ['ClusterCreateEnsureCluster', 'ClusterDeleteStopOlder'],
  ['ClusterCreateObserveCluster', 'ClusterDeleteDrain'],
  ['ClusterCreateGrantAccess', 'ClusterDeleteObserveDeleted'],
  ['ClusterCreateEnsureCompute', 'ClusterDeleteDeleteCluster'],
  ['ClusterCreateInstallAgent', 'ClusterDeleteSweepLeftovers'],
  ['ClusterCreateAwaitAgent', 'ClusterDeleteRecordSuccess'],
  ['ClusterCreateRecordSuccess'],
];

it('a kill -9 of the whole runtime after every step of a create and of a delete loses nothing and makes no second cluster', {
  timeout: 420_000,
}, async () => {
  const session = createSession(url);
  await start();
  await enter(session, { email: 'ada@example.com', password: PASSWORD, register: true });
  const leaving = await session.call<Cluster>('POST', '/api/v1/clusters', { name: 'leaving' });
  expect(await untilPhase(session, leaving.id, ['Ready', 'Failed'])).toMatchObject({ phase: 'Ready' });
  child?.kill('SIGKILL');
  await ended;

  let coming: Cluster | undefined;
  for (const point of POINTS) {
    await start(point);
    if (coming === undefined) {
      coming = await session.call<Cluster>('POST', '/api/v1/clusters', { name: 'coming' });
      await session.call('DELETE', `/api/v1/clusters/${leaving.id}`);
    }
    expect(await died(60), `it was not killed at ${point.join(' and ')}`).toBe(true);
  }

  await start();
  const { id } = coming as Cluster;
  const ready = await untilPhase(session, id, ['Ready', 'Failed']);
  expect([ready.phase, ready.error]).toEqual(['Ready', undefined]);
  const gone = await untilPhase(session, leaving.id, ['Deleted', 'Failed']);
  expect([gone.phase, gone.error]).toEqual(['Deleted', undefined]);
  expect((await session.call<{ items: Cluster[] }>('GET', '/api/v1/clusters')).items.map((each) => each.id)).toEqual([
    id,
  ]);
  const clusters = processesUnder(state).filter(({ args }) => args.includes('cluster-main'));
  expect(clusters.map(({ args }) => args.slice(args.lastIndexOf('/') + 1))).toEqual([infrastructureName(id)]);
  // The agent of the last life has found its way back, and there is one.
  await until(
    'its agent',
    () => processesUnder(state).filter(({ args }) => args.includes('dist/agent/main')).length === 1,
  );

  child?.kill('SIGINT');
  await ended;
  expect(await processesOf(state)).toEqual([]);
});
