/** How the agent gets, keeps, rotates and loses its token. */
import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { buildWorld, INSTALL_TOKEN, SECRET } from './support/world.ts';

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');
const base64 = (text: string) => Buffer.from(text).toString('base64');
const HOUR = 3_600_000;

test('an install token is traded for a token that the agent made and wrote down first', async () => {
  const { clock, kubernetes, plane, start } = await buildWorld();
  let writtenBeforeHello: string | undefined;
  plane.answer = (message) => {
    if (message.type === 'hello') writtenBeforeHello ??= kubernetes.secret(SECRET, 'agent-token-next');
    return undefined;
  };
  const agent = await start();
  await clock.settle('a link', () => plane.live().length === 1 && kubernetes.secret(SECRET, 'agent-token'));

  const token = kubernetes.secret(SECRET, 'agent-token') ?? '';
  expect(token).toMatch(/^rsc_[A-Za-z0-9_-]{43}$/);
  expect(token).toBe(writtenBeforeHello);
  expect(kubernetes.secret(SECRET, 'agent-token-next')).toBeUndefined();
  expect(kubernetes.secret(SECRET, 'install-token')).toBe(INSTALL_TOKEN);
  expect(plane.links.map(({ kind }) => kind)).toEqual(['install', 'agent']);
  const [introduction, hello] = plane.received('hello');
  expect(introduction?.payload.nextTokenHash).toBe(sha256(token));
  expect(hello?.payload).toEqual({
    protocol: { min: 1, max: 1 },
    agentVersion: '1.2.3',
    kubernetesVersion: 'v1.35.2',
    imageDigest: `sha256:${'a'.repeat(64)}`,
    capabilities: ['cluster.info', 'workspaces', 'drain'],
    clusterUid: 'cluster-one',
    podUid: 'uid-of-agent-1',
  });
  expect(agent.log.join('')).not.toContain(token);
  expect(agent.log.join('')).not.toContain(INSTALL_TOKEN);
});

test('a crash between writing the token and hello trades the same token at the next start', async () => {
  const { clock, kubernetes, plane, start } = await buildWorld();
  plane.refuse = 503;
  const first = await start();
  await clock.settle('the token is written', () => kubernetes.secret(SECRET, 'agent-token-next'));
  const written = kubernetes.secret(SECRET, 'agent-token-next');
  await first.stop();
  plane.refuse = undefined;
  await start();
  await clock.until('a link', () => plane.live().length === 1);
  expect(plane.live()[0]?.token).toBe(written);
  expect(plane.received('hello')[0]?.payload.nextTokenHash).toBe(sha256(written ?? ''));
});

test('a crash after the trade, before the first connection, goes on with the token that was written', async () => {
  const { clock, kubernetes, plane, start } = await buildWorld();
  plane.answer = (message, link) => {
    if (message.type === 'hello' && link.kind === 'agent') link.cut();
    return undefined;
  };
  const first = await start();
  await clock.settle('the trade', () => plane.links.length >= 2);
  await first.stop();
  const written = kubernetes.secret(SECRET, 'agent-token-next');
  expect(kubernetes.secret(SECRET, 'agent-token')).toBeUndefined();
  plane.answer = () => undefined;
  const introductions = plane.links.filter(({ kind }) => kind === 'install').length;
  await start();
  await clock.until('a link', () => plane.live().length === 1);
  await clock.settle('promotion', () => kubernetes.secret(SECRET, 'agent-token') === written);
  expect(plane.links.filter(({ kind }) => kind === 'install')).toHaveLength(introductions);
});

test('the agent starts again with the token that it has', async () => {
  const { clock, kubernetes, plane, start } = await buildWorld();
  const first = await start();
  await clock.settle('promotion', () => kubernetes.secret(SECRET, 'agent-token'));
  await first.stop();
  await start();
  await clock.until('a second life', () => plane.live().length === 1);
  expect(plane.links.map(({ kind }) => kind)).toEqual(['install', 'agent', 'agent']);
  expect(plane.links[2]?.token).toBe(plane.links[1]?.token);
});

