/** A table that came back from a backup, as the agents that saw the newer one meet it. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { SeatRow } from '#core/contract/agent.ts';
import { REVISION_LIFT } from '#core/domain/workspace-restore.ts';
import type { AgentDeps } from '#functions/socket/messages/answer.ts';
import { message } from '#functions/socket/messages/message.ts';
import { restoreTable } from '#scripts/admin/restore.ts';
import { connectedCluster, seatsIn } from '#test/builders/seat-world.ts';
import { seatStatus } from '#test/builders/seats.ts';
import { createAgentWorld, SEAT_LIMITS, SEAT_TIMINGS, type World } from '#test/builders/world.ts';
import { startTable, type TestTable } from './table.ts';

let table: TestTable;
let world: World & AgentDeps;

beforeAll(async () => {
  table = await startTable();
  world = createAgentWorld(table);
});
afterAll(() => table.stop());

it('is of a higher epoch, and what it wants is newer than all that was lost with the newer one', async () => {
  const ada = await world.account();
  const { cluster, connection } = await connectedCluster(world, ada);
  let seq = 0;
  // biome-ignore lint/suspicious/noExplicitAny: an answer on the wire, whose form the test asserts
  const say = async (type: string, payload: unknown): Promise<any> =>
    message(world)(connection, JSON.stringify({ v: 1, type, id: 'q', seq: ++seq, payload }));
  const seats = seatsIn(world);
  const { next: wanted } = await seats.seat(ada, cluster.id);
  const { next: gone } = await seats.seat(ada, cluster.id);
  const { next: deleting } = await seats.seat(ada, cluster.id);
  await seats.decideSeat(deleting.id, { type: 'delete', actor: 'a', volumes: 'KeepVolumes', timings: SEAT_TIMINGS });
  await seats.decideSeat(gone.id, { type: 'lost', limits: SEAT_LIMITS });
  // The agent has seen a later revision, which the backup does not know: its word is not taken.
  const late = { id: wanted.id, status: seatStatus({ observedRevision: 7 }) };
  await say('workspace.status', late);
  expect((await world.store.workspaces.workspace(wanted.id))?.report).toBeUndefined();
  expect((await say('sync', {})).payload.epoch).toBe(1);

  const { epoch, seats: lifted } = await restoreTable(world);
  expect(epoch).toBeGreaterThan(1);
  expect(lifted).toBe(2);
  const { payload } = await say('sync', {});
  expect(payload.epoch).toBe(epoch);
  expect(
    Object.fromEntries(payload.rows.map(({ id, revision, tombstone }: SeatRow) => [id, [revision, tombstone]])),
  ).toEqual({
    [wanted.id]: [1 + REVISION_LIFT, undefined],
    [deleting.id]: [2 + REVISION_LIFT, 'KeepVolumes'],
  });
  const after = await world.store.workspaces.workspace(wanted.id);
  expect(after?.spec).toEqual({ ...wanted.spec, revision: 1 + REVISION_LIFT });
  await say('workspace.status', late);
  expect((await world.store.workspaces.workspace(wanted.id))?.report).toMatchObject({ observedRevision: 7 });
});

it('may be restored again, which agents can tell from the first time', async () => {
  const { epoch } = await restoreTable(world);
  expect((await restoreTable(world)).epoch).toBeGreaterThan(epoch);
});
