import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { groupRoutes, workspaceRoutes } from '#core/contract/workspace.ts';
import type { ClusterState } from '#core/domain/cluster-state.ts';
import { type Decision, write } from '#core/domain/decision.ts';
import { amountOf, NO_AMOUNT, plusAmount } from '#core/domain/seat-amount.ts';
import { releaseTemplate } from '#core/domain/template-change.ts';
import { decideWorkspace } from '#core/domain/workspace.ts';
import { heldBy } from '#core/domain/workspace-claims.ts';
import type { WorkspaceCommand } from '#core/domain/workspace-command.ts';
import { untilFresh } from '#core/store/commit.ts';
import { clusterInfo, harbour, joinTeam, seatStatus } from '#test/builders/seats.ts';
import { SEAT_LIMITS } from '#test/builders/world.ts';
import { type Api, createApi, type Person } from './http-api.ts';
import { startTable, type TestTable } from './table.ts';

let table: TestTable;
let api: Api;
let ada: Person;
let home: ClusterState;

beforeAll(async () => {
  table = await startTable();
  api = await createApi(table);
  ada = await api.person();
  home = await harbour(
    api,
    ada,
    {},
    clusterInfo({ allocatable: { cpuMillis: 64_000, memoryMiB: 262_144, gpus: 0, pods: 400 } }),
  );
});
afterAll(() => table.stop());

let names = 0;
const freshName = () => `pod${++names}`;
const create = (by: Person, body: object = {}, headers: Record<string, string> = {}) =>
  by.call('POST', '/api/v1/workspaces', { body: { name: freshName(), ...body }, headers });
const at = () => ({ now: api.now(), newId: api.newId });
/** What the agent or a workflow does meanwhile. */
const decide = (id: string, command: WorkspaceCommand) =>
  untilFresh(async () => {
    const decision = decideWorkspace(await api.store.workspaces.subject(id), command, at());
    await api.store.commit(decision, at());
    return decision.next;
  });
let seq = 0;
const reports = async (id: string, phase: 'Running' | 'Stopped' | 'Failed') => {
  const subject = await api.store.workspaces.workspace(id);
  const status = seatStatus({ phase, observedRevision: subject?.revision ?? 0 });
  const next = await decide(id, { type: 'report', link: 1, seq: ++seq, status });
  return next.operationId === undefined ? next : decide(id, { type: 'succeed', operation: next.operationId });
};
const isRunning = async (by: Person, body: object = {}) => {
  const made = await create(by, body);
  expect(made.status).toBe(202);
  await reports(made.body.id, 'Running');
  return made.body;
};
const path = (ref: string, rest = '') => `/api/v1/workspaces/${ref}${rest}`;
const commit = (decision: Decision) => api.store.commit(decision, at());

/** Counters of a cluster and a team, and what their seats hold by their own state. */
const counted = async (cluster: string, team: string) => {
  const seats = (await api.store.workspaces.ofCluster(cluster)).map(heldBy);
  const room = await api.store.workspaces.room(cluster);
  const usage = await api.store.workspaces.usage(team);
  return {
    counters: { ...room, closed: undefined, usage },
    sums: {
      seats: seats.length,
      taken: seats.reduce((sum, { amount }) => plusAmount(sum, amount), NO_AMOUNT),
      closed: undefined,
      usage: {
        workspaces: seats.length,
        cpuMillis: seats.reduce((sum, { amount }) => sum + amount.cpuMillis, 0),
        memoryMiB: seats.reduce((sum, { amount }) => sum + amount.memoryMiB, 0),
        storageGiB: seats.reduce((sum, { storageGiB }) => sum + storageGiB, 0),
      },
    },
  };
};

