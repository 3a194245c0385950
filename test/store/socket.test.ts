import { createHash, randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PROTOCOL } from '#core/contract/agent.ts';
import type { AppError } from '#core/contract/errors.ts';
import { revokeToken } from '#core/domain/token.ts';
import { sha256 } from '#core/store/keys.ts';
import type { AgentDeps } from '#functions/socket/messages/answer.ts';
import { connect, disconnect } from '#functions/socket/messages/connect.ts';
import { message } from '#functions/socket/messages/message.ts';
import { createAgentWorld, type World } from '#test/builders/world.ts';
import { startTable, type TestTable } from './table.ts';

let table: TestTable;
let world: World & AgentDeps;
let owner: { id: string; team: string };

beforeAll(async () => {
  table = await startTable();
  world = createAgentWorld(table);
  owner = await world.account();
});
afterAll(() => table.stop());

let sockets = 0;
const nextSocket = () => `socket-${++sockets}`;
const hash = (value: string) => createHash('sha256').update(value).digest('hex');

// biome-ignore lint/suspicious/noExplicitAny: an answer on the wire, whose form the test asserts
const send = async (connectionId: string, body: unknown): Promise<any> =>
  message(world)(connectionId, typeof body === 'string' ? body : JSON.stringify(body));

const hello = (change: object = {}) => ({
  v: PROTOCOL,
  type: 'hello',
  id: 'h',
  seq: 0,
  payload: {
    protocol: { min: 1, max: 1 },
    agentVersion: '0.1.0',
    kubernetesVersion: '1.35',
    capabilities: ['cluster.info'],
    clusterUid: 'uid-1',
    podUid: 'pod-1',
    ...change,
  },
});

const open = async (agentToken: string): Promise<string> => {
  const connectionId = nextSocket();
  await connect(world)({ connectionId, ticket: undefined, agentToken });
  return connectionId;
};

/** A cluster whose agent has traded its install token and said hello. */
const connected = async () => {
  const { next: cluster } = await world.cluster(owner, { name: `c${randomBytes(4).toString('hex')}` });
  const install = await world.installToken(cluster);
  const own = `rsc_${randomBytes(32).toString('base64url')}`;
  const first = await open(install);
  expect(await send(first, hello({ nextTokenHash: hash(own) }))).toMatchObject({
    type: 'hello.ack',
    payload: { reconnect: true },
  });
  const socket = await open(own);
  expect(await send(socket, hello())).toMatchObject({
    type: 'hello.ack',
    id: 'h',
    payload: { reconnect: false, clusterId: cluster.id, deploymentId: 'dep' },
  });
  return { id: cluster.id, install, own, socket, first };
};

const connectedCondition = async (id: string) =>
  (await world.store.clusters.cluster(id))?.conditions.find((each) => each.type === 'Connected');

const refused = async (attempt: Promise<unknown>): Promise<number> => {
  try {
    await attempt;
    return 200;
  } catch (error) {
    return (error as AppError).status;
  }
};

const ticketFor = async (account: { id: string; team: string }, session?: string): Promise<string> => {
  const ticket = `rst_${randomBytes(32).toString('base64url')}`;
  await world.store.people.addTicket(ticket, { account: account.id, personalTeam: account.team, session }, world.now());
  return ticket;
};

