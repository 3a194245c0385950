/** What agents ask and say about dev pods, over the socket function and DynamoDB Local. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { digestInput, type SeatRow } from '#core/contract/agent.ts';
import { decideWorkspace } from '#core/domain/workspace.ts';
import { sha256 } from '#core/store/keys.ts';
import type { AgentDeps } from '#functions/socket/messages/answer.ts';
import { message } from '#functions/socket/messages/message.ts';
import { connectedCluster, seatsIn } from '#test/builders/seat-world.ts';
import { seatSpec, seatStatus } from '#test/builders/seats.ts';
import { createAgentWorld, SEAT_LIMITS, SEAT_TIMINGS, type World } from '#test/builders/world.ts';
import { startTable, type TestTable } from './table.ts';

let table: TestTable;
let world: World & AgentDeps;
let seats: ReturnType<typeof seatsIn>;
let ada: { id: string; team: string };
let port: Awaited<ReturnType<typeof portOf>>;

/** A cluster that takes dev pods, and the connection of its agent. */
const portOf = async (by: typeof ada) => {
  const { cluster, connection } = await connectedCluster(world, by);
  return { id: cluster.id, connection };
};

beforeAll(async () => {
  table = await startTable();
  world = createAgentWorld(table);
  seats = seatsIn(world);
  ada = await world.account();
});
afterAll(() => table.stop());
beforeEach(async () => {
  port = await portOf(ada);
});

let seq = 0;
// biome-ignore lint/suspicious/noExplicitAny: an answer on the wire, whose form the test asserts
const say = async (type: string, payload: unknown, connection = port.connection): Promise<any> =>
  message(world)(connection, JSON.stringify({ v: 1, type, id: 'q', seq: ++seq, payload }));
const stateOf = async (id: string) => (await world.store.workspaces.workspace(id))!;
const digestOf = (rows: readonly SeatRow[]) => sha256(digestInput(rows));

describe('the list that an agent syncs by', () => {
  it('names every seat of its cluster with its revision, and no other cluster’s', async () => {
    const { next } = await seats.seat(ada, port.id);
    await seats.seat(ada, (await portOf(ada)).id);
    const { type, payload } = await say('sync', {});
    expect([type, payload.unchanged, payload.rows]).toEqual(['sync.page', false, [{ id: next.id, revision: 1 }]]);
    expect([payload.deploymentId, payload.epoch, payload.digest]).toEqual(['dep', 1, digestOf(payload.rows)]);
  });

  it('is not repeated to an agent that has it', async () => {
    await seats.seat(ada, port.id);
    const { payload } = await say('sync', {});
    expect((await say('sync', { digest: payload.digest })).payload).toMatchObject({ unchanged: true, rows: [] });
  });

  it('has a tombstone for a seat that is deleted, until the agent says that it is gone', async () => {
    const { next } = await seats.seat(ada, port.id);
    await seats.decideSeat(next.id, {
      type: 'delete',
      actor: 'a',
      volumes: 'DeleteVolumes',
      timings: SEAT_TIMINGS,
    });
    const row = { id: next.id, revision: 2, tombstone: 'DeleteVolumes' };
    expect((await say('sync', {})).payload.rows).toEqual([row]);
    expect((await say('workspace.gone', { id: next.id, revision: 1, kept: [] })).type).toBe('ack');
    expect((await say('sync', {})).payload.rows).toEqual([row]);
    await say('workspace.gone', { id: next.id, revision: 2, kept: ['home-x'] });
    expect((await say('sync', {})).payload.rows).toEqual([]);
    expect(await stateOf(next.id)).toMatchObject({ phase: 'Deleted', kept: ['home-x'] });
  });

  it('comes in pages that each fit a message', async () => {
    const rows = Array.from({ length: 450 }, (_, n) => ({ id: `wsp_${String(n).padStart(26, '0')}`, revision: 7 }));
    const many = {
      ...world,
      store: { ...world.store, workspaces: { ...world.store.workspaces, rowsOf: async () => rows } },
    };
    const got: SeatRow[] = [];
    let after: string | undefined;
    do {
      const text = JSON.stringify({
        v: 1,
        type: 'sync',
        id: 'q',
        seq: ++seq,
        payload: after === undefined ? {} : { after },
      });
      // biome-ignore lint/suspicious/noExplicitAny: an answer on the wire
      const answer: any = await message(many)(port.connection, text);
      expect(JSON.stringify(answer).length).toBeLessThan(32_768);
      got.push(...answer.payload.rows);
      after = answer.payload.next;
    } while (after !== undefined);
    expect(got).toEqual(rows);
  });

  it('is told by its digest in the answer to a heartbeat', async () => {
    await seats.seat(ada, port.id);
    await world.store.commit({ writes: [], claims: [], audit: [] }, { now: world.now(), newId: world.newId }, [
      world.store.clusters.leaseStep(port.id, {
        link: 1,
        lastSeenAt: world.now(),
        paceSeconds: 30,
        staleAfterSeconds: 90,
      }),
    ]);
    const { payload } = await say('sync', {});
    expect((await say('heartbeat', { paceSeconds: 30 })).payload.seats).toBe(payload.digest);
  });
});