describe('creating a dev pod', () => {
  it('answers 202 with the pod on a cluster that fits, its cost, its ETag and its operation', async () => {
    const made = await create(ada, { name: 'first', template: { name: 'claude-terraform' } });
    expect(made.status).toBe(202);
    expect(made.body).toMatchObject({
      name: 'first',
      team: ada.team,
      owner: ada.id,
      cluster: home.id,
      phase: 'Pending',
      wanted: 'Running',
      template: { name: 'claude-terraform', version: '1' },
      resources: { requests: { cpu: '500m', memory: '2Gi' }, limits: { cpu: '2', memory: '4Gi' } },
      volumes: [
        { size: '10Gi', mounts: [{ mountPath: '/workspace' }] },
        { size: '1Gi', mounts: [{ mountPath: '/commandhistory' }] },
        { size: '1Gi', mounts: [{ mountPath: '/home/node/.claude' }] },
      ],
    });
    expect(made.body.cost.runningUsdPerHour).toBeGreaterThan(made.body.cost.stoppedUsdPerHour);
    expect(made.headers).toMatchObject({ etag: '"1"', location: `/api/v1/operations/${made.body.operationId}` });
    expect((await ada.call('GET', made.headers.location as string)).body).toMatchObject({ kind: 'workspace-start' });
    expect((await ada.call('GET', path('first'))).body).toEqual(made.body);
    expect(await api.store.workspaces.rowsOf(home.id)).toContainEqual({ id: made.body.id, revision: 1 });
  });

  it('answers a repeat with the same pod, and refuses the key for another', async () => {
    const headers = { 'idempotency-key': 'pod-1' };
    const body = { name: freshName() };
    const [one, two] = [await create(ada, body, headers), await create(ada, body, headers)];
    expect(two.body).toEqual(one.body);
    expect(await create(ada, {}, headers)).toMatchObject({ status: 409, body: { code: 'idempotency.mismatch' } });
  });

  it('refuses a name that the team has until the pod of that name is gone', async () => {
    const name = freshName();
    const { body } = await create(ada, { name });
    expect(await create(ada, { name })).toMatchObject({ status: 409, body: { code: 'workspace.name_taken' } });
    await ada.call('DELETE', path(body.id));
    expect(await create(ada, { name })).toMatchObject({ body: { code: 'workspace.name_taken' } });
    await decide(body.id, { type: 'gone', revision: 2, kept: [], limits: SEAT_LIMITS });
    expect((await create(ada, { name })).status).toBe(202);
  });

  it('does not start it when that was not asked for', async () => {
    const { body } = await create(ada, { start: false });
    expect(body).toMatchObject({ phase: 'Pending', wanted: 'Stopped' });
    expect(body).not.toHaveProperty('operationId');
  });

  it('names templates, versions and parameters that it would take', async () => {
    expect(await create(ada, { template: { name: 'rust' } })).toMatchObject({
      status: 400,
      body: { code: 'template.unknown', allowed: expect.arrayContaining(['node', 'claude-terraform']) },
    });
    expect(await create(ada, { template: { name: 'node', version: '9' } })).toMatchObject({
      body: { code: 'template.unknown' },
    });
    const refused = await create(ada, { parameters: { colour: 'red' } });
    expect(refused).toMatchObject({ status: 400, body: { code: 'template.parameter_invalid' } });
    expect(refused.body.errors).toEqual([{ path: 'parameters.colour', message: expect.stringContaining('none') }]);
  });

  it('takes a template of the team, with its parameters as text', async () => {
    await commit(
      releaseTemplate(
        null,
        {
          name: 'lab',
          title: 'Lab',
          description: '',
          image: 'ghcr.io/example/lab:1',
          profile: 'default',
          parameters: {
            count: { type: 'integer', minimum: 1, default: 3 },
            mode: { type: 'string', enum: ['a', 'b'] },
          },
          required: ['mode'],
          resources: { requests: { cpu: '1', memory: '1Gi' }, limits: { cpu: '1', memory: '1Gi' }, gpus: 0 },
          volumes: [{ name: 'home', size: '1Gi', mounts: [{ mountPath: '/home/node' }] }],
          idleTimeoutSeconds: 60,
        },
        { team: ada.team, account: ada.id, actor: `account:${ada.id}` },
        api.now(),
      ),
    );
    const template = { name: 'lab' };
    expect((await create(ada, { template })).body.errors).toEqual([{ path: 'parameters.mode', message: 'required' }]);
    const wrong = await create(ada, { template, parameters: { mode: 'c', count: 0 } });
    expect(wrong.body.errors.map((each: { path: string }) => each.path)).toEqual([
      'parameters.count',
      'parameters.mode',
    ]);
    const made = await create(ada, { template, parameters: { mode: 'a' }, volumes: { home: '2Gi' } });
    expect(made.body).toMatchObject({
      template: { name: 'lab', version: '1' },
      parameters: { mode: 'a', count: '3' },
      volumes: [{ size: '2Gi' }],
      idleTimeoutSeconds: 60,
    });
    expect(await create(await api.person(), { template })).toMatchObject({ body: { code: 'template.unknown' } });
  });

  it.each([
    ['requests above limits', { resources: { requests: { cpu: '3', memory: '1Gi' } } }, 'resources'],
    ['an amount that is none', { resources: { requests: { cpu: '-1', memory: '1Gi' } } }, 'resources.requests.cpu'],
    ['a volume beyond 2 TiB', { volumes: { home: '3Ti' } }, 'volumes.home'],
    ['a repository with a password', { git: { repository: 'https://me:pw@host/x' } }, 'git.repository'],
    ['an image with spaces', { image: 'a b' }, 'image'],
    ['a secret that is no name', { secrets: [{ name: 'lower' }] }, 'secrets.0.name'],
    ['a pod spec', { spec: { hostNetwork: true } }, 'spec'],
    ['an owner who is no account of the team', { owner: `acc_${'0'.repeat(26)}` }, 'owner'],
  ])('names the field that holds %s', async (_, body, field) => {
    const refused = await create(ada, body);
    expect(refused).toMatchObject({ status: 400, body: { code: 'request.invalid' } });
    expect(refused.body.errors.map((each: { path: string }) => each.path)).toContain(field);
  });

  it('names volumes and secrets that there are', async () => {
    expect(await create(ada, { volumes: { work: '1Gi' } })).toMatchObject({
      status: 400,
      body: { code: 'workspace.volume_unknown', allowed: ['home'] },
    });
    expect(await create(ada, { secrets: [{ name: 'NOPE' }] })).toMatchObject({
      status: 400,
      body: { code: 'secret.unknown' },
    });
  });

  it('gives the pod all secrets of the person and the team by default, the person’s own first', async () => {
    const put = (body: object) => ada.call('POST', '/api/v1/secrets', { body });
    await put({ name: 'NODE_OPTIONS', value: 'x' });
    await put({ scope: 'team', name: 'TOKEN', value: 'team' });
    await put({ name: 'TOKEN', value: 'one' });
    await put({ name: 'TOKEN', value: 'two' });
    const { body } = await create(ada);
    expect(body.secrets).toEqual([
      { name: 'NODE_OPTIONS', version: 1, as: 'File' },
      { name: 'TOKEN', version: 2, as: 'File' },
    ]);
    expect((await create(ada, { secrets: [] })).body.secrets).toEqual([]);
    expect(await create(ada, { secrets: [{ name: 'NODE_OPTIONS', as: 'Env' }] })).toMatchObject({
      status: 400,
      body: { code: 'secret.not_environment' },
    });
  });
});

