/** The records of real commits, handed to the stream's consumers as a stream may: late, out of order, more than once, and batches cut short. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { DynamoDBRecord } from 'aws-lambda';
import * as fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Push } from '#core/contract/socket.ts';
import { toClusterChanged } from '#core/domain/cluster-view.ts';
import { holds } from '#core/domain/link.ts';
import { isOpen } from '#core/domain/operation.ts';
import { settled } from '#core/domain/workspace-settled.ts';
import { toDesiredSeat, toWorkspaceChanged } from '#core/domain/workspace-view.ts';
import type { Change } from '#core/store/change.ts';
import type { AwaitItem } from '#core/store/clusters.ts';
import { type Connections, liveConnections } from '#functions/lib/connections.ts';
import { stream } from '#functions/lib/stream.ts';
import { effects } from '#functions/stream/reactions/effects.ts';
import { push } from '#functions/stream/reactions/push.ts';
import { createExecutions } from '#test/builders/executions.ts';
import { type Happening, happening, history } from '#test/builders/history.ts';
import { createWorld, SEAT_LIMITS, SEAT_TIMINGS, type World } from '#test/builders/world.ts';
import { type Records, readRecords } from './records.ts';
import { startTable, type TestTable } from './table.ts';

let table: TestTable;
let server: Server;
let connections: Connections;
/** What came to `@connections`, in order. */
// biome-ignore lint/suspicious/noExplicitAny: messages on the wire, whose form the test compares
const posts: { method: string; to: string; message: any }[] = [];

beforeAll(async () => {
  table = await startTable();
  process.env.AWS_ACCESS_KEY_ID = 'test';
  process.env.AWS_SECRET_ACCESS_KEY = 'test';
  process.env.AWS_REGION = 'us-east-1';
  server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    const to = decodeURIComponent(request.url?.split('/').at(-1) ?? '');
    posts.push({ method: request.method ?? '', to, message: body === '' ? null : JSON.parse(body) });
    response.end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  connections = liveConnections(`http://127.0.0.1:${(server.address() as AddressInfo).port}/ws`);
});
afterAll(() => {
  server?.close();
  table?.stop();
});

/** Histories of each property; a shrunk one would not be shorter, since its luck is drawn as it goes. */
const RUNS = 3;
const PATIENCE_MS = 180_000;
const WATCHED = { paceSeconds: 30, staleAfterSeconds: 90 };

/** A team with a watcher, the executions of its workflows, and the stream of its table. */
const begin = async () => {
  const name = await table.another({ stream: true });
  const world = createWorld({ client: table.client, name });
  const owner = await world.account();
  const watcher = {
    id: 'watcher',
    kind: 'account',
    account: owner.id,
    personalTeam: owner.team,
    teams: [],
    connectedAt: world.now(),
  } as const;
  await world.store.connections.open(watcher);
  await world.store.connections.subscribe(watcher, owner.team);
  const executions = createExecutions();
  const past = await history(world, owner, executions);
  return { world, executions, past, records: await readRecords(table.endpoint, name) };
};

type React = (change: Change) => Promise<void>;

/** Gives the records to a consumer in batches; a batch whose consumer fails in the middle comes again from that record on. */
const deliver = async (g: fc.GeneratorValue, react: React, records: readonly DynamoDBRecord[]): Promise<void> => {
  const handler = stream({ log: { error: () => {} } as never }, async (change) => {
    const luck = g(fc.integer, { min: 0, max: 11 });
    if (luck === 0) throw new Error('killed before');
    await react(change);
    if (luck === 1) throw new Error('killed after');
  });
  for (let rest = [...records]; rest.length > 0; ) {
    const batch = rest.slice(0, g(fc.integer, { min: 1, max: 20 }));
    const { batchItemFailures } = await handler({ Records: batch });
    const failed = batchItemFailures[0]?.itemIdentifier;
    const done =
      failed === undefined ? batch.length : batch.findIndex(({ dynamodb }) => dynamodb?.SequenceNumber === failed);
    rest = rest.slice(done);
  }
};

const shuffled = <T>(g: fc.GeneratorValue, all: readonly T[]): T[] =>
  g(fc.shuffledSubarray, [...all], { minLength: all.length });

const times = <T>(g: fc.GeneratorValue, all: readonly T[], least: (one: T) => number): T[] =>
  all.flatMap((one) => Array.from({ length: g(fc.integer, { min: least(one), max: 2 }) }, () => one));

const keyOf = ({ dynamodb }: DynamoDBRecord): string => `${dynamodb?.Keys?.pk?.S} ${dynamodb?.Keys?.sk?.S}`;

/** Records that a client may do without: those that a newer one of the same item follows, where they want nothing new of an agent. */
const mayBeLost = (records: readonly DynamoDBRecord[]): Set<DynamoDBRecord> => {
  const newest = new Map(records.map((record) => [keyOf(record), record]));
  return new Set(
    records.filter(
      (record) =>
        newest.get(keyOf(record)) !== record &&
        record.dynamodb?.NewImage?.revision?.N === record.dynamodb?.OldImage?.revision?.N,
    ),
  );
};

const happenings = fc.array(happening, { minLength: 10, maxLength: 40, size: 'max' });

