import { marshall } from '@aws-sdk/util-dynamodb';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { nothing } from '#core/domain/decision.ts';
import { connect as linkConnected } from '#core/domain/link.ts';
import { revokeToken } from '#core/domain/token.ts';
import type { Change } from '#core/store/change.ts';
import { toItem } from '#core/store/items.ts';
import { sha256 } from '#core/store/keys.ts';
import { endConnection } from '#functions/lib/connection-end.ts';
import { stream } from '#functions/lib/stream.ts';
import { effects } from '#functions/stream/reactions/effects.ts';
import { push } from '#functions/stream/reactions/push.ts';
import { createExecutions } from '#test/builders/executions.ts';
import { createWorld, HELLO, SEAT_LIMITS, SEAT_TIMINGS, type World } from '#test/builders/world.ts';
import { startTable, type TestTable } from './table.ts';

let table: TestTable;
let world: World;
let owner: { id: string; team: string };

beforeAll(async () => {
  table = await startTable();
});
afterAll(() => table.stop());
beforeEach(async () => {
  world = createWorld({ client: table.client, name: await table.another() });
  owner = await world.account();
});

const sockets = (gone: readonly string[] = [], broken: readonly string[] = []) => {
  // biome-ignore lint/suspicious/noExplicitAny: a message on the wire, whose form the test asserts
  const posted: { to: string; message: any }[] = [];
  const ended: string[] = [];
  return {
    posted,
    ended,
    post: async (to: string, message: unknown) => {
      if (broken.includes(to)) throw new Error('the wire is cut');
      if (gone.includes(to)) return false;
      posted.push({ to, message });
      return true;
    },
    disconnect: async (id: string) => {
      ended.push(id);
    },
  };
};

const listen = async (id: string, session?: string, who = owner): Promise<void> => {
  const connection = {
    id,
    kind: 'account',
    account: who.id,
    personalTeam: who.team,
    session,
    teams: [],
    connectedAt: world.now(),
  } as const;
  await world.store.connections.open(connection);
  await world.store.connections.subscribe(connection, who.team);
};

const pushing = (connections: ReturnType<typeof sockets>) =>
  push({ ...world, connections, watched: { paceSeconds: 30, staleAfterSeconds: 90 } });

/** A cluster whose agent is connected over the named socket. */
const withAgent = async (id: string, socket: string) => {
  const secret = await world.installToken({ id, team: owner.team });
  const token = (await world.store.tokens.byHash(sha256(secret)))!;
  const link = await world.store.clusters.nextLink(id);
  await world.store.connections.open({
    id: socket,
    kind: 'agent',
    cluster: id,
    tokenHash: token.hash,
    tokenKind: 'agent',
    link,
    connectedAt: world.now(),
  });
  const before = (await world.store.clusters.cluster(id))!;
  const decision = linkConnected(
    before,
    { link, connectionId: socket, hello: HELLO, token, replaced: null },
    world.now(),
  );
  await world.store.commit(decision, { now: world.now(), newId: world.newId });
  return { before, after: decision.next, token };
};

