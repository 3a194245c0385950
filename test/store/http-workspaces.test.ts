import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ClusterState } from '#core/domain/cluster-state.ts';
import { releaseTemplate } from '#core/domain/template-change.ts';
import { harbour } from '#test/builders/seat-world.ts';
import { clusterInfo, LARGE } from '#test/builders/seats.ts';
import { SEAT_LIMITS } from '#test/builders/world.ts';
import type { Person } from './http-api.ts';
import { create, createSeatsApi, freshName, path, type SeatsApi } from './seats-api.ts';
import { startTable, type TestTable } from './table.ts';

let table: TestTable;
let api: SeatsApi;
let ada: Person;
let home: ClusterState;

beforeAll(async () => {
  table = await startTable();
  api = await createSeatsApi(table);
  ada = await api.person();
  home = await harbour(api, ada, {}, LARGE);
});
afterAll(() => table.stop());

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
    await api.isGone(body.id, SEAT_LIMITS);
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
    await api.commit(
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
          environment: [],
          resources: { requests: { cpu: '1', memory: '1Gi' }, limits: { cpu: '1', memory: '1Gi' }, gpus: 0 },
          volumes: [{ name: 'home', size: '1Gi', mounts: [{ mountPath: '/home/node' }] }],
          idleTimeoutSeconds: 60,
        },
        { team: ada.team, actor: `account:${ada.id}` },
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
    await ada.call('DELETE', '/api/v1/templates/lab');
    for (const version of [undefined, '1'])
      expect(await create(ada, { template: { ...template, version }, parameters: { mode: 'a' } })).toMatchObject({
        body: { code: 'template.unknown' },
      });
  });

  it.each([
    ['requests above limits', { resources: { requests: { cpu: '3', memory: '1Gi' } } }, 'resources'],
    ['an amount that is none', { resources: { requests: { cpu: '-1', memory: '1Gi' } } }, 'resources.requests.cpu'],
    ['a volume beyond 2 TiB', { volumes: { home: '3Ti' } }, 'volumes.home'],
    ['a repository with a password', { git: { repository: 'https://me:pw@host/x' } }, 'git.repository'],
    ['an image with spaces', { image: 'a b' }, 'image'],
    ['a secret that is no name', { secrets: ['lower'] }, 'secrets.0'],
    ['a secret that is to be a variable', { secrets: [{ name: 'TOKEN', as: 'Env' }] }, 'secrets.0'],
    ['a secret twice', { secrets: ['TOKEN', 'TOKEN'] }, 'secrets'],
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
    expect(await create(ada, { secrets: ['NOPE'] })).toMatchObject({
      status: 400,
      body: { code: 'secret.unknown' },
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

describe('lists', () => {
  it('are newest first, in pages, filtered', async () => {
    const bob = await api.person();
    const place = await harbour(api, bob);
    const made = [];
    for (let n = 0; n < 5; n += 1) made.push((await create(bob, { start: n > 0 })).body.id);
    await api.reports(made[4], 'Running');
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