describe('seats that are asked for whole', () => {
  it('are answered as they should be, and only those of this cluster', async () => {
    const { next } = await seats.seat(ada, port.id, { runState: 'Stopped' });
    const elsewhere = await seats.seat(ada, (await portOf(ada)).id);
    const { payload } = await say('seats.get', { ids: [elsewhere.next.id, next.id] });
    expect(payload.seats).toEqual([{ id: next.id, name: next.name, team: ada.team, spec: next.spec }]);
  });

  it('fit one message: the rest is asked for again', async () => {
    const parameters = Object.fromEntries(Array.from({ length: 8 }, (_, n) => [`p${n}`, 'x'.repeat(2000)]));
    const ids: string[] = [];
    for (let n = 0; n < 4; n++) ids.push((await seats.seat(ada, port.id, { parameters })).next.id);
    const answer = await say('seats.get', { ids });
    expect(JSON.stringify(answer).length).toBeLessThan(32_768);
    expect(answer.payload.seats.length).toBeGreaterThan(0);
    expect(answer.payload.seats.length).toBeLessThan(4);
  });
});

describe('a status report', () => {
  it('of the wanted revision makes the dev pod run', async () => {
    const { next } = await seats.seat(ada, port.id);
    expect((await say('workspace.status', { id: next.id, status: seatStatus() })).type).toBe('ack');
    expect((await stateOf(next.id)).phase).toBe('Running');
  });

  it('of an older link or an older message changes nothing', async () => {
    const { next } = await seats.seat(ada, port.id);
    await say('workspace.status', { id: next.id, status: seatStatus() });
    const before = await stateOf(next.id);
    const late = decideWorkspace(
      await world.store.workspaces.subject(next.id),
      { type: 'report', link: 1, seq: 0, status: seatStatus({ phase: 'Stopped' }) },
      { now: world.now(), newId: world.newId },
    );
    expect(late.writes).toEqual([]);
    expect((await stateOf(next.id)).version).toBe(before.version);
  });

  it('that the agent stopped it for being idle gives back what it took, and is on the list from then on', async () => {
    const bob = await world.account();
    const { id, connection } = await portOf(bob);
    const { next } = await seats.seat(bob, id);
    await say('workspace.status', { id: next.id, status: seatStatus() }, connection);
    const usage = () => world.store.workspaces.usage(bob.team);
    expect(await usage()).toMatchObject({ workspaces: 1, cpuMillis: 500, memoryMiB: 2048 });
    const idleStop = { restarts: 0, lastActiveAt: world.now() };
    await say('workspace.status', { id: next.id, status: seatStatus({ phase: 'Stopping', idleStop }) }, connection);
    expect(await stateOf(next.id)).toMatchObject({ phase: 'Stopping', spec: { runState: 'Stopped' } });
    expect(await usage()).toMatchObject({ workspaces: 1, cpuMillis: 0, memoryMiB: 0 });
    expect((await say('sync', {}, connection)).payload.rows).toEqual([{ id: next.id, revision: 2 }]);
  });

  it('from another cluster is refused', async () => {
    const { next } = await seats.seat(ada, port.id);
    const other = await portOf(await world.account());
    const answer = await say('workspace.status', { id: next.id, status: seatStatus() }, other.connection);
    expect([answer.type, answer.payload.code]).toEqual(['error', 'Invalid']);
    expect((await stateOf(next.id)).phase).toBe('Pending');
  });
});