describe('push', () => {
  it('tells every listener of the team what changed, and nobody of another team', async () => {
    await listen('a');
    await listen('b');
    const out = sockets();
    const { next } = await world.cluster(owner);
    await pushing(out)({ entity: 'Cluster', before: null, after: next });
    expect(out.posted.map((each) => each.to).sort()).toEqual(['a', 'b']);
    expect(out.posted[0]?.message).toMatchObject({
      type: 'cluster.changed',
      id: next.id,
      version: 1,
      phase: 'Pending',
      operationId: next.operationId,
    });
    expect(Buffer.byteLength(JSON.stringify(out.posted[0]?.message))).toBeLessThan(4096);
    const stranger = await world.account();
    const { next: other } = await world.cluster(stranger);
    await pushing(out)({ entity: 'Cluster', before: null, after: other });
    expect(out.posted).toHaveLength(2);
  });

  it('forgets a listener that answers 410 and still reaches the others, whatever fails', async () => {
    for (const id of ['gone', 'broken', 'well']) await listen(id);
    const out = sockets(['gone'], ['broken']);
    const { next } = await world.cluster(owner);
    await pushing(out)({ entity: 'Cluster', before: null, after: next });
    expect(out.posted.map((each) => each.to)).toEqual(['well']);
    expect((await world.store.connections.listeners(owner.team)).sort()).toEqual(['broken', 'well']);
    expect(world.warnings).toEqual(['a push failed']);
  });

  it('says nothing of a write that moved no version', async () => {
    await listen('a');
    const out = sockets();
    const { next } = await world.readyCluster(owner);
    await pushing(out)({ entity: 'Cluster', before: next, after: next });
    expect(out.posted).toEqual([]);
  });

  it('marks the last push of a cluster as deleted and closes its agents', async () => {
    await listen('a');
    const out = sockets();
    const { next: ready } = await world.readyCluster(owner);
    await withAgent(ready.id, 'agent-1');
    const { next: deleting } = await world.decide(ready.id, {
      type: 'delete',
      actor: 'system',
      timings: { createDeadline: 1, deleteDeadline: 1, startGrace: 1 },
    });
    const { next: deleted } = await world.decide(ready.id, { type: 'deleted', operation: deleting.operationId! });
    await pushing(out)({ entity: 'Cluster', before: deleting, after: deleted });
    expect(out.posted[0]?.message).toMatchObject({ phase: 'Deleted', deleted: true });
    expect(out.ended).toContain('agent-1');
  });

  it('ends the sockets that were opened with a revoked token', async () => {
    const out = sockets();
    const { next } = await world.cluster(owner);
    const { token } = await withAgent(next.id, 'agent-1');
    const present = (await world.store.tokens.byHash(token.hash))!;
    const [write] = revokeToken(present, 'system', world.now()).writes;
    await pushing(out)({ entity: 'Token', before: present, after: write!.next as typeof present });
    expect(out.ended).toEqual(['agent-1']);
  });

  it('ends the sockets of a session that was signed out, and all of a person who signed out everywhere, nobody else’s', async () => {
    const other = await world.account();
    await listen('here-1', 'jti-1');
    await listen('here-2', 'jti-1');
    await listen('there', 'jti-2');
    await listen('stranger', 'jti-3', other);
    const out = sockets();
    const signedOut = (session?: string) => ({
      entity: 'Signout' as const,
      before: null,
      after: { account: owner.id, ...(session === undefined ? {} : { session }) },
    });
    await pushing(out)(signedOut('jti-1'));
    expect(out.ended.toSorted()).toEqual(['here-1', 'here-2']);
    await endConnection(world, 'here-1');
    await pushing(out)(signedOut());
    expect(out.ended.slice(2).toSorted()).toEqual(['here-2', 'there']);
  });

  it('ends the older socket when a second agent takes over', async () => {
    const out = sockets();
    const { next } = await world.cluster(owner);
    const first = await withAgent(next.id, 'agent-1');
    const second = await withAgent(next.id, 'agent-2');
    await pushing(out)({ entity: 'Cluster', before: first.after, after: second.after });
    expect(out.ended).toEqual(['agent-1']);
  });

  it('asks the agent to drain when a delete wants it, once', async () => {
    const out = sockets();
    const { next } = await world.cluster(owner);
    await withAgent(next.id, 'agent-1');
    const { next: deleting } = await world.decide(next.id, {
      type: 'delete',
      actor: 'system',
      timings: { createDeadline: 1, deleteDeadline: 1, startGrace: 1 },
    });
    const { next: draining } = await world.decide(next.id, { type: 'drain', operation: deleting.operationId! });
    await pushing(out)({ entity: 'Cluster', before: deleting, after: draining });
    await pushing(out)({ entity: 'Cluster', before: draining, after: { ...draining, version: draining.version + 1 } });
    expect(out.posted.filter((each) => each.message.type === 'cluster.drain')).toEqual([
      { to: 'agent-1', message: { v: 1, type: 'cluster.drain', id: next.id, payload: {} } },
    ]);
  });

  it('quickens the agents of a team when somebody begins to watch', async () => {
    const out = sockets();
    const { next } = await world.cluster(owner);
    await withAgent(next.id, 'agent-1');
    await world.cluster(owner, { name: 'without-agent' });
    await pushing(out)({ entity: 'Subscription', before: null, after: { team: owner.team, connection: 'a' } });
    expect(out.posted).toEqual([
      {
        to: 'agent-1',
        message: { v: 1, type: 'pace', id: next.id, payload: { paceSeconds: 30, staleAfterSeconds: 90 } },
      },
    ]);
  });

  it('does not repeat the watched pace to an agent whose last answer named it, but does to one that came back since', async () => {
    const out = sockets();
    const { next } = await world.cluster(owner);
    const { after } = await withAgent(next.id, 'agent-1');
    const lease = { link: after.agent!.link, lastSeenAt: world.now(), paceSeconds: 30, staleAfterSeconds: 720 };
    await world.store.commit(nothing, { now: world.now(), newId: world.newId }, [
      world.store.clusters.leaseStep(next.id, lease),
    ]);
    const subscribed: Change = {
      entity: 'Subscription',
      before: null,
      after: { team: owner.team, connection: 'a' },
    };
    await pushing(out)(subscribed);
    expect(out.posted).toEqual([]);
    await withAgent(next.id, 'agent-2');
    await pushing(out)(subscribed);
    expect(out.posted.map(({ to, message }) => [to, message.type])).toEqual([['agent-2', 'pace']]);
  });

  it('ends the link of an agent whose socket answers 410, at once and once', async () => {
    await listen('a');
    const { next } = await world.cluster(owner);
    await withAgent(next.id, 'agent-1');
    const subscribed: Change = {
      entity: 'Subscription',
      before: null,
      after: { team: owner.team, connection: 'a' },
    };
    await pushing(sockets(['agent-1']))(subscribed);
    const ended = (await world.store.clusters.cluster(next.id))!;
    expect(ended.conditions).toContainEqual(
      expect.objectContaining({ type: 'Connected', status: 'False', reason: 'Disconnected' }),
    );
    expect(await world.store.connections.get('agent-1')).toBeNull();
    await endConnection(world, 'agent-1');
    expect((await world.store.clusters.cluster(next.id))?.version).toBe(ended.version);
  });

  it('leaves the present link alone when it is an older socket that answers 410', async () => {
    const { next } = await world.cluster(owner);
    await withAgent(next.id, 'agent-1');
    const { after } = await withAgent(next.id, 'agent-2');
    await endConnection(world, 'agent-1');
    expect(await world.store.clusters.cluster(next.id)).toEqual(after);
  });
});

