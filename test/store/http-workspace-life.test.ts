import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { groupRoutes } from '#core/contract/group.ts';
import { workspaceRoutes } from '#core/contract/workspace.ts';
import { amountOf, NO_AMOUNT, plusAmount } from '#core/domain/seat-amount.ts';
import { harbour, joinTeam } from '#test/builders/seat-world.ts';
import { clusterInfo, LARGE } from '#test/builders/seats.ts';
import { SEAT_LIMITS } from '#test/builders/world.ts';
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

describe('a dev pod’s life over the API', () => {
  it('stops, starts, restarts and changes, each with its revision as ETag', async () => {
    const { id } = await api.isRunning(ada);
    const stopped = await ada.call('POST', path(id, '/stop'));
    expect(stopped).toMatchObject({ status: 202, body: { phase: 'Stopping', wanted: 'Stopped' } });
    expect(stopped.headers.etag).toBe('"2"');
    expect(await ada.call('POST', path(id, '/start'))).toMatchObject({ status: 409, body: { code: 'workspace.busy' } });
    await api.reports(id, 'Stopped');
    expect(await ada.call('POST', path(id, '/restart'))).toMatchObject({ body: { code: 'workspace.not_running' } });
    expect((await ada.call('POST', path(id, '/start'))).body.phase).toBe('Starting');
    await api.reports(id, 'Running');
    const again = await ada.call('POST', path(id, '/start'));
    expect([again.status, again.headers.location]).toEqual([202, undefined]);
    const changed = await ada.call('PATCH', path(id), {
      body: { labels: { stage: 'dev' }, volumes: { home: '20Gi' } },
    });
    expect(changed).toMatchObject({ status: 200, body: { labels: { stage: 'dev' }, volumes: [{ size: '20Gi' }] } });
    expect(changed.headers.etag).toBe('"4"');
    expect(await ada.call('PATCH', path(id), { body: { volumes: { home: '19Gi' } } })).toMatchObject({
      status: 400,
      body: { code: 'workspace.volume_shrinks' },
    });
    expect((await ada.call('POST', path(id, '/restart'))).status).toBe(202);
  });

  it('is changed only at the revision that If-Match names', async () => {
    const { id } = await api.isRunning(ada);
    for (const [method, rest] of [
      ['PATCH', ''],
      ['POST', '/stop'],
      ['POST', '/restart'],
      ['DELETE', ''],
    ] as const)
      expect(
        await ada.call(method, path(id, rest), {
          headers: { 'if-match': '"7"' },
          ...(method === 'PATCH' ? { body: { labels: {} } } : {}),
        }),
      ).toMatchObject({ status: 412, body: { code: 'precondition.failed' } });
    expect((await ada.call('DELETE', path(id), { headers: { 'if-match': '"1"' } })).status).toBe(202);
  });

  it('is deleted by the agent’s word, given up when there is no agent, and over at once when the cluster is', async () => {
    const { id, cluster: on } = await api.isRunning(ada);
    const deleting = await ada.call('DELETE', `${path(id)}?volumes=DeleteVolumes`);
    expect(deleting).toMatchObject({ status: 202, body: { phase: 'Deleting' } });
    expect(await api.store.workspaces.rowsOf(on)).toContainEqual({ id, revision: 2, tombstone: 'DeleteVolumes' });
    expect(await ada.call('POST', path(id, '/forget'))).toMatchObject({ body: { code: 'workspace.agent_online' } });
    expect(await ada.call('POST', path(id, '/start'))).toMatchObject({ body: { code: 'workspace.deleting' } });

    const bob = await api.person();
    const place = await harbour(api, bob);
    const pod = await api.isRunning(bob);
    expect(await bob.call('POST', path(pod.id, '/forget'))).toMatchObject({ body: { code: 'workspace.not_deleting' } });
    await bob.call('DELETE', path(pod.id));
    await api.alter(place.id, { conditions: [] });
    const offline = { type: 'Connected', status: 'False', reason: 'AgentOffline' };
    expect((await bob.call('GET', path(pod.id))).body.conditions).toContainEqual(expect.objectContaining(offline));
    expect((await bob.call('GET', '/api/v1/workspaces')).body.items[0].conditions).toContainEqual(
      expect.objectContaining(offline),
    );
    expect(await bob.call('POST', path(pod.id, '/forget'))).toMatchObject({ status: 200, body: { phase: 'Deleted' } });
    expect(await api.store.workspaces.rowsOf(place.id)).toEqual([
      { id: pod.id, revision: 2, tombstone: 'KeepVolumes' },
    ]);
    expect(await bob.call('GET', path(pod.name))).toMatchObject({ status: 404 });
    expect((await bob.call('GET', path(pod.id))).body.phase).toBe('Deleted');
  });

  it('is given up when its delete has failed although the agent answers, which still takes the objects away', async () => {
    const { id, cluster: on } = await api.isRunning(ada);
    await ada.call('DELETE', path(id));
    const { operationId = '' } = (await api.store.workspaces.subject(id)).workspace ?? {};
    const error = { code: 'workflow.timeout', message: 'it takes too long', help: 'look at Ready' };
    await api.decideSeat(id, { type: 'fail', operation: operationId, error });
    expect(await ada.call('POST', path(id, '/forget'))).toMatchObject({ status: 200, body: { phase: 'Deleted' } });
    expect(await api.store.workspaces.rowsOf(on)).toContainEqual({ id, revision: 2, tombstone: 'KeepVolumes' });
  });

  it('is over at once when its cluster is deleted', async () => {
    const bob = await api.person();
    const place = await harbour(api, bob);
    const pod = await api.isRunning(bob);
    await api.alter(place.id, { phase: 'Deleted' });
    expect(await bob.call('DELETE', path(pod.id))).toMatchObject({ status: 202, body: { phase: 'Deleted' } });
    expect(await api.store.workspaces.rowsOf(place.id)).toEqual([]);
  });
});

