/** Connections: back-off, silence, pace, the socket before the cut, refusals, graceful end. */
import { expect, test } from 'vitest';
import { fullJitter } from '#agent/clock.ts';
import { openLink } from '#agent/link.ts';
import { buildWorld, INSTALL_TOKEN, LEASE, SECRET } from './support/world.ts';

const MINUTE = 60_000;

test('nothing is sent before hello is acknowledged', async () => {
  const { clock, plane, start } = await buildWorld();
  plane.answer = (message, link) => (message.type === 'hello' && link.kind === 'agent' ? 'silence' : undefined);
  const agent = await start();
  await clock.settle('hello', () => plane.links.find(({ kind }) => kind === 'agent')?.messages.length === 1);
  await clock.advance(20_000);
  expect(plane.links.at(-1)?.messages.map(({ type }) => type)).toEqual(['hello']);
  expect(agent.vitals.ready()).toBe(false);
});

test('back-off doubles from 1 s to 30 s with full jitter', () => {
  expect([0, 1, 2, 3, 4, 5, 6, 40].map((attempt) => fullJitter(attempt, () => 1))).toEqual([
    1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000,
  ]);
  expect(fullJitter(3, () => 0.25)).toBe(2000);
  expect(fullJitter(3, () => 0)).toBe(0);
});

test('a control plane that is away is dialled again with growing pauses, and found when it is back', async () => {
  const { clock, plane, start } = await buildWorld(() => 0.999_999);
  plane.refuse = 503;
  const agent = await start();
  await clock.until('eight attempts', () => plane.attempts.length === 8);
  const pauses = clock.slept.filter((ms) => [1, 2, 4, 8, 16, 30].includes(Math.round(ms / 1000)) && ms % 1000 !== 0);
  expect(pauses.map((ms) => Math.round(ms / 1000)).slice(0, 7)).toEqual([1, 2, 4, 8, 16, 30, 30]);
  expect(agent.vitals.live()).toBe(true);
  plane.refuse = undefined;
  await clock.until('a link', () => plane.live().length === 1);
});

test('a socket that is cut is made again, with the same token', async () => {
  const { clock, plane, start } = await buildWorld();
  const agent = await start();
  await clock.settle('a link', () => agent.vitals.ready());
  plane.live()[0]?.cut();
  await clock.settle('the loss', () => !agent.vitals.ready());
  await clock.until('another link', () => plane.live().length === 1);
  expect(new Set(plane.links.slice(1).map(({ token }) => token)).size).toBe(1);
});

test('another cluster with the same identity is refused, says so, and dials only every 5 min', async () => {
  const { clock, plane, start } = await buildWorld();
  plane.clusterUid = 'the-original';
  const agent = await start();
  await clock.settle('the refusal', () => agent.log.join('').includes('CloneDetected'));
  const before = plane.attempts.length;
  await clock.advance(4 * MINUTE);
  expect(plane.attempts).toHaveLength(before);
  await clock.advance(2 * MINUTE);
  await clock.settle('another try', () => plane.attempts.length > before);
  expect(agent.vitals.live()).toBe(true);
  expect(agent.vitals.ready()).toBe(false);
});

test('a control plane that does not speak the protocol is asked again only every 5 min', async () => {
  const { clock, plane, start } = await buildWorld();
  plane.answer = () => ({ type: 'error', payload: { code: 'ProtocolUnsupported', message: 'the server speaks 3' } });
  const agent = await start();
  await clock.settle('the refusal', () => agent.log.join('').includes('the server speaks 3'));
  await clock.advance(4 * MINUTE);
  expect(plane.attempts).toHaveLength(1);
});

test('heartbeats come at the pace of hello.ack, then at that of each acknowledgement', async () => {
  const { clock, plane, start } = await buildWorld();
  plane.pace = { paceSeconds: 300, staleAfterSeconds: 720 };
  await start();
  await clock.settle('a link', () => plane.live().length === 1);
  await clock.advance(299_000);
  expect(plane.received('heartbeat')).toHaveLength(0);
  plane.pace = { paceSeconds: 30, staleAfterSeconds: 90 };
  await clock.advance(1_000);
  await clock.settle('the first heartbeat', () => plane.received('heartbeat').length === 1);
  await clock.advance(31_000);
  await clock.settle('the second heartbeat', () => plane.received('heartbeat').length === 2);
  expect(plane.received('heartbeat').map(({ payload }) => payload.paceSeconds)).toEqual([300, 30]);
});