describe('effects', () => {
  const reacting = (executions: ReturnType<typeof createExecutions>) =>
    effects({ ...world, ...executions, limits: SEAT_LIMITS, timings: SEAT_TIMINGS });

  it('starts the execution of a new operation, and a repeated record starts nothing more', async () => {
    const executions = createExecutions();
    const { operation } = await world.cluster(owner);
    const change: Change = { entity: 'Operation', before: null, after: operation! };
    await reacting(executions)(change);
    await reacting(executions)(change);
    expect(executions.started).toEqual([operation!.id]);
  });

  it('does not start what was superseded before its record came', async () => {
    const executions = createExecutions();
    const { next, operation } = await world.cluster(owner);
    await world.decide(next.id, {
      type: 'delete',
      actor: 'system',
      timings: { createDeadline: 1, deleteDeadline: 1, startGrace: 1 },
    });
    await reacting(executions)({ entity: 'Operation', before: null, after: operation! });
    expect(executions.started).toEqual([]);
  });

  it('signals a wait when its condition comes, and also when the condition was there before the token', async () => {
    const executions = createExecutions();
    const { next } = await world.cluster(owner);
    const operation = next.operationId!;
    const wait = {
      operation,
      resource: { type: 'cluster' as const, id: next.id },
      awaited: 'agent-connected' as const,
      taskToken: 'task-1',
    };
    executions.tokens.add('task-1').add('task-2');
    await world.store.clusters.putAwait(wait, world.now());
    await reacting(executions)({ entity: 'Await', before: null, after: wait });
    expect(executions.signalled).toEqual([]);
    const { before, after } = await withAgent(next.id, 'agent-1');
    await reacting(executions)({ entity: 'Cluster', before, after });
    expect(executions.signalled).toEqual(['task-1']);
    expect(await world.store.clusters.await(operation)).toBeNull();
    await world.store.clusters.putAwait({ ...wait, taskToken: 'task-2' }, world.now());
    await reacting(executions)({ entity: 'Await', before: null, after: { ...wait, taskToken: 'task-2' } });
    expect(executions.signalled).toEqual(['task-1', 'task-2']);
  });

  it('takes an ended task token as final and forgets it', async () => {
    const executions = createExecutions();
    const { next } = await world.cluster(owner);
    await withAgent(next.id, 'agent-1');
    const wait = {
      operation: next.operationId!,
      resource: { type: 'cluster' as const, id: next.id },
      awaited: 'agent-connected' as const,
      taskToken: 'ended',
    };
    await world.store.clusters.putAwait(wait, world.now());
    await reacting(executions)({ entity: 'Await', before: null, after: wait });
    expect(await world.store.clusters.await(next.operationId!)).toBeNull();
  });
});

describe('the stream adapter', () => {
  const record = (sequence: string, image: object) => ({
    eventID: sequence,
    dynamodb: { SequenceNumber: sequence, NewImage: marshall(image, { removeUndefinedValues: true }) },
  });

  it('reports the first record that failed, so that only it and what follows come again', async () => {
    const { next } = await world.cluster(owner);
    const seen: string[] = [];
    const handler = stream(world, async (change) => {
      seen.push(change.entity);
      if (seen.length === 2) throw new Error('the table is away');
    });
    const event = { Records: ['1', '2', '3'].map((sequence) => record(sequence, toItem(next))) };
    expect(await handler(event as never)).toEqual({ batchItemFailures: [{ itemIdentifier: '2' }] });
    expect(seen).toEqual(['Cluster', 'Cluster']);
  });

  it('passes over records of what nobody reacts to and those that cannot be read', async () => {
    const handler = stream(world, async () => {
      throw new Error('must not be called');
    });
    const broken = { eventID: '2', dynamodb: { SequenceNumber: '2', NewImage: { pk: { X: 'no such type' } } } };
    expect(await handler({ Records: [record('1', { pk: 'x', sk: 'x', entity: 'Audit' }), broken] } as never)).toEqual({
      batchItemFailures: [],
    });
  });
});
