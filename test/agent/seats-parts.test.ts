/** Parts of the work on dev pods by themselves, in cases that a whole cluster comes to rarely. */
import { expect, test } from 'vitest';
import type { Api } from '#agent/api.ts';
import { type Kubernetes, KubernetesError } from '#agent/kubernetes/client.ts';
import { kinds } from '#agent/kubernetes/kinds.ts';
import { knownOf, mirrorOf } from '#agent/kubernetes/mirror.ts';
import { workQueue } from '#agent/kubernetes/queue.ts';
import { type Link, LinkError } from '#agent/link.ts';
import { ensureClaim } from '#agent/seats/claims.ts';
import { clusterRecord } from '#agent/seats/cluster-record.ts';
import { mintCredential } from '#agent/seats/credential.ts';
import { type ClaimFacts, claimOf, workspaceOf } from '#agent/seats/facts.ts';
import type { Mirrors } from '#agent/seats/mirrors.ts';
import { type Message, outbox } from '#agent/seats/outbox.ts';
import { compare, fetchSeats, listSeats } from '#agent/seats/sync.ts';
import { teller } from '#agent/seats/tell.ts';
import { heldClock } from './support/clock.ts';
import { seatSpec } from './support/seats.ts';

const log = () => undefined;
const { signal } = new AbortController();
const backOff = { firstMs: 5_000, longestMs: 300_000 };
const still = () => heldClock(() => 0);
const id = (n: number) => `wsp_${String(n).padStart(26, '0')}`;

/** An API server that answers what the test says. */
const answering = (answer: (method: string, path: string, body: unknown) => unknown): Kubernetes =>
  ({
    request: async (method: string, path: string, { body }: { body?: unknown } = {}) => answer(method, path, body),
  }) as unknown as Kubernetes;
const refusing = (status: number) =>
  answering(() => {
    throw new KubernetesError(status, '', `refused ${status}`);
  });

/** A link that answers what the test says. */
const linkOf = (answer: (type: string, payload: unknown) => unknown) => {
  const end = new AbortController();
  const said: [string, unknown][] = [];
  const link = {
    signal: end.signal,
    ask: async (type: string, payload: unknown) => {
      said.push([type, payload]);
      return answer(type, payload);
    },
  } as unknown as Link;
  return { link, said, end: () => end.abort() };
};

test('work that fails comes back after 5 s, then twice as long, up to 5 minutes, and at once when there is news', async () => {
  const clock = still();
  const ending = new AbortController();
  let runs = 0;
  const queue = workQueue({
    name: 'test',
    work: async () => {
      runs++;
      if (runs < 10) throw new Error('no');
      return runs === 10 ? 40 : undefined;
    },
    clock,
    log,
    signal: ending.signal,
  });
  queue.add('a');
  await clock.until('ten runs', () => runs === 10);
  expect(clock.slept.slice(0, 9)).toEqual([5, 10, 20, 40, 80, 160, 300, 300, 300].map((seconds) => seconds * 1000));
  await clock.until('the look that was asked for', () => runs === 11);
  queue.add('a');
  await clock.settle('at once', () => runs === 12);
  ending.abort();
  await queue.settled();
});

test('a report that is busy elsewhere is told again, one that is refused for good is not, and events only once', async () => {
  const clock = still();
  const box = outbox({ clock, log, backOff, signal });
  const answers: (LinkError | undefined)[] = [
    new LinkError('Retry', 'busy'),
    undefined,
    new LinkError('Invalid', 'no'),
  ];
  const { link, said } = linkOf(() => {
    const error = answers.shift();
    if (error) throw error;
    return {};
  });
  const audit = { type: 'audit', payload: { action: 'A', resource: 'r', detail: 'd' } } as const;
  const taken: string[] = [];
  box.event('one', audit, () => taken.push('one'));
  box.use(link);
  await clock.until('told again', () => said.length === 2);
  expect(clock.slept).toEqual([5_000]);
  box.event('two', audit, () => taken.push('two'));
  await clock.settle('taken', () => taken.length === 2);
  expect(taken).toEqual(['one', 'two']);
  const next = linkOf(() => ({}));
  box.use(next.link);
  await clock.advance(10_000);
  expect(next.said).toEqual([]);
});

test('states are told on every link, the newest alone, and events that nobody takes do not grow without end', async () => {
  const clock = still();
  const box = outbox({ clock, log, backOff, signal });
  const told = (message: string): Message => ({
    type: 'workspace.status',
    payload: {
      id: id(1),
      status: {
        phase: 'Running',
        observedRevision: 1,
        observedGeneration: 1,
        uid: 'u',
        conditions: [{ type: 'Ready', status: 'True', reason: 'Running', message }],
      },
    },
  });
  box.state('seat', told('old'));
  box.state('seat', told('new'));
  const tell = teller(box, log);
  for (let n = 0; n < 300; n++) tell.say('Some', `thing ${n}`, 'x');
  const first = linkOf(() => ({}));
  box.use(first.link);
  await clock.settle('all', () => first.said.length === 257);
  expect(first.said.filter(([type]) => type === 'workspace.status')).toEqual([
    ['workspace.status', told('new').payload],
  ]);
  const second = linkOf(() => ({}));
  box.use(second.link);
  await clock.settle('the state', () => second.said.length === 1);
  box.state('seat', told('new'));
  await clock.advance(1000);
  expect(second.said).toHaveLength(1);
});