describe('where a dev pod is put', () => {
  it('is the cluster that was named, by id or name; one that nobody may see is not there', async () => {
    const other = await harbour(api, ada, { name: 'other', labels: { 'roadstead.dev/environment': 'lab' } });
    expect((await create(ada, { placement: { cluster: 'other' } })).body.cluster).toBe(other.id);
    expect((await create(ada, { placement: { cluster: home.id } })).body.cluster).toBe(home.id);
    expect((await create(ada, { placement: { environment: 'lab' } })).body.cluster).toBe(other.id);
    const stranger = await api.person();
    for (const cluster of ['other', other.id, 'nowhere'])
      expect(await create(stranger, { placement: { cluster } })).toMatchObject({
        status: 404,
        body: { code: 'not_found' },
      });
  });

  it('is said cluster by cluster when it is nowhere', async () => {
    const bob = await api.person();
    expect(await create(bob)).toMatchObject({
      status: 409,
      body: { code: 'placement.no_fit', detail: expect.stringContaining('takesWorkspaces') },
    });
    await harbour(api, bob, { name: 'small' });
    await api.readyCluster(bob, { name: 'closed' });
    const resources = { requests: { cpu: '5', memory: '1Gi' }, limits: { cpu: '5', memory: '4Gi' } };
    const refused = await create(bob, { resources });
    expect(refused).toMatchObject({ status: 409, body: { code: 'placement.no_fit' } });
    expect(refused.body.errors).toEqual([{ path: 'placement.small', message: 'it lacks 1 CPU on its largest node' }]);
    expect((await create(bob, { placement: { cluster: 'closed' } })).body.detail).toContain('does not take dev pods');
  });

  it('is estimated with its cost, and nothing is made', async () => {
    const bob = await api.person();
    const estimate = (body: object) =>
      bob.call('POST', '/api/v1/workspaces/estimate', { body: { name: 'x', ...body } });
    expect((await estimate({})).body).toMatchObject({ cost: { stoppedUsdPerHour: 0.001096 }, misfits: [] });
    const cluster = await harbour(api, bob, { name: 'place' });
    expect((await estimate({})).body).toEqual({
      cost: { runningUsdPerHour: 0.026296, stoppedUsdPerHour: 0.001096 },
      cluster: { id: cluster.id, name: 'place' },
      misfits: [],
    });
    expect((await estimate({ placement: { environment: 'x' } })).body.misfits).toEqual([
      { cluster: 'place', missing: ['its label roadstead.dev/environment is not set'] },
    ]);
    expect((await bob.call('GET', '/api/v1/workspaces')).body.items).toEqual([]);
  });

  it('may be a cluster that teams share, once it is known to keep them apart', async () => {
    const bob = await api.person();
    const open = clusterInfo({ networkPolicyEnforced: 'unknown' });
    await harbour(api, ada, { name: 'shared-open', isolation: 'shared' }, open);
    const shared = await harbour(api, ada, { name: 'shared-fenced', isolation: 'shared' });
    const made = await create(bob);
    expect(made.body.cluster).toBe(shared.id);
    expect((await create(bob, { placement: { isolation: 'team' } })).body.code).toBe('placement.no_fit');
    expect((await create(bob, { placement: { cluster: 'shared-open' } })).body.detail).toContain('network policies');
    const { next: deleting } = await api.decide(shared.id, {
      type: 'delete',
      actor: 'a',
      timings: { createDeadline: 1, deleteDeadline: 1, startGrace: 1 },
      force: true,
    });
    expect(deleting.phase).toBe('Deleting');
    expect((await create(bob, { placement: { cluster: shared.id } })).body.detail).toContain('it is Deleting');
  });
});

