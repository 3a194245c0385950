import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { SeatLimits } from '#core/domain/decision.ts';
import { reconcileGroup } from '#functions/lib/groups.ts';
import { harbour, joinTeam } from '#test/builders/seat-world.ts';
import { clusterInfo, LARGE } from '#test/builders/seats.ts';
import { SEAT_LIMITS, SEAT_TIMINGS } from '#test/builders/world.ts';
import type { Person } from './http-api.ts';
import { create, createSeatsApi, freshName, path, type SeatsApi } from './seats-api.ts';
import { startTable, type TestTable } from './table.ts';

let table: TestTable;
let api: SeatsApi;
let ada: Person;

beforeAll(async () => {
  table = await startTable();
  api = await createSeatsApi(table);
  ada = await api.person();
  await harbour(api, ada, {}, LARGE);
});
afterAll(() => table.stop());

const found = (by: Person, body: object) =>
  by.call('POST', '/api/v1/groups', { body: { name: freshName(), replicas: 2, ...body } });
const look = (id: string, limits: SeatLimits = SEAT_LIMITS) =>
  reconcileGroup({ ...api, limits, timings: SEAT_TIMINGS }, id);
const at = (ref: string, rest = '') => `/api/v1/groups/${ref}${rest}`;
const get = async (by: Person, id: string) => (await by.call('GET', at(id))).body;
const scale = (by: Person, id: string, replicas: number) => by.call('POST', at(id, '/scale'), { body: { replicas } });
const seatsOf = async (by: Person, id: string) =>
  (await by.call('GET', `/api/v1/workspaces?group=${id}`)).body.items.reverse();
const ready = (group: { conditions: { type: string }[] }) => group.conditions.find(({ type }) => type === 'Ready');
const due = async () => (await api.store.clusters.due<{ id: string }>('group', api.now())).map(({ id }) => id);

