/** A dev pod's operation from the commit to its end: effects start it, the agent is told, its word ends the wait (DESIGN §2). */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { teamNamespace } from '#core/domain/seat/names.ts';
import type { WorkspaceDecision } from '#core/domain/workspace-command.ts';
import type { Change } from '#core/store/change.ts';
import { sweepOperations } from '#functions/schedule/duties/operations.ts';
import { effects } from '#functions/stream/reactions/effects.ts';
import { push } from '#functions/stream/reactions/push.ts';
import { recordDeleted, recordFailure } from '#functions/tasks/steps/record.ts';
import { awaitSeat, recordSeatSuccess } from '#functions/tasks/steps/seat.ts';
import { createExecutions } from '#test/builders/executions.ts';
import { connectedCluster, seatsIn } from '#test/builders/seat-world.ts';
import { seatStatus } from '#test/builders/seats.ts';
import { createWorld, SEAT_LIMITS, SEAT_TIMINGS, TIMINGS, type World } from '#test/builders/world.ts';
import { startTable, type TestTable } from './table.ts';

let table: TestTable;
let world: World;
let seats: ReturnType<typeof seatsIn>;
let ada: { id: string; team: string };
let port: { readonly id: string; readonly connection: string };
let executions: ReturnType<typeof createExecutions>;
// biome-ignore lint/suspicious/noExplicitAny: a message on the wire, whose form the test asserts
let posted: { to: string; message: any }[];

beforeAll(async () => {
  table = await startTable();
});
afterAll(() => table.stop());
beforeEach(async () => {
  world = createWorld({ client: table.client, name: await table.another() });
  seats = seatsIn(world);
  ada = await world.account();
  const { cluster, connection } = await connectedCluster(world, ada);
  port = { id: cluster.id, connection };
  executions = createExecutions();
  posted = [];
});

const connections = {
  post: async (to: string, message: unknown) => {
    posted.push({ to, message });
    return true;
  },
  disconnect: async () => {},
};
const react = (change: Change) =>
  effects({ ...world, ...executions, limits: SEAT_LIMITS, timings: SEAT_TIMINGS })(change);
const tell = (change: Change) =>
  push({ ...world, connections, watched: { paceSeconds: 30, staleAfterSeconds: 90 } })(change);
const stateOf = async (id: string) => (await world.store.workspaces.workspace(id))!;
const operationOf = async (id: string) => (await world.store.clusters.operation(id))!;

/** What the agent says, and what the stream then says of it. */
const report = async (id: string, change: Parameters<typeof seatStatus>[0] = {}) => {
  const before = await stateOf(id);
  const { revision } = before;
  const { next } = await seats.decideSeat(id, {
    type: 'report',
    link: 1,
    seq: (before.report?.seq ?? 0) + 1,
    status: seatStatus({ observedRevision: revision, ...change }),
  });
  await react({ entity: 'Workspace', before, after: next });
};

/** The operation's execution has begun and waits. */
const waiting = async ({ operation }: WorkspaceDecision): Promise<string> => {
  const { id } = operation!;
  await react({ entity: 'Operation', before: null, after: operation! });
  expect(executions.started).toContain(id);
  executions.tokens.add(`token-${id}`);
  await awaitSeat(world)({ operationId: id, taskToken: `token-${id}` });
  await react({ entity: 'Await', before: null, after: (await world.store.clusters.await(id))! });
  return id;
};