describe('a dev pod’s life over the API', () => {
  it('stops, starts, restarts and changes, each with its revision as ETag', async () => {
    const { id } = await isRunning(ada);
    const stopped = await ada.call('POST', path(id, '/stop'));
    expect(stopped).toMatchObject({ status: 202, body: { phase: 'Stopping', wanted: 'Stopped' } });
    expect(stopped.headers.etag).toBe('"2"');
    expect(await ada.call('POST', path(id, '/start'))).toMatchObject({ status: 409, body: { code: 'workspace.busy' } });
    await reports(id, 'Stopped');
    expect(await ada.call('POST', path(id, '/restart'))).toMatchObject({ body: { code: 'workspace.not_running' } });
    expect((await ada.call('POST', path(id, '/start'))).body.phase).toBe('Starting');
    await reports(id, 'Running');
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
    const { id } = await isRunning(ada);
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
    const { id, cluster: on } = await isRunning(ada);
    const deleting = await ada.call('DELETE', `${path(id)}?volumes=DeleteVolumes`);
    expect(deleting).toMatchObject({ status: 202, body: { phase: 'Deleting' } });
    expect(await api.store.workspaces.rowsOf(on)).toContainEqual({ id, revision: 2, tombstone: 'DeleteVolumes' });
    expect(await ada.call('POST', path(id, '/forget'))).toMatchObject({ body: { code: 'workspace.agent_online' } });
    expect(await ada.call('POST', path(id, '/start'))).toMatchObject({ body: { code: 'workspace.deleting' } });

    const bob = await api.person();
    const place = await harbour(api, bob);
    const pod = await isRunning(bob);
    expect(await bob.call('POST', path(pod.id, '/forget'))).toMatchObject({ body: { code: 'workspace.not_deleting' } });
    await bob.call('DELETE', path(pod.id));
    const { cluster } = await api.store.clusters.withLease(place.id);
    const silent = { ...(cluster as ClusterState), version: (cluster as ClusterState).version + 1, conditions: [] };
    await commit({ writes: [write(cluster as ClusterState, silent)], claims: [], audit: [] });
    expect(await bob.call('POST', path(pod.id, '/forget'))).toMatchObject({ status: 200, body: { phase: 'Deleted' } });
    expect(await api.store.workspaces.rowsOf(place.id)).toEqual([
      { id: pod.id, revision: 2, tombstone: 'KeepVolumes' },
    ]);
    expect(await bob.call('GET', path(pod.name))).toMatchObject({ status: 404 });
    expect((await bob.call('GET', path(pod.id))).body.phase).toBe('Deleted');
  });

  it('is over at once when its cluster is deleted', async () => {
    const bob = await api.person();
    const place = await harbour(api, bob);
    const pod = await isRunning(bob);
    const { cluster } = await api.store.clusters.withLease(place.id);
    const ended: ClusterState = { ...(cluster as ClusterState), version: 99, phase: 'Deleted' };
    await commit({ writes: [write(cluster as ClusterState, ended)], claims: [], audit: [] });
    expect(await bob.call('DELETE', path(pod.id))).toMatchObject({ status: 202, body: { phase: 'Deleted' } });
    expect(await api.store.workspaces.rowsOf(place.id)).toEqual([]);
  });
});

