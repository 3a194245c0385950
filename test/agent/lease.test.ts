/** One agent at a time. */
import { expect, test } from 'vitest';
import type { StoredObject } from './support/kubernetes.ts';
import { buildWorld, LEASE } from './support/world.ts';

const holder = (object: StoredObject | undefined) =>
  (object?.spec as { holderIdentity: string } | undefined)?.holderIdentity;

test('of two agents only the holder of the lease dials, and the other takes over when it stops', async () => {
  const { clock, kubernetes, plane, start } = await buildWorld();
  const first = await start('agent-1');
  await clock.settle('a link', () => plane.live().length === 1);
  const second = await start('agent-2');
  await clock.advance(120_000);
  await clock.settle('the second waits', () => second.log.join('').includes('another agent holds the lease'));
  expect(plane.live()).toHaveLength(1);
  expect(second.vitals.ready()).toBe(false);
  expect(second.vitals.live()).toBe(true);
  expect(holder(kubernetes.get(LEASE))).toBe('agent-1_uid-of-agent-1');

  await first.stop();
  await clock.advance(4_000);
  await clock.settle('the second dials', () => second.vitals.ready());
  expect(holder(kubernetes.get(LEASE))).toBe('agent-2_uid-of-agent-2');
});

test('a lease whose holder vanished is taken when nothing of it changed for 30 s, whatever times it names', async () => {
  const { clock, kubernetes, plane, start } = await buildWorld();
  const spec = {
    holderIdentity: 'gone',
    leaseDurationSeconds: 30,
    renewTime: '2099-01-01T00:00:00.000000Z',
    leaseTransitions: 4,
  };
  kubernetes.put(LEASE, { spec });
  await start();
  await clock.advance(27_000);
  expect(plane.attempts).toHaveLength(0);
  await clock.until('a link', () => plane.live().length === 1);
  expect(kubernetes.get(LEASE)?.spec).toMatchObject({ holderIdentity: 'agent-1_uid-of-agent-1', leaseTransitions: 5 });
});

test('a restarted container of the same pod takes its lease without waiting', async () => {
  const { clock, kubernetes, plane, start } = await buildWorld();
  kubernetes.put(LEASE, { spec: { holderIdentity: 'agent-1_uid-of-agent-1', leaseDurationSeconds: 30 } });
  await start();
  await clock.settle('a link', () => plane.live().length === 1);
  expect(clock.now()).toBe(0);
});

test('an agent that loses the lease closes its socket', async () => {
  const { clock, kubernetes, plane, start } = await buildWorld();
  const agent = await start();
  await clock.settle('a link', () => plane.live().length === 1);
  const link = plane.live()[0];
  const stolen = kubernetes.get(LEASE)?.spec as object;
  kubernetes.put(LEASE, { spec: { ...stolen, holderIdentity: 'thief' } });
  await clock.until('the socket is closed', () => link?.open === false);
  expect(link?.closeCode).toBe(1000);
  expect(agent.log.join('')).toContain('held by thief');
  expect(agent.vitals.ready()).toBe(false);
});

test('an edit of the lease by somebody else does not end it while our name stands in it', async () => {
  const { clock, kubernetes, plane, start } = await buildWorld();
  await start();
  await clock.settle('a link', () => plane.live().length === 1);
  const link = plane.live()[0];
  kubernetes.put(LEASE, { ...kubernetes.get(LEASE), metadata: { labels: { touched: 'yes' } } });
  await clock.advance(60_000);
  expect(link?.open).toBe(true);
});

test('an agent that cannot renew for 20 s stops, before another may take over, and takes the lease again later', async () => {
  const { clock, kubernetes, plane, start } = await buildWorld();
  const agent = await start();
  await clock.settle('a link', () => plane.live().length === 1);
  const link = plane.live()[0];
  const before = clock.now();
  kubernetes.refuse = (method, path) => (path === LEASE && method === 'PUT' ? 500 : undefined);
  await clock.until('the socket is closed', () => link?.open === false);
  expect(clock.now() - before).toBeLessThanOrEqual(30_000);
  await clock.until('it tries', () => agent.log.join('').includes('could not be taken'));
  kubernetes.refuse = () => undefined;
  await clock.until('a link again', () => plane.live().length === 1);
});

test('a lease that cannot be released is noted, and the stop goes on', async () => {
  const { clock, kubernetes, plane, start } = await buildWorld();
  const agent = await start();
  await clock.settle('a link', () => plane.live().length === 1);
  kubernetes.refuse = (method, path) => (path === LEASE && method === 'GET' ? 500 : undefined);
  await agent.stop();
  expect(agent.log.join('')).toContain('was not released');
});