describe('a person at the socket', () => {
  it('opens one connection with a ticket, and the ticket is used up by it', async () => {
    const ticket = await ticketFor(owner);
    expect(await refused(connect(world)({ connectionId: nextSocket(), ticket, agentToken: undefined }))).toBe(200);
    expect(await refused(connect(world)({ connectionId: nextSocket(), ticket, agentToken: undefined }))).toBe(401);
  });

  it('is refused with an expired ticket, an unknown one, and with none', async () => {
    const ticket = await ticketFor(owner);
    world.pass(61);
    expect(await refused(connect(world)({ connectionId: nextSocket(), ticket, agentToken: undefined }))).toBe(401);
    expect(
      await refused(connect(world)({ connectionId: nextSocket(), ticket: 'rst_unknown', agentToken: undefined })),
    ).toBe(401);
    expect(
      await refused(connect(world)({ connectionId: nextSocket(), ticket: undefined, agentToken: undefined })),
    ).toBe(401);
  });

  it('subscribes to its personal team, is among the listeners, and leaves nothing behind when it goes', async () => {
    const socket = nextSocket();
    await connect(world)({ connectionId: socket, ticket: await ticketFor(owner), agentToken: undefined });
    expect(await send(socket, { type: 'subscribe', id: '1' })).toEqual({
      type: 'subscribed',
      id: '1',
      team: owner.team,
    });
    expect(await send(socket, { type: 'subscribe', id: '2' })).toEqual({
      type: 'subscribed',
      id: '2',
      team: owner.team,
    });
    expect(await world.store.connections.listeners(owner.team)).toContain(socket);
    await disconnect(world)(socket);
    expect(await world.store.connections.listeners(owner.team)).not.toContain(socket);
    expect(await world.store.connections.get(socket)).toBeNull();
  });

  it('is refused with a ticket of a session that was signed out, which leaves nothing behind', async () => {
    const person = await world.account();
    const [before, other] = [await ticketFor(person, 'jti-1'), await ticketFor(person, 'jti-2')];
    await world.store.people.signOut(person.id, 'jti-1', world.now());
    const socket = nextSocket();
    expect(await refused(connect(world)({ connectionId: socket, ticket: before, agentToken: undefined }))).toBe(401);
    expect(await world.store.connections.get(socket)).toBeNull();
    expect(await world.store.connections.ofAccount(person.id)).toEqual([]);
    const good = nextSocket();
    expect(await refused(connect(world)({ connectionId: good, ticket: other, agentToken: undefined }))).toBe(200);
    expect(await world.store.connections.ofAccount(person.id, 'jti-2')).toEqual([good]);
  });

  it('is refused with any ticket from before a sign-out of everything, and taken with one from after it', async () => {
    const person = await world.account();
    const before = await ticketFor(person, 'jti-1');
    world.pass(1);
    await world.store.people.signOutAll(person.id, world.now());
    expect(await refused(connect(world)({ connectionId: nextSocket(), ticket: before, agentToken: undefined }))).toBe(
      401,
    );
    world.pass(1);
    const after = await ticketFor(person, 'jti-2');
    expect(await refused(connect(world)({ connectionId: nextSocket(), ticket: after, agentToken: undefined }))).toBe(
      200,
    );
  });

  it('listens to nothing any more when its session has ended, also where nobody closed the socket', async () => {
    const person = await world.account();
    const socket = nextSocket();
    await connect(world)({ connectionId: socket, ticket: await ticketFor(person, 'jti-9'), agentToken: undefined });
    await send(socket, { type: 'subscribe' });
    await world.store.people.signOut(person.id, 'jti-9', world.now());
    expect(await send(socket, { type: 'ping', id: '1' })).toMatchObject({ type: 'error', code: 'auth.invalid_token' });
    expect(await world.store.connections.listeners(person.team)).toEqual([]);
    expect(await send(socket, { type: 'subscribe' })).toMatchObject({ type: 'error', code: 'auth.invalid_token' });
  });

  it('unsubscribes, is answered a pong, and is told what it may send when it is not understood', async () => {
    const socket = nextSocket();
    await connect(world)({ connectionId: socket, ticket: await ticketFor(owner), agentToken: undefined });
    await send(socket, { type: 'subscribe' });
    expect(await send(socket, { type: 'unsubscribe', id: '3' })).toEqual({
      type: 'unsubscribed',
      id: '3',
      team: owner.team,
    });
    expect(await world.store.connections.listeners(owner.team)).not.toContain(socket);
    expect(await send(socket, { type: 'ping', id: '4' })).toEqual({ type: 'pong', id: '4', at: world.now() });
    expect(await send(socket, { type: 'shout', id: '5' })).toMatchObject({
      type: 'error',
      id: '5',
      code: 'request.invalid',
    });
    expect(await send(socket, 'not json')).toMatchObject({ type: 'error', code: 'request.invalid' });
  });

  it('is told not_found for the team of somebody else, as for one that is not there', async () => {
    const stranger = await world.account();
    const socket = nextSocket();
    await connect(world)({ connectionId: socket, ticket: await ticketFor(stranger), agentToken: undefined });
    expect(await send(socket, { type: 'subscribe', team: owner.team })).toMatchObject({
      type: 'error',
      code: 'not_found',
    });
    expect(await send(socket, { type: 'subscribe', team: world.newId('team') })).toMatchObject({
      type: 'error',
      code: 'not_found',
    });
  });

  it('is told to connect again when its connection is not known any more', async () => {
    expect(await send('socket-gone', { type: 'ping' })).toMatchObject({ type: 'error', code: 'auth.invalid_token' });
  });
});