describe('lists', () => {
  it('are newest first, in pages, filtered', async () => {
    const bob = await api.person();
    const place = await harbour(api, bob);
    const made = [];
    for (let n = 0; n < 5; n += 1) made.push((await create(bob, { start: n > 0 })).body.id);
    await reports(made[4], 'Running');
    const list = async (query: string) => (await bob.call('GET', `/api/v1/workspaces?${query}`)).body;
    const first = await list('limit=2');
    expect(first.items.map((each: { id: string }) => each.id)).toEqual([made[4], made[3]]);
    const second = await list(`limit=3&cursor=${first.nextCursor}`);
    expect(second.items.map((each: { id: string }) => each.id)).toEqual([made[2], made[1], made[0]]);
    expect((await list('phase=Running')).items).toHaveLength(1);
    expect((await list(`cluster=${place.id}&owner=${bob.id}`)).items).toHaveLength(5);
    expect((await list(`owner=${ada.id}`)).items).toEqual([]);
    expect(await bob.call('GET', '/api/v1/workspaces?cursor=AAAA')).toMatchObject({
      status: 400,
      body: { code: 'request.cursor_invalid' },
    });
  });
});

describe('whose dev pods are whose', () => {
  const every = [...Object.values(workspaceRoutes), ...Object.values(groupRoutes)];
  it.each(every.map((route) => [route.id, route] as const))('a stranger is answered 404 on %s', async (_, route) => {
    const stranger = await api.person();
    const { body: pod } = await create(ada);
    const group = await ada.call('POST', '/api/v1/groups', { body: { name: freshName(), replicas: 1 } });
    const target = route.path.replace('{workspaceRef}', pod.id).replace('{groupRef}', group.body.id);
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
    const { id } = await isRunning(ada);
    expect((await viewer.call('GET', path(id))).status).toBe(200);
    const denied = { status: 403, body: { code: 'access.denied' } };
    expect(await create(viewer, { team })).toMatchObject(denied);
    const own = await isRunning(member, { team });
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
    const racing = await createApi(table, { seatLimits: { ...SEAT_LIMITS, teamWorkspaces: 100 } });
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
    const tight = await createApi(table, { seatLimits: limits });
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
    const { counters, sums } = await counted(place.id, bob.team);
    expect(counters).toEqual(sums);
  });

  it('follows starts, stops, changes and ends, whoever was faster', async () => {
    const bob = await api.person();
    const place = await harbour(api, bob);
    const pods = await Promise.all(Array.from({ length: 6 }, () => isRunning(bob)));
    await Promise.all(
      pods.flatMap(({ id }, n) => [
        bob.call('POST', path(id, n % 2 === 0 ? '/stop' : '/restart')),
        bob.call('PATCH', path(id), { body: { volumes: { home: `${11 + n}Gi` } } }),
        reports(id, 'Running').catch(() => null),
        ...(n > 3 ? [bob.call('DELETE', path(id))] : []),
      ]),
    );
    const first = await counted(place.id, bob.team);
    expect(first.counters).toEqual(first.sums);
    for (const { id } of pods) {
      await bob.call('DELETE', path(id));
      const revision = (await api.store.workspaces.workspace(id))?.revision ?? 0;
      await decide(id, { type: 'gone', revision, kept: [], limits: SEAT_LIMITS });
      await decide(id, { type: 'gone', revision, kept: [], limits: SEAT_LIMITS });
    }
    const second = await counted(place.id, bob.team);
    expect(second.counters).toEqual(second.sums);
    expect(second.counters).toMatchObject({ seats: 0, taken: NO_AMOUNT, usage: { workspaces: 0, storageGiB: 0 } });
    expect(await api.store.workspaces.rowsOf(place.id)).toEqual([]);
  });

  it('keeps a cluster from being deleted with dev pods on it, unless that is forced; then nobody comes any more', async () => {
    const bob = await api.person();
    const place = await harbour(api, bob);
    await isRunning(bob);
    const refused = await bob.call('DELETE', `/api/v1/clusters/${place.id}`);
    expect(refused).toMatchObject({ status: 409, body: { code: 'cluster.has_workspaces' } });
    expect((await bob.call('DELETE', `/api/v1/clusters/${place.id}?force=true`)).status).toBe(202);
    expect((await api.store.workspaces.room(place.id)).closed).toBe(true);
    const amount = amountOf({ requests: { cpu: '1', memory: '1Gi' }, limits: { cpu: '1', memory: '1Gi' }, gpus: 0 });
    await expect(
      commit({
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
      await commit({ writes: [], claims: claims.slice(n, n + 90), audit: [] });
    const rows = await api.store.workspaces.rowsOf('clu_many');
    expect(rows.map(({ revision }) => revision)).toEqual(claims.map(({ revision }) => revision));
  });
});
