/** When an idle seat is looked at, and what is believed of what its image says. */
import { expect, test } from 'vitest';
import type { Clock } from '#agent/clock.ts';
import { hasStatus, type Kubernetes, KubernetesError } from '#agent/kubernetes/client.ts';
import { type WorkspaceFacts, workspaceOf } from '#agent/seats/facts.ts';
import { idleness, idleSecondsOf, idleStopOf } from '#agent/seats/idle.ts';
import { podOf } from '#agent/seats/pod-facts.ts';
import type { SeatSpec } from '#core/contract/seat.ts';
import { seatSpec } from './support/seats.ts';

const ID = `wsp_${'0'.repeat(26)}`;
const START = Date.parse('2026-11-21T12:00:00.000Z');
const metadata = (name: string) => ({ name, namespace: 'team', uid: `uid-of-${name}`, resourceVersion: '1' });
const workspace = (spec: Partial<SeatSpec> = {}, status?: object, annotations = {}): WorkspaceFacts =>
  workspaceOf({
    metadata: { ...metadata('seat'), annotations },
    spec: seatSpec(spec.origin === 'Cluster' ? undefined : ID, { idleTimeoutSeconds: 600, ...spec }) as never,
    status,
  });
const pod = (name = 'seat-0', startedAt = new Date(START).toISOString()) =>
  podOf({
    metadata: metadata(name),
    status: { containerStatuses: [{ name: 'dev', restartCount: 0, state: { running: { startedAt } } }] },
  });

/** A clock that stands, `log` what the next look finds, and how many looks there were. */
const world = () => {
  const at = { seconds: 0, skewSeconds: 0, log: '' as string | Error, looks: 0, query: {} as unknown };
  const clock: Clock = {
    now: () => 5_000 + at.seconds * 1000,
    wall: () => new Date(START + (at.seconds + at.skewSeconds) * 1000),
    sleep: () => Promise.resolve(),
    random: () => 0.5,
  };
  const kubernetes = {
    text: async (path, options) => {
      expect(path).toBe('/api/v1/namespaces/team/pods/seat-0/log');
      at.looks += 1;
      at.query = options?.query;
      if (at.log instanceof Error) throw at.log;
      return at.log;
    },
  } as Partial<Kubernetes> as Kubernetes;
  const open = () => idleness(kubernetes, clock, new AbortController().signal, 60_000);
  return { at, open };
};

test('the first look is when the pod is as old as the timeout, the next when it could have been idle for that long', async () => {
  const { at, open } = world();
  const idle = open();
  at.seconds = 10;
  expect(await idle.about(workspace(), pod())).toEqual({ again: 590_000 });
  at.seconds = 600;
  at.log = 'roadstead: idle 0\nhello\nroadstead: idle 100\n';
  expect(await idle.about(workspace(), pod())).toEqual({ again: 500_000 });
  at.seconds = 1099;
  expect(await idle.about(workspace(), pod())).toEqual({ again: 1_000 });
  expect(at.looks).toBe(1);
  expect(at.query).toMatchObject({ container: 'dev', sinceSeconds: 900 });
  at.seconds = 1100;
  at.log = 'roadstead: idle 600\n';
  expect(await idle.about(workspace({ restarts: 4 }), pod())).toEqual({
    stop: { restarts: 4, lastActiveAt: '2026-11-21T12:08:20.000Z' },
  });
  expect(await idle.about(workspace({ restarts: 4 }), pod())).toEqual({ again: 60_000 });
});

test('an agent that was started anew knows the age of the pod, and reads the rest from its log', async () => {
  const { at, open } = world();
  at.seconds = 4000;
  at.log = 'roadstead: idle 60\n';
  expect(await open().about(workspace(), pod())).toEqual({ again: 540_000 });
});

test('a pod that says nothing, or so much that its last word may be cut off, is never stopped', async () => {
  const { at, open } = world();
  for (const log of ['', 'hello\n', `roadstead: idle 9999\n${'x'.repeat(65_536)}`, 'x roadstead: idle 9999\n']) {
    at.seconds += 10_000;
    at.log = log;
    expect(await open().about(workspace(), pod())).toEqual({ again: 600_000 });
  }
});

test('a log that cannot be read is read again soon', async () => {
  const { at, open } = world();
  at.seconds = 10_000;
  at.log = new KubernetesError(500, '', 'the kubelet does not answer');
  expect(hasStatus(at.log, 500)).toBe(true);
  expect(await open().about(workspace(), pod())).toEqual({ again: 60_000 });
});

test('a clock that differs from the nodes’ stops nobody, and no pod is idle for longer than it has been there', async () => {
  const { at, open } = world();
  at.skewSeconds = 86_400;
  at.log = 'roadstead: idle 5\n';
  expect(await open().about(workspace(), pod())).toEqual({ again: 595_000 });
  at.skewSeconds = 0;
  at.seconds = 700;
  at.log = 'roadstead: idle 999999999\n';
  expect(await open().about(workspace(), pod())).toMatchObject({ stop: { lastActiveAt: '2026-11-21T12:00:00.000Z' } });
});

test('another pod begins anew, another timeout counts at once, and 0 is never', async () => {
  const { at, open } = world();
  const idle = open();
  at.seconds = 700;
  at.log = 'roadstead: idle 0\n';
  expect(await idle.about(workspace(), pod())).toEqual({ again: 600_000 });
  expect(await idle.about(workspace({ idleTimeoutSeconds: 60 }), pod())).toEqual({ again: 60_000 });
  expect(await idle.about(workspace({ idleTimeoutSeconds: 0 }), pod())).toEqual({});
  const restarted = { ...pod('seat-0', new Date(START + 690_000).toISOString()), uid: 'another' };
  expect(await idle.about(workspace(), restarted)).toEqual({ again: 590_000 });
  expect(at.looks).toBe(1);
});

test('idle seconds are the last word of the image on a line of its own', () => {
  expect(idleSecondsOf('roadstead: idle 7\nroadstead: idle 12\nroadstead: idle -3\nroadstead: idle 5 \n')).toBe(12);
  expect(idleSecondsOf('roadstead: repository Ready\n')).toBeUndefined();
});

const mark = (restarts: number) => ({ idleStop: { restarts, lastActiveAt: '2026-11-21T11:00:00.000Z' } });

test.each([
  ['nothing was said of it', {}, undefined, {}, false],
  ['it was found idle', {}, mark(0), {}, true],
  ['only its size, labels or timeout changed since', { revision: 9, idleTimeoutSeconds: 0 }, mark(0), {}, true],
  ['a start or a restart was asked for since', { revision: 9, restarts: 1 }, mark(0), {}, false],
  ['the control plane has taken note', { runState: 'Stopped' }, mark(0), {}, true],
  ['the cluster’s admin has it running', { origin: 'Cluster' }, mark(0), {}, true],
  ['the cluster’s admin stopped it, to start it next', { origin: 'Cluster', runState: 'Stopped' }, mark(0), {}, false],
  [
    'somebody broke the glass to stop it',
    { runState: 'Stopped' },
    mark(0),
    { 'roadstead.dev/break-glass': 'x' },
    false,
  ],
] as const)('%s: is it kept stopped?', (_, spec, status, annotations, kept) => {
  expect(idleStopOf(workspace(spec, status, annotations)) !== undefined).toBe(kept);
});