test('a pushed pace is answered with a heartbeat at once and kept', async () => {
  const { clock, plane, start } = await buildWorld();
  plane.pace = { paceSeconds: 300, staleAfterSeconds: 720 };
  await start();
  await clock.settle('a link', () => plane.live().length === 1);
  plane.pace = { paceSeconds: 30, staleAfterSeconds: 90 };
  plane.live()[0]?.push({ type: 'pace', payload: plane.pace });
  await clock.settle('a heartbeat without time passing', () => plane.received('heartbeat').length === 1);
  await clock.advance(31_000);
  await clock.settle('the next', () => plane.received('heartbeat').length === 2);
  expect(plane.received('heartbeat').map(({ payload }) => payload.paceSeconds)).toEqual([30, 30]);
});

test('a shorter pace does not make an agent stale that last spoke at the longer one', async () => {
  const { clock, plane, start } = await buildWorld();
  plane.pace = { paceSeconds: 300, staleAfterSeconds: 720 };
  const agent = await start();
  await clock.settle('a link', () => plane.live().length === 1);
  await clock.advance(200_000);
  plane.answer = (message) => (message.type === 'heartbeat' ? 'silence' : undefined);
  plane.live()[0]?.push({ type: 'pace', payload: { paceSeconds: 30, staleAfterSeconds: 90 } });
  await clock.settle('a heartbeat', () => plane.received('heartbeat').length === 1);
  expect(agent.vitals.live()).toBe(true);
  expect(plane.live()).toHaveLength(1);
});

test('silence longer than staleAfterSeconds fails liveness and drops the socket', async () => {
  const { clock, plane, start } = await buildWorld();
  const agent = await start();
  await clock.settle('a link', () => plane.live().length === 1);
  const link = plane.live()[0];
  plane.answer = (message) => (message.type === 'heartbeat' ? 'silence' : undefined);
  await clock.advance(89_000);
  expect(agent.vitals.live()).toBe(true);
  expect(link?.open).toBe(true);
  plane.refuse = 503;
  await clock.advance(2_000);
  await clock.settle('the socket is dropped', () => link?.open === false);
  expect(agent.vitals.live()).toBe(false);
  expect(agent.vitals.ready()).toBe(false);

  plane.refuse = undefined;
  await clock.until('another link', () => plane.live().length === 1);
  await clock.settle('life', () => agent.vitals.live() && agent.vitals.ready());
});

test('a heartbeat that is refused as stale ends the link', async () => {
  const { clock, plane, start } = await buildWorld();
  await start();
  await clock.settle('a link', () => plane.live().length === 1);
  const link = plane.live()[0];
  plane.answer = (message, on) =>
    message.type === 'heartbeat' && on === link
      ? { type: 'error', payload: { code: 'Stale', message: 'a newer link speaks for the cluster' } }
      : undefined;
  await clock.until('the end', () => link?.open === false);
  await clock.until('another link', () => plane.live().length === 1);
});

test('a second socket says hello before the 2 h cut, then the first is closed in good order', async () => {
  const { clock, plane, start } = await buildWorld();
  const agent = await start();
  await clock.settle('a link', () => plane.live().length === 1);
  const first = plane.live()[0];
  let openAtHello: boolean | undefined;
  plane.answer = (message) => {
    if (message.type === 'hello') openAtHello = first?.open;
    return undefined;
  };
  await clock.until('the first is closed', () => first?.open === false);
  expect(clock.now()).toBeGreaterThan(104 * MINUTE);
  expect(clock.now()).toBeLessThan(111 * MINUTE);
  expect(openAtHello).toBe(true);
  expect(first?.closeCode).toBe(1000);
  expect(plane.live()).toHaveLength(1);
  expect(agent.vitals.ready()).toBe(true);
}, 40_000);