describe('whose dev pods are whose', () => {
  const every = [...Object.values(workspaceRoutes), ...Object.values(groupRoutes)];
  let pod: { readonly id: string };
  let group: { readonly id: string };
  let stranger: Person;
  beforeAll(async () => {
    stranger = await api.person();
    pod = (await create(ada)).body;
    group = (await ada.call('POST', '/api/v1/groups', { body: { name: freshName(), replicas: 1 } })).body;
  });

  it.each(every.map((route) => [route.id, route] as const))('a stranger is answered 404 on %s', async (_, route) => {
    const target = route.path.replace('{workspaceRef}', pod.id).replace('{groupRef}', group.id);
    const body =
      route.body === null
        ? undefined
        : { create: { name: 'x', team: ada.team, replicas: 1 }, scale: { replicas: 2 } }[route.id.split('.')[1] ?? ''];
    const named = route.path.includes('{') ? target : `${target}?team=${ada.team}`;
    const asked = ['workspaces.create', 'workspaces.estimate'].includes(route.id)
      ? { name: 'x', team: ada.team }
      : route.method === 'PATCH'
        ? { labels: {} }
        : body;
    const answer = await stranger.call(route.method, route.method === 'GET' ? named : target, {
      ...(asked === undefined ? {} : { body: asked }),
    });
    expect(answer).toMatchObject({ status: 404, body: { code: 'not_found' } });
  });

  it('a viewer looks, a member makes and changes their own, an admin everybody’s', async () => {
    const [viewer, member, admin] = [await api.person(), await api.person(), await api.person()];
    await joinTeam(api, viewer.id, ada.team, 'viewer');
    await joinTeam(api, member.id, ada.team, 'member');
    await joinTeam(api, admin.id, ada.team, 'admin');
    const team = ada.team;
    const { id } = await api.isRunning(ada);
    expect((await viewer.call('GET', path(id))).status).toBe(200);
    const denied = { status: 403, body: { code: 'access.denied' } };
    expect(await create(viewer, { team })).toMatchObject(denied);
    const own = await api.isRunning(member, { team });
    expect(own.owner).toBe(member.id);
    expect(await member.call('POST', path(id, '/stop'))).toMatchObject(denied);
    expect(await member.call('DELETE', path(id))).toMatchObject(denied);
    expect((await member.call('POST', path(own.id, '/stop'))).status).toBe(202);
    expect((await admin.call('POST', path(id, '/stop'))).status).toBe(202);
    expect(await create(member, { team, owner: admin.id })).toMatchObject(denied);
    expect((await create(admin, { team, owner: member.id })).body).toMatchObject({
      owner: member.id,
      createdBy: admin.id,
    });
  });
});