/** Everything happens, and `effects` gets the records some time later. */
const live = async (
  { world, executions, past, records }: Awaited<ReturnType<typeof begin>>,
  events: readonly Happening[],
  g: fc.GeneratorValue,
  start = executions.start,
): Promise<DynamoDBRecord[]> => {
  const react = effects({ ...world, ...executions, start, limits: SEAT_LIMITS, timings: SEAT_TIMINGS });
  const all: DynamoDBRecord[] = [];
  let waiting: DynamoDBRecord[] = [];
  const look = async (records: Records) => {
    const fresh = await records.next();
    all.push(...fresh);
    waiting.push(...times(g, fresh, () => 1));
  };
  for (const event of events) {
    await past.happen(event);
    if (g(fc.integer, { min: 0, max: 2 }) > 0) continue;
    await look(records);
    const now = shuffled(g, waiting);
    const some = now.slice(0, g(fc.integer, { min: 0, max: now.length }));
    waiting = now.slice(some.length);
    await deliver(g, react, some);
  }
  // What the last of them write is delivered as well.
  for (await look(records); waiting.length > 0; await look(records)) {
    const last = shuffled(g, waiting);
    waiting = [];
    await deliver(g, react, last);
  }
  return all;
};

it(
  'who drops older versions ends with what is in the table, whatever order the records came in, how often, and which were lost',
  async () => {
    await fc.assert(
      fc.asyncProperty(happenings, fc.gen(), async (events, g) => {
        const team = await begin();
        const { world, past } = team;
        const all = await live(team, events, g);
        team.records.close();
        const lost = mayBeLost(all);
        posts.length = 0;
        await deliver(
          g,
          push({ ...world, connections, watched: WATCHED }),
          shuffled(
            g,
            times(g, all, (record) => (lost.has(record) ? 0 : 1)),
          ),
        );

        const known = new Map<string, Push>();
        for (const { to, message } of posts)
          if (to === 'watcher' && message.version > (known.get(message.id)?.version ?? 0))
            known.set(message.id, message);
        const clusters = (await Promise.all(past.clusters().map(world.store.clusters.cluster))).map((each) => each!);
        const pods = (await Promise.all(past.pods().map(world.store.workspaces.workspace))).map((each) => each!);
        const present = [...clusters.map(toClusterChanged), ...pods.map(toWorkspaceChanged)];
        expect(known).toEqual(new Map(JSON.parse(JSON.stringify(present)).map((each: Push) => [each.id, each])));

        // The agent keeps what has the highest revision.
        const told = new Map<string, { revision: number; payload: object }>();
        for (const { to, message } of posts) {
          if (to !== past.agent || !message?.type.startsWith('workspace.')) continue;
          const revision = message.payload.revision ?? message.payload.seat.spec.revision;
          if (revision >= (told.get(message.id)?.revision ?? 0))
            told.set(message.id, { revision, payload: message.payload });
        }
        for (const pod of pods.filter(({ phase }) => phase !== 'Deleted'))
          expect(told.get(pod.id)?.payload).toEqual(
            pod.tombstone === undefined
              ? { seat: JSON.parse(JSON.stringify(toDesiredSeat(pod))) }
              : { id: pod.id, revision: pod.revision, volumes: pod.tombstone },
          );

        // A socket is ended for being an older one, never the one that speaks for a cluster now.
        const ended = new Set(posts.filter(({ method }) => method === 'DELETE').map(({ to }) => to));
        for (const { phase, agent } of clusters)
          if (phase !== 'Deleted' && agent !== undefined) expect(ended).not.toContain(agent.connectionId);
      }),
      { numRuns: RUNS, endOnFailure: true },
    );
  },
  PATIENCE_MS,
);

/** What its workflow waits for has come. */
const isOver = async ({ store }: World, { resource, awaited }: AwaitItem): Promise<boolean> =>
  awaited === 'seat-settled'
    ? settled((await store.workspaces.workspace(resource.id))!).state !== 'open'
    : holds(awaited, (await store.clusters.cluster(resource.id))!);

it(
  'every operation is started once and none that is over, and no wait whose condition holds goes on',
  async () => {
    await fc.assert(
      fc.asyncProperty(happenings, fc.gen(), async (events, g) => {
        const team = await begin();
        const { world, executions } = team;
        const unwanted: unknown[] = [];
        const all = await live(team, events, g, async (kind, id) => {
          const operation = await world.store.clusters.operation(id);
          if (operation?.state !== 'Pending') unwanted.push([id, operation?.state]);
          await executions.start(kind, id);
        });
        team.records.close();
        expect(unwanted).toEqual([]);
        const operations = all.filter(({ dynamodb }) => dynamodb?.NewImage?.entity?.S === 'Operation');
        for (const id of new Set(operations.map(({ dynamodb }) => String(dynamodb?.NewImage?.id?.S)))) {
          const operation = await world.store.clusters.operation(id);
          if (operation !== null && isOpen(operation)) expect(executions.running()).toContain(id);
          const waiting = await world.store.clusters.await(id);
          if (waiting !== null) expect(await isOver(world, waiting)).toBe(false);
        }
        expect(new Set(executions.signalled).size).toBe(executions.signalled.length);
      }),
      { numRuns: RUNS, endOnFailure: true },
    );
  },
  PATIENCE_MS,
);