const bare = { metadata: { name: 'a', namespace: 'n', uid: 'u', resourceVersion: '1' } };

test.each([
  [404, 'still being made'],
  [403, 'no right'],
])('a credential that the cluster answers with %i is refused with words', async (status, words) => {
  const answers: unknown[] = [];
  const api = { credential: async (_: string, answer: unknown) => void answers.push(answer) } as unknown as Api;
  const seat = workspaceOf({ ...bare, spec: seatSpec(id(1)) });
  const workspaces = () => [seat];
  await mintCredential(
    { request: 'r', seat: id(1), seconds: 600 },
    { kubernetes: refusing(status), api, log, signal, workspaces },
  );
  expect(answers).toEqual([{ refused: expect.stringContaining(words) }]);
});

test('a credential that cannot be posted, or comes without a token, ends in words and not in an error', async () => {
  const seat = workspaceOf({ ...bare, spec: seatSpec(id(1)) });
  const said: unknown[] = [];
  const given = { request: 'r', seat: id(1), seconds: 9_999 };
  const asked: unknown[] = [];
  const kubernetes = answering((_, __, body) => {
    asked.push(body);
    return { status: {} };
  });
  const api = { credential: async (_: string, answer: unknown) => void said.push(answer) } as unknown as Api;
  await mintCredential(given, { kubernetes, api, log, signal, workspaces: () => [seat] });
  expect(said).toEqual([{ refused: 'the cluster issued no token' }]);
  expect(asked).toMatchObject([{ spec: { expirationSeconds: 3600 } }]);
  const failing = { credential: () => Promise.reject(new Error('away')) } as unknown as Api;
  const lines: string[] = [];
  const note = (_: string, message: string) => void lines.push(message);
  await mintCredential(given, { kubernetes: refusing(500), api: failing, log: note, signal, workspaces: () => [seat] });
  expect(lines).toEqual(['a credential was not given']);
});

const claimObject = (more: object, labels?: Record<string, string>) => ({
  apiVersion: 'v1',
  kind: 'PersistentVolumeClaim',
  metadata: { name: 'home-a', namespace: 'n', uid: 'u', resourceVersion: '1', ...(labels ? { labels } : {}) },
  ...more,
});
const labels = { 'roadstead.dev/workspace': 'a', 'roadstead.dev/owner': 'ada' };
const sized = (storage: string, more: object = {}) => ({ spec: { resources: { requests: { storage } }, ...more } });
const knowing = (claim: ClaimFacts | undefined) =>
  ({ PersistentVolumeClaim: { get: () => claim, learn: () => undefined } }) as unknown as Mirrors;

test('a claim whose class lets nothing grow is left as it is, with the words of the refusal', async () => {
  const bound = claimOf(claimObject(sized('1Gi', { volumeName: 'pv' }), labels));
  const options = { mirrors: knowing(bound), signal, inUse: false };
  const outcome = await ensureClaim(claimObject(sized('2Gi'), labels), { ...options, kubernetes: refusing(403) });
  expect(outcome).toEqual({ refused: 'refused 403' });
  await expect(
    ensureClaim(claimObject(sized('2Gi'), labels), { ...options, kubernetes: refusing(500) }),
  ).rejects.toThrow();
});

test('a claim is never replaced while a pod is on its way to a node with it, and never shrunk', async () => {
  const kubernetes = answering(() => expect.fail('nothing may be asked'));
  const unbound = claimOf(claimObject(sized('1Gi'), labels));
  const options = { kubernetes, mirrors: knowing(unbound), signal };
  expect(await ensureClaim(claimObject(sized('2Gi'), labels), { ...options, inUse: true })).toBe('nothing');
  expect(await ensureClaim(claimObject(sized('1000Mi'), labels), { ...options, inUse: false })).toBe('nothing');
});

test('a claim that lost its labels is found by its name and gets them back', async () => {
  const calls: string[] = [];
  const kubernetes = answering((method, path) => {
    calls.push(`${method} ${path}`);
    if (method === 'POST') throw new KubernetesError(409, 'AlreadyExists', 'there');
    return claimObject(sized('1Gi', { volumeName: 'pv' }));
  });
  const options = { kubernetes, mirrors: knowing(undefined), signal, inUse: false };
  expect(await ensureClaim(claimObject(sized('1Gi'), labels), options)).toBe('nothing');
  expect(calls.map((line) => line.split(' ')[0])).toEqual(['POST', 'GET', 'PATCH']);
});