describe('what is counted', () => {
  it('is never over-granted when fifty creates race for the last room and the quota, and is what the seats hold', async () => {
    const racing = await createSeatsApi(table, { seatLimits: { ...SEAT_LIMITS, teamWorkspaces: 100 } });
    const bob = await racing.person();
    const room = { cpuMillis: 5200, memoryMiB: 1_000_000, gpus: 0, pods: 500 };
    const info = clusterInfo({ allocatable: room, requested: NO_AMOUNT, largestNode: room });
    const [one, two] = [await harbour(racing, bob, {}, info), await harbour(racing, bob, {}, info)];
    const answers = await Promise.all(Array.from({ length: 50 }, () => create(bob)));
    // Ten of 500m fit each; some may have been told to come again while everybody wrote the same counters.
    const statuses = answers.map(({ status, body }) => (status === 202 ? 'made' : body.code));
    expect(new Set(statuses)).toEqual(
      new Set(['made', 'placement.no_fit', ...(statuses.includes('retry') ? ['retry'] : [])]),
    );
    while ((await create(bob)).status === 202);
    const seats = [
      ...(await api.store.workspaces.ofCluster(one.id)),
      ...(await api.store.workspaces.ofCluster(two.id)),
    ];
    expect(seats).toHaveLength(20);
    for (const { id } of [one, two]) expect((await api.store.workspaces.room(id)).taken.cpuMillis).toBe(5000);
    expect(await api.store.workspaces.usage(bob.team)).toMatchObject({ workspaces: 20, cpuMillis: 10_000 });
  }, 60_000);

  it('is never more than the team’s quota, each limit with its own code', async () => {
    const limits = { teamWorkspaces: 4, teamCpuMillis: 1500, teamMemoryMiB: 100_000, teamStorageGiB: 35 };
    const tight = await createSeatsApi(table, { seatLimits: limits });
    const bob = await tight.person();
    const place = await harbour(tight, bob);
    const answers = await Promise.all(Array.from({ length: 12 }, () => create(bob)));
    expect(answers.filter(({ status }) => status === 202).length).toBeLessThanOrEqual(3);
    while ((await create(bob)).status === 202);
    expect(await create(bob)).toMatchObject({ status: 409, body: { code: 'quota.team_compute' } });
    expect((await create(bob)).body.detail).toBe('asked for 0.5 vCPU; 0 vCPU of 1.5 vCPU are free');
    expect(await create(bob, { start: false })).toMatchObject({ status: 409, body: { code: 'quota.team_storage' } });
    expect((await create(bob, { start: false, volumes: { home: '1Gi' } })).status).toBe(202);
    expect(await create(bob, { start: false, volumes: { home: '1Gi' } })).toMatchObject({
      body: { code: 'quota.team_workspaces' },
    });
    const { counters, sums } = await api.counted(place.id, bob.team);
    expect(counters).toEqual(sums);
  });

  it('follows starts, stops, changes and ends, whoever was faster', async () => {
    const bob = await api.person();
    const place = await harbour(api, bob);
    const pods = await Promise.all(Array.from({ length: 6 }, () => api.isRunning(bob)));
    await Promise.all(
      pods.flatMap(({ id }, n) => [
        bob.call('POST', path(id, n % 2 === 0 ? '/stop' : '/restart')),
        bob.call('PATCH', path(id), { body: { volumes: { home: `${11 + n}Gi` } } }),
        api.reports(id, 'Running').catch(() => null),
        ...(n > 3 ? [bob.call('DELETE', path(id))] : []),
      ]),
    );
    const first = await api.counted(place.id, bob.team);
    expect(first.counters).toEqual(first.sums);
    for (const { id } of pods) {
      await bob.call('DELETE', path(id));
      await api.isGone(id, SEAT_LIMITS);
      await api.isGone(id, SEAT_LIMITS);
    }
    const second = await api.counted(place.id, bob.team);
    expect(second.counters).toEqual(second.sums);
    expect(second.counters).toMatchObject({ seats: 0, taken: NO_AMOUNT, usage: { workspaces: 0, storageGiB: 0 } });
    expect(await api.store.workspaces.rowsOf(place.id)).toEqual([]);
  });

  it('keeps a cluster from being deleted with dev pods on it, unless that is forced; then nobody comes any more', async () => {
    const bob = await api.person();
    const place = await harbour(api, bob);
    await api.isRunning(bob);
    const refused = await bob.call('DELETE', `/api/v1/clusters/${place.id}`);
    expect(refused).toMatchObject({ status: 409, body: { code: 'cluster.has_workspaces' } });
    expect((await bob.call('DELETE', `/api/v1/clusters/${place.id}?force=true`)).status).toBe(202);
    expect((await api.store.workspaces.room(place.id)).closed).toBe(true);
    const amount = amountOf({ requests: { cpu: '1', memory: '1Gi' }, limits: { cpu: '1', memory: '1Gi' }, gpus: 0 });
    await expect(
      api.commit({
        writes: [],
        claims: [{ claim: 'room', cluster: place.id, seats: 1, amount, capacity: plusAmount(amount, amount) }],
        audit: [],
      }),
    ).rejects.toMatchObject({ code: 'placement.no_fit', detail: expect.stringContaining('no more dev pods') });
  });
});

describe('the list that the agent syncs by', () => {
  it('is read whole, however many there are', async () => {
    const claims = Array.from({ length: 450 }, (_, n) => ({
      claim: 'seat-row' as const,
      cluster: 'clu_many',
      workspace: `wsp_${String(n).padStart(26, '0')}`,
      revision: n + 1,
    }));
    for (let n = 0; n < claims.length; n += 90)
      await api.commit({ writes: [], claims: claims.slice(n, n + 90), audit: [] });
    const rows = await api.store.workspaces.rowsOf('clu_many');
    expect(rows.map(({ revision }) => revision)).toEqual(claims.map(({ revision }) => revision));
  });
});