describe('a Workspace that a cluster’s admin made', () => {
  const found = (team: string, change: object = {}) =>
    say('workspace.found', {
      uid: 'uid-found',
      name: 'byhand',
      team,
      spec: seatSpec({ owner: ada.id, origin: 'Cluster' }),
      status: seatStatus(),
      gone: false,
      ...change,
    });

  it('is shown in its team, cannot be changed from here, and goes when it is deleted there', async () => {
    expect((await found(ada.team)).type).toBe('ack');
    const { items } = await world.store.workspaces.page({
      team: ada.team,
      limit: 100,
      cursor: undefined,
      matches: (each) => each.cluster === port.id,
    });
    expect(items.map((each) => [each.spec.origin, each.phase])).toEqual([['Cluster', 'Running']]);
    const { id } = items[0]!;
    const stop = { type: 'stop', actor: 'a', limits: SEAT_LIMITS, timings: SEAT_TIMINGS } as const;
    await expect(seats.decideSeat(id, stop)).rejects.toMatchObject({ code: 'workspace.managed_in_cluster' });
    await found(ada.team, { gone: true });
    expect((await stateOf(id)).phase).toBe('Deleted');
    expect((await say('sync', {})).payload.rows).toEqual([]);
  });

  it('that went while no agent watched is missing from its census, and ends; others, and what was reported since, go on', async () => {
    const team = ada.team;
    const uids = ['uid-b', 'uid-d', 'uid-f'];
    for (const uid of uids) await found(team, { uid, name: uid });
    const phases = async () =>
      Promise.all(uids.map(async (uid) => (await world.store.workspaces.mirror(port.id, uid))?.phase ?? 'Deleted'));
    await say('workspace.census', { upTo: 'uid-c', uids: ['uid-b'] });
    await say('workspace.census', { after: 'uid-e', uids: ['uid-f'] });
    expect(await phases()).toEqual(['Running', 'Running', 'Running']);
    seq -= 100;
    await say('workspace.census', { uids: [] });
    seq += 100;
    expect(await phases()).toEqual(['Running', 'Running', 'Running']);
    expect((await say('workspace.census', { uids: ['uid-b', 'uid-f'] })).type).toBe('ack');
    expect(await phases()).toEqual(['Running', 'Deleted', 'Running']);
    await say('workspace.census', { uids: [] });
    expect(await phases()).toEqual(['Deleted', 'Deleted', 'Deleted']);
  });

  it('is not ended by the census of another cluster, nor by one that cannot be taken', async () => {
    await found(ada.team, { uid: 'uid-safe', name: 'safe' });
    const other = await portOf(await world.account());
    expect((await say('workspace.census', { uids: [] }, other.connection)).type).toBe('ack');
    for (const payload of [
      {},
      { uids: [''] },
      { uids: ['x'.repeat(65)] },
      { uids: Array(401).fill('x') },
      { uids: [], more: 1 },
    ])
      expect((await say('workspace.census', payload)).payload.code).toBe('Invalid');
    expect((await world.store.workspaces.mirror(port.id, 'uid-safe'))?.phase).toBe('Running');
  });

  it('of a team that has nothing on the cluster is refused', async () => {
    const stranger = await world.account();
    const answer = await found(stranger.team);
    expect([answer.type, answer.payload.code]).toEqual(['error', 'Invalid']);
  });
});