describe('a start', () => {
  it('waits for the agent’s word and ends with it, however often it is said', async () => {
    const made = await seats.seat(ada, port.id);
    const id = await waiting(made);
    await report(made.next.id, { phase: 'Starting' });
    expect(executions.signalled).toEqual([]);
    await report(made.next.id);
    await report(made.next.id);
    expect(executions.signalled).toEqual([`token-${id}`]);
    await recordSeatSuccess(world)({ operationId: id });
    await recordSeatSuccess(world)({ operationId: id });
    expect([(await operationOf(id)).state, (await stateOf(made.next.id)).phase]).toEqual(['Succeeded', 'Running']);
  });

  it('that was true before the token was there is signalled, too', async () => {
    const made = await seats.seat(ada, port.id);
    await report(made.next.id);
    const id = await waiting(made);
    expect(executions.signalled).toEqual([`token-${id}`]);
  });

  it('ends at once when the agent says that it cannot be, with its reason', async () => {
    const made = await seats.seat(ada, port.id);
    const id = await waiting(made);
    const why = {
      type: 'Ready',
      status: 'False',
      reason: 'ProfileInvalid',
      message: 'There is no profile "gpu".',
    } as const;
    await report(made.next.id, { phase: 'Failed', conditions: [why] });
    expect(executions.signalled).toEqual([`token-${id} failed`]);
    await recordFailure(world)({ operationId: id, error: { Error: 'Permanent', Cause: '{}' } });
    expect((await operationOf(id)).error).toMatchObject({
      code: 'workspace.profile_invalid',
      message: 'There is no profile "gpu".',
    });
    expect((await stateOf(made.next.id)).phase).toBe('Failed');
  });

  it('that came to nothing in time says what kept it, or that the cluster was silent', async () => {
    const why = {
      type: 'Ready',
      status: 'False',
      reason: 'ImagePull',
      message: 'The image cannot be pulled.',
    } as const;
    const pulled = await seats.seat(ada, port.id);
    await report(pulled.next.id, { phase: 'Starting', conditions: [why] });
    const timeout = { Error: 'States.Timeout' };
    const first = await waiting(pulled);
    await recordFailure(world)({ operationId: first, error: timeout });
    expect((await operationOf(first)).error?.code).toBe('workspace.image_pull');

    const { next } = await world.readyCluster(ada, { name: 'silent', takesWorkspaces: true });
    const second = await waiting(await seats.seat(ada, next.id));
    await recordFailure(world)({ operationId: second, error: timeout });
    expect((await operationOf(second)).error?.code).toBe('workspace.agent_offline');
  });

  it('without stream consumers is started and ended by the sweeper', async () => {
    const made = await seats.seat(ada, port.id);
    const { id } = made.operation!;
    const sweep = () => sweepOperations({ ...world, ...executions, checkSeconds: 60 });
    world.pass(61);
    await sweep();
    expect(executions.started).toEqual([id]);
    executions.tokens.add('token');
    await awaitSeat(world)({ operationId: id, taskToken: 'token' });
    await seats.decideSeat(made.next.id, { type: 'report', link: 1, seq: 1, status: seatStatus() });
    await sweep();
    expect(executions.signalled).toEqual(['token']);
  });

  it('whose execution was stopped from outside is failed by the sweeper', async () => {
    const made = await seats.seat(ada, port.id);
    const id = await waiting(made);
    executions.end(id, 'ABORTED');
    world.pass(61);
    await sweepOperations({ ...world, ...executions, checkSeconds: 60 });
    expect((await operationOf(id)).error?.code).toBe('operation.execution_ended');
    expect((await stateOf(made.next.id)).operationId).toBeUndefined();
  });
});