test('a second socket that is refused leaves the first in use and is tried again', async () => {
  const { clock, plane, start } = await buildWorld();
  await start();
  await clock.settle('a link', () => plane.live().length === 1);
  const first = plane.live()[0];
  const opened = plane.attempts.length;
  plane.refuse = 503;
  await clock.until('attempts', () => plane.attempts.length >= opened + 3);
  expect(first?.open).toBe(true);
  plane.refuse = undefined;
  await clock.until('the first is closed', () => first?.open === false);
  expect(plane.live()).toHaveLength(1);
}, 40_000);

test('told to reconnect, the agent changes the socket without a gap', async () => {
  const { clock, plane, start } = await buildWorld();
  await start();
  await clock.settle('a link', () => plane.live().length === 1);
  const first = plane.live()[0];
  first?.push({ type: 'reconnect', payload: { reason: 'deploy' } });
  await clock.until('the first is closed', () => first?.open === false);
  expect(clock.now()).toBeLessThan(60_000);
  expect(plane.live()).toHaveLength(1);
});

test('words that are not of the protocol are noted and change nothing', async () => {
  const { clock, plane, start } = await buildWorld();
  const agent = await start();
  await clock.settle('a link', () => plane.live().length === 1);
  const link = plane.live()[0];
  link?.sendRaw('{"message":"Internal server error","connectionId":"x"}');
  link?.sendRaw('not json \u001b[31m');
  link?.push({ type: 'ack', payload: {} });
  await clock.settle('the log', () => agent.log.join('').includes('came too late'));
  expect(agent.log.filter((line) => line.includes('was not understood'))).toHaveLength(2);
  expect(link?.open).toBe(true);
});

test('a stop closes the socket with 1000, gives the lease back and is quick', async () => {
  const { clock, kubernetes, plane, start } = await buildWorld();
  const agent = await start();
  await clock.settle('a link', () => agent.vitals.ready());
  const link = plane.live()[0];
  const begun = performance.now();
  await agent.stop();
  expect(performance.now() - begun).toBeLessThan(5000);
  await clock.settle('the close', () => link?.open === false);
  expect(link?.closeCode).toBe(1000);
  expect(kubernetes.get(LEASE)?.spec).toMatchObject({ holderIdentity: '' });
});

test('a stop while the control plane is silent is quick too', async () => {
  const { clock, plane, start } = await buildWorld();
  plane.answer = () => 'silence';
  const agent = await start();
  await clock.settle('hello', () => plane.received('hello').length === 1);
  const begun = performance.now();
  await agent.stop();
  expect(performance.now() - begun).toBeLessThan(5000);
});

test('a message over 32 KB is refused before it is sent', async () => {
  const { clock, plane, start, kubernetes } = await buildWorld();
  const agent = await start();
  await clock.settle('promotion', () => kubernetes.secret(SECRET, 'agent-token'));
  await agent.stop();
  plane.allowInstall(INSTALL_TOKEN);
  const hello = {
    protocol: { min: 1, max: 1 },
    agentVersion: '1',
    kubernetesVersion: '1',
    capabilities: Array.from({ length: 32 }, () => 'x'.repeat(64)),
    clusterUid: 'cluster-one',
    podUid: 'pod',
  };
  const link = await openLink({
    url: plane.url,
    token: kubernetes.secret(SECRET, 'agent-token') ?? '',
    hello,
    clock,
    log: () => undefined,
    onPush: () => undefined,
    signal: AbortSignal.timeout(5000),
  });
  const amounts = { cpuMillis: 1, memoryMiB: 1, gpus: 0, pods: 1 };
  const info = { nodes: 1, readyNodes: 1, allocatable: amounts, requested: amounts, provider: 'p'.repeat(33_000) };
  await expect(link.ask('cluster.info', info)).rejects.toThrow(/33\d{3} bytes; a message may have at most 32768/);
  await link.close('done');
  await expect(link.ask('heartbeat', { paceSeconds: 1 })).rejects.toThrow('the socket is closed');
});