test('a token is rotated once a day: written, announced by its hash, used, promoted', async () => {
  const { clock, kubernetes, plane, start } = await buildWorld();
  await start();
  await clock.settle('promotion', () => kubernetes.secret(SECRET, 'agent-token'));
  const before = kubernetes.secret(SECRET, 'agent-token') ?? '';
  // Time stands at its beginning: 22 h of the token's life are written down as past.
  const since = new Date(clock.wall().getTime() - 22 * HOUR).toISOString();
  const data = kubernetes.get(SECRET)?.data as object;
  kubernetes.put(SECRET, { data: { ...data, 'agent-token-since': base64(since) } });
  await clock.until('a look after an hour', () => clock.now() > 1.5 * HOUR);
  expect(plane.received('token.rotate')).toHaveLength(0);

  await clock.until('another token', () => kubernetes.secret(SECRET, 'agent-token') !== before);
  const after = kubernetes.secret(SECRET, 'agent-token') ?? '';
  expect(plane.received('token.rotate').map(({ payload }) => payload.nextTokenHash)).toEqual([sha256(after)]);
  expect(clock.now()).toBeGreaterThanOrEqual(2 * HOUR);
  await clock.until('one link', () => plane.live().length === 1);
  expect(plane.live()[0]?.token).toBe(after);
  expect(kubernetes.secret(SECRET, 'agent-token-next')).toBeUndefined();
}, 40_000);

test('a rotated token that was used but not promoted is found at the next start', async () => {
  const { clock, kubernetes, plane, start } = await buildWorld();
  const first = await start();
  await clock.settle('promotion', () => kubernetes.secret(SECRET, 'agent-token'));
  await first.stop();
  const used = 'rsc_next-token-of-a-rotation';
  const data = kubernetes.get(SECRET)?.data as object;
  kubernetes.put(SECRET, { data: { ...data, 'agent-token-next': base64(used) } });
  plane.allowAgent(used);
  plane.revoke(kubernetes.secret(SECRET, 'agent-token') ?? '');
  const before = plane.links.length;
  await start();
  await clock.settle('promotion', () => kubernetes.secret(SECRET, 'agent-token') === used);
  expect(plane.links.slice(before).map(({ token }) => token)).toEqual([used]);
});

test('a revoked token ends the link; the agent then dials slowly, and at once when it is installed anew', async () => {
  const { clock, kubernetes, plane, start, install } = await buildWorld();
  const agent = await start();
  await clock.settle('promotion', () => kubernetes.secret(SECRET, 'agent-token'));
  const revoked = kubernetes.secret(SECRET, 'agent-token') ?? '';
  plane.revoke(revoked);
  plane.revoke(INSTALL_TOKEN);
  await clock.until('refusals', () => plane.attempts.filter((status) => status === 401).length >= 2);
  await clock.settle('the log', () => agent.log.join('').includes('Unauthorized'));
  const refusals = plane.attempts.length;
  await clock.advance(4 * 60_000);
  expect(plane.attempts).toHaveLength(refusals);
  expect(agent.vitals.ready()).toBe(false);
  expect(agent.vitals.live()).toBe(true);

  install('rsi_another-install-token');
  await clock.advance(16_000);
  await clock.settle('a link', () => plane.live().length === 1);
  expect(plane.live()[0]?.token).not.toBe(revoked);
  expect(agent.vitals.ready()).toBe(true);
});

test('without any token that is accepted the log says what to do', async () => {
  const { clock, kubernetes, plane, start } = await buildWorld();
  kubernetes.put(SECRET, { data: {} });
  const agent = await start();
  await clock.settle('the log', () => agent.log.join('').includes('there is no install token: make one in Roadstead'));
  kubernetes.remove(SECRET);
  await clock.until('the Secret is missed', () =>
    agent.log.join('').includes('does not exist: apply the install manifest'),
  );
  expect(plane.attempts).toHaveLength(0);
});

test('a good token that could not be filed is used all the same, and filed at the next dial', async () => {
  const { clock, kubernetes, plane, start } = await buildWorld();
  let patches = 0;
  kubernetes.refuse = (method, path) => (method === 'PATCH' && path === SECRET && ++patches === 2 ? 500 : undefined);
  const agent = await start();
  await clock.settle('a link', () => plane.live().length === 1 && agent.log.join('').includes('was not filed'));
  expect(kubernetes.secret(SECRET, 'agent-token')).toBeUndefined();
  plane.live()[0]?.cut();
  await clock.until('promotion', () => kubernetes.secret(SECRET, 'agent-token') === plane.live()[0]?.token);
});