describe('a delete', () => {
  const remove = (id: string) =>
    seats.decideSeat(id, { type: 'delete', actor: 'a', volumes: 'KeepVolumes', timings: SEAT_TIMINGS });

  it('takes over from a start, whose execution is stopped', async () => {
    const made = await seats.seat(ada, port.id);
    const first = await waiting(made);
    const before = await operationOf(first);
    const removed = await remove(made.next.id);
    await react({ entity: 'Operation', before, after: await operationOf(first) });
    expect(executions.running()).not.toContain(first);
    const second = await waiting(removed);
    const { revision } = removed.next;
    const seen = await stateOf(made.next.id);
    const gone = await seats.decideSeat(made.next.id, { type: 'gone', revision, kept: [], limits: SEAT_LIMITS });
    await react({ entity: 'Workspace', before: seen, after: gone.next });
    await recordSeatSuccess(world)({ operationId: second });
    expect([(await operationOf(first)).state, (await operationOf(second)).state]).toEqual(['Superseded', 'Succeeded']);
    expect((await stateOf(made.next.id)).phase).toBe('Deleted');
  });

  it('that its agent does not carry out stays Deleting, and is carried out when the agent is back', async () => {
    const { next } = await world.readyCluster(ada, { name: 'silent', takesWorkspaces: true });
    const made = await seats.seat(ada, next.id);
    const removed = await remove(made.next.id);
    const id = await waiting(removed);
    await recordFailure(world)({ operationId: id, error: { Error: 'States.Timeout' } });
    expect((await stateOf(made.next.id)).phase).toBe('Deleting');
    const { revision } = removed.next;
    await seats.decideSeat(made.next.id, { type: 'gone', revision, kept: [], limits: SEAT_LIMITS });
    expect((await stateOf(made.next.id)).phase).toBe('Deleted');
  });

  it('of the cluster is refused while seats are there, and takes them with it when it is forced', async () => {
    const { next } = await seats.seat(ada, port.id);
    const timings = TIMINGS;
    const removal = (force: boolean) => world.decide(port.id, { type: 'delete', actor: 'a', force, timings });
    await expect(removal(false)).rejects.toMatchObject({ code: 'cluster.has_workspaces' });
    const { operation } = await removal(true);
    await recordDeleted({ ...world, limits: SEAT_LIMITS })({ operationId: operation!.id });
    expect([(await stateOf(next.id)).phase, (await world.store.clusters.cluster(port.id))?.phase]).toEqual([
      'Deleted',
      'Deleted',
    ]);
    expect(await world.store.workspaces.usage(ada.team)).toEqual({
      workspaces: 0,
      cpuMillis: 0,
      memoryMiB: 0,
      storageGiB: 0,
    });
    await expect(seats.seat(ada, port.id)).rejects.toMatchObject({ code: 'placement.no_fit' });
  });

  it('of a connected cluster that cannot be asked says where its seats were, also when the task is repeated', async () => {
    const { cluster } = await connectedCluster(world, ada, { provider: 'existing' });
    await seats.seat(ada, cluster.id);
    const { operation } = await world.decide(cluster.id, { type: 'delete', actor: 'a', force: true, timings: TIMINGS });
    const record = recordDeleted({ ...world, limits: SEAT_LIMITS });
    for (let n = 0; n < 2; n += 1) await record({ operationId: operation!.id });
    const { phase, remains } = (await world.store.clusters.cluster(cluster.id))!;
    expect([phase, remains]).toEqual(['Deleted', expect.arrayContaining([`namespace/${teamNamespace(ada.team)}`])]);
  });
});

describe('push', () => {
  const listen = async () => {
    const connection = {
      id: 'ada-1',
      kind: 'account',
      account: ada.id,
      personalTeam: ada.team,
      teams: [],
      connectedAt: world.now(),
    } as const;
    await world.store.connections.open(connection);
    await world.store.connections.subscribe(connection, ada.team);
  };

  it('tells people what changed and the agent what is wanted, once for each revision', async () => {
    await listen();
    const { next } = await seats.seat(ada, port.id);
    await tell({ entity: 'Workspace', before: null, after: next });
    expect(posted.map(({ to, message }) => [to, message.type])).toEqual(
      expect.arrayContaining([
        ['ada-1', 'workspace.changed'],
        [port.connection, 'workspace.apply'],
      ]),
    );
    posted = [];
    const reported = await seats.decideSeat(next.id, { type: 'report', link: 1, seq: 1, status: seatStatus() });
    await tell({ entity: 'Workspace', before: next, after: reported.next });
    await tell({ entity: 'Workspace', before: reported.next, after: next });
    expect(posted.map(({ to }) => to)).toEqual(['ada-1']);
    expect(posted[0]?.message).toMatchObject({ id: next.id, phase: 'Running', version: reported.next.version });
  });

  it('tells the agent of a tombstone, and never a value of a secret', async () => {
    const { next } = await seats.seat(ada, port.id, {
      secrets: [{ name: 'TOKEN', version: 3, holder: 'Team', as: 'File' }],
    });
    const removed = await seats.decideSeat(next.id, {
      type: 'delete',
      actor: 'a',
      volumes: 'DeleteVolumes',
      timings: SEAT_TIMINGS,
    });
    await tell({ entity: 'Workspace', before: next, after: removed.next });
    expect(posted).toEqual([
      {
        to: port.connection,
        message: {
          v: 1,
          type: 'workspace.delete',
          id: next.id,
          payload: { id: next.id, revision: 2, volumes: 'DeleteVolumes' },
        },
      },
    ]);
  });
});
