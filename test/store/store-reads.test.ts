/** What is read from the table, and the table itself when DynamoDB is slow or busy. */
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AppError } from '#core/contract/errors.ts';
import { plus } from '#core/domain/clock.ts';
import type { ClusterState } from '#core/domain/cluster-state.ts';
import { nothing, type Versioned, write } from '#core/domain/decision.ts';
import { SUBSCRIPTION_LIMIT } from '#core/store/connections.ts';
import { keys } from '#core/store/keys.ts';
import { createTable } from '#core/store/table.ts';
import { createWorld, START, type World } from '#test/builders/world.ts';
import { startTable, type TestTable } from './table.ts';

let table: TestTable;
let world: World;
let owner: { id: string; team: string };

beforeAll(async () => {
  table = await startTable();
  world = createWorld(table);
  owner = await world.account();
});
afterAll(() => table.stop());

const context = () => ({ now: world.now(), newId: world.newId });
const _writing = <E extends Versioned>(before: E | null, next: E) => ({ ...nothing, writes: [write(before, next)] });
let names = 0;
const cluster = async () =>
  (await world.cluster(owner, { name: `s${++names}`, workers: { count: 1, size: 'small' } })).next;

describe('a lease', () => {
  const lease = (link: number) => ({ link, lastSeenAt: START, paceSeconds: 30, staleAfterSeconds: 90 });

  it('is taken by a newer link, never by an older one, and touched only by its own', async () => {
    const { id } = await cluster();
    const put = (link: number) =>
      world.store.commit(nothing, context(), [world.store.clusters.leaseStep(id, lease(link))]);
    await put(2);
    await put(3);
    await expect(put(2)).rejects.toMatchObject({ code: 'conflict' });
    expect(await world.store.clusters.touchLease(id, { ...lease(3), lastSeenAt: plus(START, 9) })).toBe(true);
    expect(await world.store.clusters.touchLease(id, { ...lease(2), lastSeenAt: plus(START, 99) })).toBe(false);
    expect(await world.store.clusters.withLease(id)).toMatchObject({
      cluster: { id },
      lease: { link: 3, lastSeenAt: plus(START, 9) },
    });
  });

  it('is due when it would be stale, moves when looked at, and rests', async () => {
    const { id } = await cluster();
    await world.store.commit(nothing, context(), [world.store.clusters.leaseStep(id, lease(1))]);
    const due = async (now: string) =>
      (await world.store.clusters.due<{ cluster: string }>('lease', now)).map((each) => each.cluster);
    expect(await due(plus(START, 89))).not.toContain(id);
    expect(await due(plus(START, 90))).toContain(id);
    const read = (await world.store.clusters.lease(id))!;
    await world.store.clusters.rearmLease(id, read, plus(START, 500));
    expect(await due(plus(START, 499))).not.toContain(id);
    await world.store.clusters.restLease(id, read);
    expect(await due(plus(START, 9999))).not.toContain(id);
    await world.store.clusters.restLease('clu_none', read);
    expect(await world.store.clusters.lease('clu_none')).toBeNull();
  });

  it('is due as the last hello says, also when it is moved or put to rest by who read it before', async () => {
    const { id } = await cluster();
    const write = (held: ReturnType<typeof lease>) =>
      world.store.commit(nothing, context(), [world.store.clusters.leaseStep(id, held)]);
    await write(lease(1));
    const read = (await world.store.clusters.lease(id))!;
    await write({ ...lease(2), lastSeenAt: plus(START, 200) });
    const due = async (now: string) =>
      (await world.store.clusters.due<{ cluster: string }>('lease', now)).map((each) => each.cluster);
    await world.store.clusters.restLease(id, read);
    expect(await due(plus(START, 290))).toContain(id);
    await world.store.clusters.rearmLease(id, read, plus(START, 900));
    expect(await due(plus(START, 290))).toContain(id);
    const again = (await world.store.clusters.lease(id))!;
    await world.store.clusters.touchLease(id, { ...again, lastSeenAt: plus(START, 280) });
    await world.store.clusters.restLease(id, again);
    expect(await due(plus(START, 290))).toContain(id);
  });

  it('has link numbers that only grow, also when asked for at once', async () => {
    const { id } = await cluster();
    const numbers = await Promise.all(Array.from({ length: 8 }, () => world.store.clusters.nextLink(id)));
    expect(numbers.toSorted((a, b) => a - b)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
  });
});

describe('what is due', () => {
  it('is an open operation until it ends, and looked at again when it was put off', async () => {
    const made = await cluster();
    const due = async (now: string) =>
      (await world.store.clusters.due<{ id: string }>('operation', now)).map((each) => each.id);
    const id = made.operationId as string;
    expect(await due(plus(START, 59))).not.toContain(id);
    expect(await due(plus(START, 60))).toContain(id);
    await world.store.clusters.rearmOperation(id, plus(START, 120));
    expect(await due(plus(START, 119))).not.toContain(id);
    await world.decide(made.id, { type: 'created', operation: id });
    expect(await due(plus(START, 99_999))).not.toContain(id);
    expect(
      (await world.store.clusters.due<ClusterState>('cluster', plus(START, 3600))).map((each) => each.id),
    ).toContain(made.id);
  });

  it('is a waiting task token, until that very one is ended', async () => {
    const item = {
      operation: 'opn_1',
      resource: { type: 'cluster', id: 'clu_1' },
      awaited: 'drained',
      taskToken: 'one',
    } as const;
    await world.store.clusters.putAwait(item, START);
    await world.store.clusters.putAwait({ ...item, taskToken: 'two' }, START);
    await world.store.clusters.endAwait(item);
    expect(await world.store.clusters.await('opn_1')).toMatchObject({ taskToken: 'two' });
    expect(await world.store.clusters.due('await', START)).toMatchObject([{ taskToken: 'two' }]);
    await world.store.clusters.endAwait({ ...item, taskToken: 'two' });
    expect(await world.store.clusters.await('opn_1')).toBeNull();
  });
});

describe('a page of clusters', () => {
  it('is filled over several reads where a filter leaves few, and a foreign cursor is only a place in one’s own list', async () => {
    const person = await world.account();
    const made: string[] = [];
    for (let n = 0; n < 7; n += 1)
      made.unshift(
        (
          await world
            .cluster(person, { name: `pg${n}`, workers: { count: 1, size: 'small' }, labels: { odd: String(n % 2) } })
            .catch((error) => {
              if (error instanceof AppError) return world.readyCluster(person);
              throw error;
            })
        ).next.id,
      );
    const page = (cursor?: string) =>
      world.store.clusters.page({
        team: person.team,
        account: person.id,
        limit: 2,
        cursor,
        matches: (each) => each.labels.odd === '0',
      });
    const first = await page();
    expect(first.items).toHaveLength(2);
    const second = await page(first.nextCursor);
    const all = [...first.items, ...second.items].map(({ cluster: each }) => each.id);
    expect(new Set(all).size).toBe(all.length);
    expect(first.role).toBe('owner');
    const theirs = await world.store.clusters.page({
      team: owner.team,
      account: person.id,
      limit: 50,
      cursor: first.nextCursor,
      matches: () => true,
    });
    expect(theirs.items.every(({ cluster: each }) => each.team === owner.team)).toBe(true);
    expect(theirs.role).toBeNull();
    await expect(page('clu_x')).rejects.toMatchObject({ code: 'request.cursor_invalid' });
  });
});

describe('connections', () => {
  const person = (id: string) => ({
    id,
    kind: 'account' as const,
    account: owner.id,
    personalTeam: owner.team,
    teams: [],
    connectedAt: START,
  });

  it('listen to teams, and leave nothing behind when they are closed', async () => {
    await world.store.connections.open(person('p1'));
    await world.store.connections.subscribe(person('p1'), 'team_a');
    const now = (await world.store.connections.get('p1')) as ReturnType<typeof person>;
    expect(now.teams).toEqual(['team_a']);
    await world.store.connections.subscribe(now, 'team_a');
    await world.store.connections.subscribe(now, 'team_b');
    expect(await world.store.connections.isWatched('team_b')).toBe(true);
    await world.store.connections.unsubscribe({ ...now, teams: ['team_a', 'team_b'] as never }, 'team_b');
    expect(await world.store.connections.isWatched('team_b')).toBe(false);
    expect(await world.store.connections.listeners('team_a')).toEqual(['p1']);
    expect(await world.store.connections.close('p1')).toMatchObject({ id: 'p1' });
    expect(await world.store.connections.listeners('team_a')).toEqual([]);
    expect(await world.store.connections.close('p1')).toBeNull();
    await expect(world.store.connections.subscribe(person('p1'), 'team_a')).rejects.toMatchObject({ code: 'conflict' });
  });

  it('end up with what was asked last, also when both were read before', async () => {
    await world.store.connections.open(person('p3'));
    await world.store.connections.subscribe(person('p3'), 'team_c');
    const read = (await world.store.connections.get('p3')) as ReturnType<typeof person>;
    await world.store.connections.subscribe(read, 'team_d');
    await world.store.connections.unsubscribe(read, 'team_c');
    await world.store.connections.subscribe(read, 'team_d');
    expect(await world.store.connections.get('p3')).toMatchObject({ teams: ['team_d'] });
    expect(await world.store.connections.listeners('team_c')).toEqual([]);
    await world.store.connections.close('p3');
    expect(await world.store.connections.listeners('team_d')).toEqual([]);
    await expect(world.store.connections.unsubscribe(read, 'team_c')).rejects.toMatchObject({ code: 'conflict' });
  });

  it('that subscribe and unsubscribe at once lose none of it, and close with nothing left', async () => {
    const teams = Array.from({ length: 6 }, (_, n) => `team_once_${n}`);
    const [kept, dropped] = [teams.slice(3), teams.slice(0, 3)];
    await world.store.connections.open(person('p4'));
    for (const team of dropped)
      await world.store.connections.subscribe(
        (await world.store.connections.get('p4')) as ReturnType<typeof person>,
        team,
      );
    const read = (await world.store.connections.get('p4')) as ReturnType<typeof person>;
    await Promise.all([
      ...kept.map((team) => world.store.connections.subscribe(read, team)),
      ...dropped.map((team) => world.store.connections.unsubscribe(read, team)),
    ]);
    const now = (await world.store.connections.get('p4')) as ReturnType<typeof person>;
    expect([...now.teams].sort()).toEqual(kept);
    const listening = (all: string[]) =>
      Promise.all(all.map(async (team) => (await world.store.connections.listeners(team)).includes('p4')));
    expect(await listening(teams)).toEqual([false, false, false, true, true, true]);
    await world.store.connections.close('p4');
    expect(await listening(teams)).toEqual(teams.map(() => false));
  });

  it('listen to a limited number of teams', async () => {
    const full = { ...person('p2'), teams: Array.from({ length: SUBSCRIPTION_LIMIT }, (_, n) => `team_${n}`) };
    await expect(world.store.connections.subscribe(full, 'team_more')).rejects.toMatchObject({
      code: 'request.invalid',
    });
  });

  it('of agents are found by their cluster, and a listener that is gone is dropped', async () => {
    const agent = {
      id: 'a1',
      kind: 'agent' as const,
      cluster: 'clu_9',
      tokenHash: 'h',
      tokenKind: 'agent' as const,
      link: 1,
      connectedAt: START,
    };
    await world.store.connections.open(agent);
    expect(await world.store.connections.ofCluster('clu_9')).toMatchObject([{ id: 'a1', link: 1 }]);
    await world.store.connections.close('a1');
    expect(await world.store.connections.ofCluster('clu_9')).toEqual([]);
    await world.store.connections.open(person('p3'));
    await world.store.connections.subscribe(person('p3'), 'team_c');
    await world.store.connections.dropListener('team_c', 'p3');
    expect(await world.store.connections.listeners('team_c')).toEqual([]);
  });
});

it('tokens are found by hash and by cluster, the oldest first', async () => {
  const made = await cluster();
  const [one, two] = [await world.installToken(made), await world.installToken(made)];
  expect(one).not.toBe(two);
  const listed = await world.store.tokens.ofCluster(made.id);
  expect(listed).toHaveLength(2);
  expect(listed.map((each) => each.id)).toEqual(listed.map((each) => each.id).toSorted());
  expect(await world.store.tokens.byHash(listed[0]?.hash as string)).toEqual(listed[0]);
  expect(await world.store.tokens.byHash('none')).toBeNull();
});

it('versions of providers are kept', async () => {
  const versions = { default: '1.35', offered: ['1.35'], refreshedAt: START };
  expect(await world.store.clusters.versions('eks')).toBeNull();
  await world.store.clusters.putVersions('eks', versions);
  expect(await world.store.clusters.versions('eks')).toMatchObject(versions);
});

describe('the table', () => {
  const clientThat = (answer: (name: string, tries: number) => unknown) => {
    const client = new DynamoDBClient({
      endpoint: table.endpoint,
      region: 'us-east-1',
      credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
      maxAttempts: 1,
    });
    let tries = 0;
    client.middlewareStack.add(
      (next, { commandName }) =>
        async (args) => {
          const output = answer(String(commandName), ++tries);
          if (output instanceof Error) throw output;
          return output === undefined ? next(args) : ({ output, response: {} } as never);
        },
      { step: 'initialize' },
    );
    return client;
  };

  it('asks again for items that DynamoDB left unprocessed', async () => {
    const made = await cluster();
    const key = keys.cluster(made.id);
    const client = clientThat((_, tries) =>
      tries === 1
        ? {
            Responses: {},
            UnprocessedKeys: { [table.name]: { Keys: [key] } },
            $metadata: {},
          }
        : undefined,
    );
    const waits: number[] = [];
    const patient = { random: () => 0.5, sleep: async (milliseconds: number) => void waits.push(milliseconds) };
    const raw = createTable({ client, name: table.name, ...patient });
    expect(await raw.batchGet([key, keys.team('none')])).toMatchObject([{ id: made.id }, null]);
    expect(waits).toEqual([25]);
  });

  it('waits longer each time for items that it leaves unprocessed, and then says that it is busy', async () => {
    const key = keys.team('team_1');
    const waits: number[] = [];
    const client = clientThat(() => ({
      Responses: {},
      UnprocessedKeys: { [table.name]: { Keys: [key] } },
      $metadata: {},
    }));
    const sleep = async (milliseconds: number) => void waits.push(milliseconds);
    const raw = createTable({ client, name: table.name, random: () => 1, sleep });
    await expect(raw.batchGet([key])).rejects.toMatchObject({ code: 'retry' });
    expect(waits).toEqual([50, 100, 200, 400, 800, 800]);
  });

  it('waits a little longer at each throttling, with jitter, and then says that it is busy', async () => {
    const waits: number[] = [];
    const client = clientThat(() => Object.assign(new Error('slow down'), { name: 'ThrottlingException' }));
    const raw = createTable({
      client,
      name: table.name,
      random: () => 0.5,
      sleep: async (milliseconds) => {
        waits.push(milliseconds);
      },
    });
    await expect(raw.put({ pk: 'x', sk: 'x' })).rejects.toMatchObject({ code: 'retry', status: 503 });
    expect(waits).toEqual([25, 50, 100, 200, 400, 400]);
  });

  it('passes on what is neither a conflict nor a condition', async () => {
    const raw = createTable({
      client: clientThat(() => new Error('broken')),
      name: table.name,
      random: () => 0,
      sleep: async () => {},
    });
    await expect(raw.put({ pk: 'x', sk: 'x' })).rejects.toThrow('broken');
    await expect(raw.transact([{ item: {}, onFailed: () => new Error('condition') }])).rejects.toThrow('broken');
  });

  it('writes only where the condition holds, and says whether it did', async () => {
    const raw = createTable({ ...table, random: () => 0, sleep: async () => {} });
    const item = { pk: 'COND#1', sk: 'COND', n: 1 };
    const fresh = { expression: 'attribute_not_exists(pk)' };
    expect([await raw.put(item, fresh), await raw.put(item, fresh)]).toEqual([true, false]);
    const key = { pk: item.pk, sk: item.sk };
    expect(
      await raw.update(key, { expression: 'SET n = :n', values: { ':n': 2, ':old': 9 }, condition: 'n = :old' }),
    ).toBeNull();
    expect(await raw.update(key, { expression: 'SET n = :n', values: { ':n': 2 } })).toMatchObject({ n: 2 });
    expect(await raw.remove(key, { expression: 'n = :n', values: { ':n': 1 } })).toBeNull();
    expect(await raw.remove(key)).toMatchObject({ n: 2 });
    expect(await raw.remove(key)).toBeNull();
  });
});
