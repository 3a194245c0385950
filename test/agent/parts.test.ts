/** The small parts: configuration, log, the Kubernetes client's errors, the image recipe. */
import { readFileSync } from 'node:fs';
import { expect, onTestFinished, test } from 'vitest';
import { systemClock } from '#agent/clock.ts';
import { imageDigest, readConfig, SocketUrl } from '#agent/config.ts';
import { serveHealth } from '#agent/health.ts';
import { connectKubernetes, KubernetesError } from '#agent/kubernetes/client.ts';
import { createLog, reason } from '#agent/log.ts';
import { createVitals } from '#agent/vitals.ts';
import { heldClock } from './support/clock.ts';
import { startKubernetes } from './support/kubernetes.ts';

test.each(['wss://abc.example.com/live', 'ws://127.0.0.1:7070/ws', 'ws://localhost/ws', 'ws://[::1]:1/ws'])(
  'the address %s may be dialled',
  (url) => expect(SocketUrl.parse(url)).toContain(url.slice(0, 12)),
);
test.each(['ws://example.com/live', 'http://127.0.0.1', 'ws://127.0.0.1.example.com', 'live', ''])(
  'the address "%s" is refused',
  (url) => expect(() => SocketUrl.parse(url)).toThrow('must begin with wss://'),
);

test('a port that is none is refused by its name', () => {
  expect(() => readConfig({ KUBERNETES_SERVICE_PORT: 'many' })).toThrow('KUBERNETES_SERVICE_PORT');
});

test('an image has a digest only when it is named by one', () => {
  expect(imageDigest('a/b@sha256:1')).toBe('sha256:1');
  expect(imageDigest('a/b:1')).toBeUndefined();
  expect(imageDigest(undefined)).toBeUndefined();
});

test('the log is JSON lines in which no token survives', () => {
  const lines: string[] = [];
  const log = createLog(
    (line) => lines.push(line),
    () => new Date(0),
  );
  log('warn', 'refused', { reason: 'header rsc_abcdefghijkl-_0123 and eyJhbGciOi.eyJpc3Mi.c2ln', count: 2 });
  expect(lines).toEqual([
    '{"time":"1970-01-01T00:00:00.000Z","level":"warn","message":"refused","reason":"header rsc_… and eyJ…","count":2}\n',
  ]);
});

test('whatever was thrown has words', () => {
  expect(reason(new AggregateError([new Error('a'), new Error('b')], ''))).toBe('a; b');
  expect(reason('text')).toBe('text');
});

test('the probes answer what the vitals say', async () => {
  const clock = heldClock(() => 0);
  const vitals = createVitals(clock);
  const health = await serveHealth(vitals, '127.0.0.1', 0);
  onTestFinished(health.close);
  const probe = async (path: string) => (await fetch(`http://127.0.0.1:${health.port}${path}`)).status;
  expect([await probe('/healthz'), await probe('/readyz'), await probe('/')]).toEqual([200, 503, 404]);
  vitals.acknowledged({ paceSeconds: 30, staleAfterSeconds: 90 });
  vitals.linked(true);
  expect([await probe('/healthz'), await probe('/readyz')]).toEqual([200, 200]);
  await clock.advance(90_000);
  expect(await probe('/healthz')).toBe(503);
});

test('probes that cannot be served end the start', async () => {
  const vitals = createVitals(systemClock);
  const health = await serveHealth(vitals, '127.0.0.1', 0);
  onTestFinished(health.close);
  await expect(serveHealth(vitals, '127.0.0.1', health.port)).rejects.toThrow('EADDRINUSE');
});

test('a sleep ends early, and without an error, when it is cut short', async () => {
  const begun = systemClock.now();
  await systemClock.sleep(60_000, AbortSignal.timeout(10));
  await systemClock.sleep(1);
  expect(systemClock.now() - begun).toBeLessThan(5000);
});

test('an error of the Kubernetes API names the call, the status and the reason', async () => {
  const fake = await startKubernetes();
  const client = await connectKubernetes(fake);
  onTestFinished(async () => {
    client.close();
    await fake.stop();
  });
  const error = await client.request('GET', '/api/v1/namespaces/x/secrets/none').catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(KubernetesError);
  expect(error).toMatchObject({ status: 404, reason: 'NotFound' });
  expect(reason(error)).toBe('GET /api/v1/namespaces/x/secrets/none: refused: NotFound');
  fake.refuse = () => 403;
  await expect(async () => {
    for await (const _ of client.lines('/api/v1/nodes', { watch: true }, AbortSignal.timeout(5000)));
  }).rejects.toThrow(KubernetesError);
});

test('the image is built in stages, for both architectures, and runs as nobody on a base that can be pinned', () => {
  const lines = readFileSync('agent/image/Dockerfile', 'utf8')
    .replaceAll('\\\n', ' ')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'));
  const from = lines.filter((line) => line.startsWith('FROM'));
  expect(from).toHaveLength(2);
  // biome-ignore lint/suspicious/noTemplateCurlyInString: the recipe's own variables
  expect(from).toEqual(['FROM --platform=$BUILDPLATFORM ${BUILD_IMAGE} AS build', 'FROM ${RUN_IMAGE}']);
  expect(lines.filter((line) => /^ARG (BUILD|RUN)_IMAGE=/.test(line))).toHaveLength(2);
  const final = lines.slice(lines.lastIndexOf(from[1] ?? ''));
  expect(final.find((line) => line.startsWith('USER'))).toMatch(/^USER [1-9]\d*:[1-9]\d*$/);
  expect(final.some((line) => line.startsWith('RUN') || line.includes('latest'))).toBe(false);
  expect(final.at(-1)).toMatch(/^ENTRYPOINT \[".*\/app\/agent\.cjs"\]$/);
});