describe('a group', () => {
  it('gives everybody of a class a seat of their own, made one by one', async () => {
    const [bob, eve] = [await api.person(), await api.person()];
    await joinTeam(api, bob.id, ada.team, 'member');
    await joinTeam(api, eve.id, ada.team, 'member');
    const made = await found(ada, { name: 'class', replicas: 3, owners: [bob.id, eve.id], labels: { course: 'k8s' } });
    expect(made.status).toBe(202);
    expect(made.headers.etag).toBe('"1"');
    expect(made.body).toMatchObject({ name: 'class', replicas: 3, seats: [] });
    expect(await due()).toContain(made.body.id);

    await look(made.body.id);
    const group = await get(ada, 'class');
    expect(group.seats.map((each: { owner: string }) => each.owner)).toEqual([bob.id, eve.id, ada.id]);
    expect(ready(group)).toMatchObject({ status: 'True' });
    const seats = await seatsOf(ada, group.id);
    expect(seats.map((each: { name: string }) => each.name)).toEqual(['class-0', 'class-1', 'class-2']);
    expect(seats[0]).toMatchObject({ owner: bob.id, createdBy: ada.id, group: group.id, labels: { course: 'k8s' } });
    expect(await due()).not.toContain(group.id);

    // A further look changes nothing: not even its version.
    await look(group.id);
    expect(await get(ada, group.id)).toEqual(group);
  });

  it('gives each the team’s secrets, and to the one who makes it their own', async () => {
    const bob = await api.person();
    await joinTeam(api, bob.id, ada.team, 'member');
    await ada.call('POST', '/api/v1/secrets', { body: { scope: 'team', name: 'SHARED', value: 'x' } });
    await bob.call('POST', '/api/v1/secrets', { body: { name: 'OWN', value: 'x' } });
    await ada.call('POST', '/api/v1/secrets', { body: { name: 'MINE', value: 'x' } });
    const { body } = await found(ada, {
      replicas: 2,
      owners: [bob.id],
    });
    await look(body.id);
    const names = async () => {
      const seats = await seatsOf(ada, body.id);
      return seats.map(({ secrets }: { secrets: { name: string }[] }) => secrets.map(({ name }) => name));
    };
    expect(await names()).toEqual([['SHARED'], ['MINE', 'SHARED']]);
    const [first] = await seatsOf(ada, body.id);
    await bob.call('PATCH', path(first.id, `?team=${ada.team}`), { body: { secrets: null } });
    expect(await names()).toEqual([
      ['OWN', 'SHARED'],
      ['MINE', 'SHARED'],
    ]);

    await ada.call('POST', '/api/v1/secrets', { body: { scope: 'team', name: 'TFE_TOKEN', value: 'x' } });
    const asks = await found(ada, { owners: [bob.id], replicas: 1, template: { name: 'claude-terraform' } });
    await look(asks.body.id);
    expect((await seatsOf(ada, asks.body.id))[0].secrets).toEqual([
      { name: 'SHARED', version: 1, holder: 'Team', as: 'File' },
      { name: 'TFE_TOKEN', version: 1, holder: 'Team', as: 'Env' },
    ]);
  });

  it('stops seats when it shrinks and starts the same ones when it grows; none is deleted, and nobody’s own stop is undone', async () => {
    const { body } = await found(ada, { replicas: 3 });
    await look(body.id);
    const seats = await seatsOf(ada, body.id);
    for (const { id } of seats) await api.reports(id, 'Running');
    await ada.call('POST', path(seats[0].id, '/stop'));
    await api.reports(seats[0].id, 'Stopped');

    expect((await scale(ada, body.id, 1)).body).toMatchObject({ replicas: 1, revision: 2 });
    await look(body.id);
    const wanted = async () => (await seatsOf(ada, body.id)).map((each: { wanted: string }) => each.wanted);
    expect(await wanted()).toEqual(['Stopped', 'Stopped', 'Stopped']);
    expect((await get(ada, body.id)).seats).toHaveLength(3);

    await scale(ada, body.id, 4);
    await look(body.id);
    // Stops are still open for two of them: the sweeper comes again.
    expect(ready(await get(ada, body.id))).toMatchObject({ status: 'False', reason: 'Busy' });
    for (const { id } of seats.slice(1)) await api.reports(id, 'Stopped');
    await look(body.id);
    expect(await wanted()).toEqual(['Stopped', 'Running', 'Running', 'Running']);
    expect((await seatsOf(ada, body.id)).slice(0, 3).map(({ id }: { id: string }) => id)).toEqual(
      seats.map(({ id }: { id: string }) => id),
    );
    expect(ready(await get(ada, body.id))).toMatchObject({ status: 'True' });
  });

  it('comes to what was wanted last, whichever commit of a look another wish comes after', async () => {
    /** Looks at it; after the commit of this number, somebody scales. Answers whether that came to be. */
    const scaledDuring = async (id: string, nth: number, replicas: number, first?: () => Promise<unknown>) => {
      let commits = 0;
      const commit: SeatsApi['store']['commit'] = async (...decided) => {
        await api.store.commit(...decided);
        if (commits++ !== nth) return;
        await first?.();
        await scale(ada, id, replicas);
      };
      await reconcileGroup({ ...api, store: { ...api.store, commit }, limits: SEAT_LIMITS, timings: SEAT_TIMINGS }, id);
      return commits > nth;
    };
    /** Its seats obey; it is looked at again only as long as it is due for the sweeper. */
    const running = async (id: string) => {
      for (let n = 0; n < 3 && (await api.store.groups.group(id))?.checkAt !== undefined; n += 1) {
        for (const seat of await seatsOf(ada, id)) await api.reports(seat.id, seat.wanted);
        await look(id);
      }
      const wanted = (await seatsOf(ada, id)).filter((seat: { wanted: string }) => seat.wanted === 'Running');
      return wanted.map(({ name }: { name: string }) => name.slice(-1));
    };
    for (let n = 0; n < 3; n += 1) {
      const { body } = await found(ada, { replicas: 1 });
      await look(body.id);
      await scale(ada, body.id, 3);
      if (await scaledDuring(body.id, n, 2)) expect(await running(body.id), `grows, ${n}`).toEqual(['0', '1']);
      for (const seat of await seatsOf(ada, body.id)) await api.reports(seat.id, seat.wanted);

      await scale(ada, body.id, 1);
      const [, second] = await seatsOf(ada, body.id);
      const obeyed = () => api.reports(second.id, 'Stopped');
      if (await scaledDuring(body.id, n, 2, obeyed))
        expect(await running(body.id), `shrinks, ${n}`).toEqual(['0', '1']);
    }
  });

  it('makes no seat when it is deleted while they are made', async () => {
    const { body } = await found(ada, { replicas: 3 });
    let first = true;
    const commit: SeatsApi['store']['commit'] = async (...decided) => {
      await api.store.commit(...decided);
      if (!first) return;
      first = false;
      await ada.call('DELETE', at(body.id));
    };
    await reconcileGroup(
      { ...api, store: { ...api.store, commit }, limits: SEAT_LIMITS, timings: SEAT_TIMINGS },
      body.id,
    );
    const seats = await seatsOf(ada, body.id);
    expect(seats.map((each: { phase: string }) => each.phase)).toEqual(['Deleting']);
  });

  it('makes as many seats as fit, says why not more, and goes on when there is room', async () => {
    const bob = await api.person();
    const room = { cpuMillis: 1000, memoryMiB: 100_000, gpus: 0, pods: 50 };
    const info = clusterInfo({ allocatable: room, requested: { ...room, cpuMillis: 0, memoryMiB: 0, pods: 0 } });
    const place = await harbour(api, bob, { name: 'narrow' }, info);
    const { body } = await found(bob, { replicas: 4 });
    await look(body.id);
    const group = await get(bob, body.id);
    expect(group.seats).toHaveLength(2);
    expect(ready(group)).toMatchObject({
      status: 'False',
      reason: 'NoClusterFits',
      message: expect.stringContaining('narrow: it lacks 0.5 CPU (0 CPU free)'),
    });
    api.pass(61);
    expect(await due()).toContain(group.id);
    await api.alter(place.id, { info: { ...info, allocatable: { ...room, cpuMillis: 4000 } } });
    await look(body.id);
    expect((await get(bob, body.id)).seats).toHaveLength(4);
  });

  it('is told when the quota is used up', async () => {
    const bob = await api.person();
    await harbour(api, bob);
    const { body } = await found(bob, { replicas: 3 });
    await look(body.id, { ...SEAT_LIMITS, teamWorkspaces: 1 });
    expect(ready(await get(bob, body.id))).toMatchObject({ reason: 'QuotaExceeded' });
    expect((await get(bob, body.id)).seats).toHaveLength(1);
  });

  it('leaves a dev pod alone that has the name of a seat', async () => {
    const name = freshName();
    const { body: pod } = await create(ada, { name: `${name}-0` });
    const { body } = await found(ada, { name });
    await look(body.id);
    expect(ready(await get(ada, body.id))).toMatchObject({ reason: 'NameTaken' });
    expect((await get(ada, body.id)).seats).toHaveLength(1);
    await ada.call('DELETE', at(body.id));
    await look(body.id);
    expect((await ada.call('GET', path(pod.id))).body.phase).toBe('Pending');
  });

  it('is looked at by two at once, and every seat is there once', async () => {
    const { body } = await found(ada, { replicas: 4 });
    await Promise.all([look(body.id), look(body.id)]);
    await look(body.id);
    expect(await seatsOf(ada, body.id)).toHaveLength(4);
    expect((await get(ada, body.id)).seats).toHaveLength(4);
  });

  it('is deleted with its seats, volumes as asked, and its name is free again', async () => {
    const name = freshName();
    const { body } = await found(ada, { name });
    await look(body.id);
    expect((await ada.call('DELETE', `${at(name)}?volumes=DeleteVolumes`)).status).toBe(202);
    await look(body.id);
    const seats = await seatsOf(ada, body.id);
    expect(seats.map((each: { phase: string }) => each.phase)).toEqual(['Deleting', 'Deleting']);
    expect(await found(ada, { name })).toMatchObject({ status: 409, body: { code: 'workspace.name_taken' } });
    for (const { id } of seats) expect((await api.isGone(id, SEAT_LIMITS)).tombstone).toBe('DeleteVolumes');
    await look(body.id);
    expect((await ada.call('GET', at(name))).status).toBe(404);
    expect((await found(ada, { name })).status).toBe(202);
    expect(await scale(ada, body.id, 3)).toMatchObject({ status: 404 });
  });
});