describe('an agent at the socket', () => {
  it('trades its install token for the token it made, and is connected by its first hello with that', async () => {
    const { id, install } = await connected();
    expect(await connectedCondition(id)).toMatchObject({ status: 'True', reason: 'Hello' });
    expect(await world.store.clusters.cluster(id)).toMatchObject({
      clusterUid: 'uid-1',
      agent: { version: '0.1.0', kubernetesVersion: '1.35' },
    });
    expect(await world.store.clusters.lease(id)).toMatchObject({ lastSeenAt: world.now(), staleAfterSeconds: 720 });
    expect(await refused(open(install))).toBe(401);
  });

  it('may repeat the trade with the same hash before it connects, but not with another', async () => {
    const { next: cluster } = await world.cluster(owner, { name: 'trade' });
    const install = await world.installToken(cluster);
    const socket = await open(install);
    expect(await send(socket, hello({ nextTokenHash: hash('a') }))).toMatchObject({
      type: 'hello.ack',
      payload: { reconnect: true },
    });
    expect(await send(await open(install), hello({ nextTokenHash: hash('a') }))).toMatchObject({
      type: 'hello.ack',
      payload: { reconnect: true },
    });
    expect(await send(await open(install), hello({ nextTokenHash: hash('b') }))).toMatchObject({
      type: 'error',
      payload: { code: 'Revoked' },
    });
  });

  it('may say nothing but hello over an install token, and must name the hash of its next token', async () => {
    const { next: cluster } = await world.cluster(owner, { name: 'only-hello' });
    const socket = await open(await world.installToken(cluster));
    expect(
      await send(socket, { v: 1, type: 'heartbeat', id: 'b', seq: 1, payload: { paceSeconds: 30 } }),
    ).toMatchObject({ type: 'error', payload: { code: 'NotHello' } });
    expect(await send(socket, hello())).toMatchObject({ type: 'error', payload: { code: 'Invalid' } });
    expect(await connectedCondition(cluster.id)).toBeUndefined();
  });

  it('is refused the same way with an unknown, an expired and a revoked token', async () => {
    const { next: cluster } = await world.cluster(owner, { name: 'refused' });
    const revoked = await world.installToken(cluster);
    const token = await world.store.tokens.byHash(sha256(revoked));
    await world.store.commit(revokeToken(token!, 'system', world.now()), { now: world.now(), newId: world.newId });
    const expired = await world.installToken(cluster);
    world.pass(3601);
    for (const value of [revoked, expired, 'rsc_unknown']) expect(await refused(open(value))).toBe(401);
  });

  it('of another cluster is refused as a clone, which is recorded once and never adopted', async () => {
    const { id, own } = await connected();
    const clone = await open(own);
    expect(await send(clone, hello({ clusterUid: 'uid-2' }))).toMatchObject({
      type: 'error',
      payload: { code: 'CloneDetected' },
    });
    const version = (await world.store.clusters.cluster(id))?.version;
    expect(await send(clone, hello({ clusterUid: 'uid-2' }))).toMatchObject({
      type: 'error',
      payload: { code: 'CloneDetected' },
    });
    const cluster = await world.store.clusters.cluster(id);
    expect(cluster).toMatchObject({ version, clusterUid: 'uid-1' });
    expect(cluster?.conditions.find((each) => each.type === 'CloneDetected')?.status).toBe('True');
  });

  it('keeps its lease by heartbeats without touching the cluster, and is told the pace', async () => {
    const { id, socket } = await connected();
    const before = await world.store.clusters.cluster(id);
    world.pass(30);
    expect(await send(socket, { v: 1, type: 'heartbeat', id: 'b1', seq: 1, payload: { paceSeconds: 300 } })).toEqual({
      v: 1,
      type: 'heartbeat.ack',
      id: 'b1',
      payload: { paceSeconds: 300, staleAfterSeconds: 720 },
    });
    expect(await world.store.clusters.lease(id)).toMatchObject({ lastSeenAt: world.now() });
    expect(await world.store.clusters.cluster(id)).toEqual(before);
  });

  it('goes to the watched pace while somebody listens, and the shorter staleness counts only after a heartbeat at it', async () => {
    const { id, socket } = await connected();
    const listener = nextSocket();
    await connect(world)({ connectionId: listener, ticket: await ticketFor(owner), agentToken: undefined });
    await send(listener, { type: 'subscribe' });
    expect(
      await send(socket, { v: 1, type: 'heartbeat', id: 'b1', seq: 1, payload: { paceSeconds: 300 } }),
    ).toMatchObject({ payload: { paceSeconds: 30, staleAfterSeconds: 90 } });
    expect(await world.store.clusters.lease(id)).toMatchObject({ staleAfterSeconds: 720 });
    await send(socket, { v: 1, type: 'heartbeat', id: 'b2', seq: 2, payload: { paceSeconds: 30 } });
    expect(await world.store.clusters.lease(id)).toMatchObject({ staleAfterSeconds: 90 });
    await disconnect(world)(listener);
  });

  it('has its reports taken in the order of their seq; an older one is dropped', async () => {
    const { id, socket } = await connected();
    const amounts = { cpuMillis: 2000, memoryMiB: 8192, gpus: 0, pods: 20 };
    const info = (seq: number, nodes: number) => ({
      v: 1,
      type: 'cluster.info',
      id: `i${seq}`,
      seq,
      payload: { nodes, readyNodes: nodes, allocatable: amounts, requested: amounts },
    });
    expect(await send(socket, info(5, 2))).toMatchObject({ type: 'ack', id: 'i5' });
    expect(await send(socket, info(4, 1))).toMatchObject({ type: 'error', payload: { code: 'Stale' } });
    expect((await world.store.clusters.cluster(id))?.info?.nodes).toBe(2);
  });

  it('that goes makes the cluster disconnected at once', async () => {
    const { id, socket } = await connected();
    await disconnect(world)(socket);
    expect(await connectedCondition(id)).toMatchObject({ status: 'False', reason: 'Disconnected' });
  });

  it('that came back is not made disconnected by the late end of its old socket, and the old one may not speak any more', async () => {
    const { id, own, socket } = await connected();
    const second = await open(own);
    await send(second, hello({ podUid: 'pod-2' }));
    expect(
      await send(socket, { v: 1, type: 'heartbeat', id: 'late', seq: 9, payload: { paceSeconds: 300 } }),
    ).toMatchObject({ type: 'error', payload: { code: 'Stale' } });
    expect(await send(socket, hello())).toMatchObject({ type: 'error', payload: { code: 'Stale' } });
    await disconnect(world)(socket);
    expect(await connectedCondition(id)).toMatchObject({ status: 'True' });
  });

  it('whose token is revoked is refused at its next message', async () => {
    const { own, socket } = await connected();
    const token = await world.store.tokens.byHash(sha256(own));
    await world.store.commit(revokeToken(token!, `account:${owner.id}`, world.now()), {
      now: world.now(),
      newId: world.newId,
    });
    expect(
      await send(socket, { v: 1, type: 'heartbeat', id: 'b', seq: 1, payload: { paceSeconds: 300 } }),
    ).toMatchObject({ type: 'error', payload: { code: 'Revoked' } });
  });

  it('rotates its token: the new one ends the old at its first connection', async () => {
    const { own, socket } = await connected();
    const next = `rsc_${randomBytes(32).toString('base64url')}`;
    const rotate = { v: 1, type: 'token.rotate', id: 'r', seq: 1, payload: { nextTokenHash: hash(next) } };
    expect(await send(socket, rotate)).toMatchObject({ type: 'ack' });
    expect(await send(socket, rotate)).toMatchObject({ type: 'ack' });
    expect(await refused(open(own))).toBe(200);
    expect(await send(await open(next), hello())).toMatchObject({ type: 'hello.ack' });
    expect(await refused(open(own))).toBe(401);
  });

  it('is answered "unsupported" for a message that this server does not know', async () => {
    const { socket } = await connected();
    expect(await send(socket, { v: 1, type: 'weather', id: 'w', seq: 1, payload: {} })).toEqual({
      v: 1,
      type: 'unsupported',
      id: 'w',
      payload: { type: 'weather' },
    });
  });
});