const ack = {
  clusterId: `clu_${'0'.repeat(26)}`,
  deploymentId: 'one',
  epoch: 1,
  cluster: { revision: 2, team: `team_${'0'.repeat(26)}`, provider: 'eks', expiresInSeconds: 3600 },
} as unknown as Link['ack'];

test('the record of the cluster is written once, says when it ends, and is not moved by a minute', async () => {
  const clock = still();
  let stored: Record<string, unknown> | undefined;
  const writes: string[] = [];
  const kubernetes = answering((method, path, body) => {
    if (method === 'GET') {
      if (!stored) throw new KubernetesError(404, 'NotFound', 'no');
      return stored;
    }
    writes.push(path);
    stored = { ...stored, ...(body as object) };
    return stored;
  });
  const record = clusterRecord({ kubernetes, agentVersion: '1', clock, signal });
  expect(await record.read()).toBeUndefined();
  expect(await record.accept(ack)).toEqual({ deploymentId: 'one', epoch: 1 });
  expect(stored).toMatchObject({ spec: { provider: 'eks', revision: 2, expiresAt: '2030-01-01T01:00:00.000Z' } });
  expect(writes).toHaveLength(2);
  stored = {
    ...stored,
    metadata: { labels: { 'roadstead.dev/deployment': 'one' }, annotations: { 'roadstead.dev/epoch': '1' } },
  };
  await clock.advance(20_000);
  await record.accept(ack);
  expect(writes).toHaveLength(2);
  await clock.advance(600_000);
  await record.accept(ack);
  expect(writes).toHaveLength(3);
  await expect(record.accept({ ...ack, clusterId: 'another' })).rejects.toThrow('not another');
});

test('answers of another kind, or a list that never stands still, end in an error', async () => {
  const source = { deploymentId: 'one', epoch: 1 };
  await expect(listSeats(linkOf(() => ({ type: 'ack' })).link, '', source)).rejects.toThrow('was answered with ack');
  await expect(fetchSeats(linkOf(() => ({ type: 'ack' })).link, [id(1)]).next()).rejects.toThrow('answered with ack');
  let digest = 0;
  const page = () => ({
    type: 'sync.page',
    payload: { ...source, digest: String(digest++), unchanged: false, rows: [], next: id(1) },
  });
  await expect(listSeats(linkOf(page).link, '', source)).rejects.toThrow('changed while it was read');
  const foreign = () => ({
    type: 'sync.page',
    payload: { ...source, epoch: 2, digest: '', unchanged: false, rows: [] },
  });
  await expect(listSeats(linkOf(foreign).link, '', source)).rejects.toThrow('hello was not');
});

test('what is here and what is listed differ in four ways', () => {
  const here = [1, 2, 3, 4, 5].map((n) => ({ id: id(n), revision: 5 }));
  const listed = [
    { id: id(1), revision: 5 },
    { id: id(2), revision: 6 },
    { id: id(3), revision: 4 },
    { id: id(4), revision: 6, tombstone: 'KeepVolumes' as const },
    { id: id(6), revision: 1 },
  ];
  expect(compare(here, listed)).toEqual({
    wanted: [id(2), id(6)],
    older: [id(3)],
    tombstones: [{ id: id(4), revision: 6, fate: 'KeepVolumes' }],
    unlisted: [id(5)],
  });
});

test('a Workspace that says what this agent does not understand is kept with the reason', () => {
  const metadata = { name: 'a', namespace: 'n', uid: 'u', resourceVersion: '1' };
  const facts = workspaceOf({ metadata, spec: { ...seatSpec(undefined), runState: 'Dancing' } as never });
  expect(facts.spec).toBeUndefined();
  expect(facts.invalid).toContain('runState');
});

test('the answer to a write that comes after the news of the end raises no ghost', async () => {
  const ending = new AbortController();
  const object = (version: string) => ({ metadata: { name: 'a', namespace: 'n', uid: 'u', resourceVersion: version } });
  const events = Promise.withResolvers<void>();
  const kubernetes = {
    pages: async function* () {
      yield { items: [object('5')], version: '5' };
    },
    lines: async function* () {
      yield JSON.stringify({ type: 'MODIFIED', object: object('4') });
      yield JSON.stringify({ type: 'DELETED', object: object('9') });
      events.resolve();
      await new Promise((resolve) => ending.signal.addEventListener('abort', resolve));
    },
  } as unknown as Kubernetes;
  const changes: string[] = [];
  const mirror = mirrorOf({
    kubernetes,
    kind: kinds.Workspace,
    compact: knownOf,
    onChange: (_, now) => void changes.push(now?.version ?? 'gone'),
    clock: still(),
    log,
    signal: ending.signal,
  });
  await events.promise;
  expect(changes).toEqual(['5', 'gone']);
  expect(mirror.learn(object('8'))?.version).toBe('8');
  expect([...mirror.all()]).toEqual([]);
  ending.abort();
});