describe('asking for a group', () => {
  it('is for admins; others see it', async () => {
    const member = await api.person();
    await joinTeam(api, member.id, ada.team, 'member');
    expect(await found(member, { team: ada.team })).toMatchObject({ status: 403, body: { code: 'access.denied' } });
    const { body } = await found(ada, { replicas: 1 });
    expect((await member.call('GET', at(body.id))).status).toBe(200);
    expect((await scale(member, body.id, 5)).status).toBe(403);
  });

  it('names owners who are not of the team, and everything that a dev pod is refused for', async () => {
    const stranger = await api.person();
    const refused = await found(ada, { owners: [ada.id, stranger.id] });
    expect(refused.body.errors).toEqual([
      { path: 'owners.1', message: expect.stringContaining('nobody of this team') },
    ]);
    expect(await found(ada, { template: { name: 'rust' } })).toMatchObject({ body: { code: 'template.unknown' } });
    expect(await found(ada, { replicas: 101 })).toMatchObject({ body: { code: 'request.invalid' } });
  });

  it('is answered with the same group when it is repeated, and scaled only at the revision that is named', async () => {
    const body = { name: freshName(), replicas: 1 };
    const post = () => ada.call('POST', '/api/v1/groups', { body, headers: { 'idempotency-key': body.name } });
    const [one, two] = [await post(), await post()];
    expect(two.body).toEqual(one.body);
    const late = { body: { replicas: 5 }, headers: { 'if-match': '"9"' } };
    expect(await ada.call('POST', at(body.name, '/scale'), late)).toMatchObject({ status: 412 });
  });

  it('is listed newest first, page by page', async () => {
    const bob = await api.person();
    const made = [];
    for (let n = 0; n < 3; n += 1) made.push((await found(bob, {})).body.id);
    const first = (await bob.call('GET', '/api/v1/groups?limit=2')).body;
    expect(first.items.map(({ id }: { id: string }) => id)).toEqual([made[2], made[1]]);
    const second = (await bob.call('GET', `/api/v1/groups?cursor=${first.nextCursor}`)).body;
    expect(second.items.map(({ id }: { id: string }) => id)).toEqual([made[0]]);
  });
});
