import { DynamoDBDocumentClient, QueryCommand } from '@aws-sdk/lib-dynamodb';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as yaml from 'yaml';
import { TOKEN_HEADER } from '#core/contract/agent.ts';
import { allRoutes } from '#core/contract/routes.ts';
import type { MemberState } from '#core/domain/account.ts';
import { sha256 } from '#core/store/keys.ts';
import { type Api, createApi, type Person } from './http-api.ts';
import { startTable, type TestTable } from './table.ts';

let table: TestTable;
let api: Api;
let ada: Person;

beforeAll(async () => {
  table = await startTable();
  api = await createApi(table, {
    limits: { teamClusters: 50, deploymentClusters: 500, deploymentVcpu: 5000 } as never,
  });
  ada = await api.person();
});
afterAll(() => table.stop());

let names = 0;
const create = async (by: Person, change: object = {}) =>
  (await by.call('POST', '/api/v1/clusters', { body: { name: `c${++names}`, ...change } })).body;
const ready = async (by: Person, change: object = {}, given: Api = api) => {
  const { id, operationId } = await create(by, change);
  const { next } = await given.decide(id, {
    type: 'created',
    operation: operationId,
    endpoint: 'https://cluster.example',
    certificateAuthority: 'Q0E=',
  });
  return next;
};
/** Takes a person into a team. */
const join = async (person: Person, team: string, role: MemberState['role']) => {
  const next: MemberState = {
    entity: 'Member',
    id: `${team}/${person.id}`,
    version: 1,
    team,
    account: person.id,
    role,
    createdAt: api.now(),
  };
  await api.store.commit(
    { writes: [{ before: null, next }], claims: [], audit: [] },
    { now: api.now(), newId: api.newId },
  );
};
const auditOf = async (team: string) => {
  const { Items = [] } = await DynamoDBDocumentClient.from(table.client).send(
    new QueryCommand({
      TableName: table.name,
      KeyConditionExpression: 'pk = :pk',
      ExpressionAttributeValues: { ':pk': `AUDIT#${team}` },
    }),
  );
  return Items;
};

describe('who may ask', () => {
  it('is nobody without a principal, on every route but the public ones', async () => {
    const ids: Record<string, string> = {
      clusterRef: 'demo',
      operationId: api.newId('opn'),
      tokenId: api.newId('tok'),
      workspaceRef: 'pod',
      groupRef: 'class',
      name: 'NAME',
      workspaceId: api.newId('wsp'),
      request: api.newId('crq'),
    };
    const agents = { token: null, headers: { [TOKEN_HEADER]: 'nonsense' } };
    for (const route of allRoutes.filter((each) => each.auth !== 'public')) {
      const path = route.path.replaceAll(/\{(\w+)\}/g, (_, name: string) => ids[name] as string);
      const ofPerson = route.auth === 'account';
      for (const [sent, code] of [
        [{ token: null }, 'auth.required'],
        // A person's token opens nothing that is an agent's, and the other way round.
        [{ token: 'nonsense' }, ofPerson ? 'auth.invalid_token' : 'auth.required'],
        [{ token: `${api.newId('acc')}|s` }, ofPerson ? 'auth.invalid_token' : 'auth.required'],
        [agents, ofPerson ? 'auth.required' : 'auth.invalid_token'],
      ] as const) {
        const answer = await api.call(route.method, path, {
          ...sent,
          ...(route.method === 'POST' ? { body: {} } : {}),
        });
        expect([route.id, answer.status, answer.body.code]).toEqual([route.id, 401, code]);
        expect(answer.headers['www-authenticate']).toBe('Bearer');
      }
    }
  });

  it('is refused with another scheme than Bearer', async () => {
    const answer = await api.call('GET', '/api/v1/me', { headers: { authorization: `Basic ${ada.token}` } });
    expect(answer).toMatchObject({ status: 401, body: { code: 'auth.invalid_token' } });
  });

  it('is refused while the account is only invited, and after its session has signed out', async () => {
    const { id } = await api.account();
    expect(await api.call('GET', '/api/v1/me', { token: `${id}|s` })).toMatchObject({ status: 401 });
    const person = await api.person();
    expect((await person.call('GET', '/api/v1/me')).status).toBe(200);
    expect((await person.call('POST', '/api/v1/auth/logout', { body: {} })).status).toBe(204);
    expect(await person.call('GET', '/api/v1/me')).toMatchObject({ status: 401, body: { code: 'auth.invalid_token' } });
    const me = async (began: number) =>
      (await api.call('GET', '/api/v1/me', { token: `${person.id}|another-session|${began}` })).status;
    const now = Math.floor(Date.parse(api.now()) / 1000);
    expect([await me(now - 1), await me(now + 1)]).toEqual([401, 200]);
  });

  it('sees who it is and its teams', async () => {
    const person = await api.person();
    await join(person, ada.team, 'viewer');
    const { body } = await person.call('GET', '/api/v1/me');
    expect(body.account).toMatchObject({ id: person.id, state: 'Active', personalTeam: person.team });
    expect(body.teams.map((each: { id: string; role: string }) => [each.id, each.role]).sort()).toEqual(
      [
        [person.team, 'owner'],
        [ada.team, 'viewer'],
      ].sort(),
    );
  });
});

describe('what belongs to another team', () => {
  it('is answered 404 on every route, by id and by name, exactly as what is not there', async () => {
    const cluster = await ready(ada);
    const made = await ada.call('POST', `/api/v1/clusters/${cluster.id}/tokens`, { body: {} });
    const stranger = await api.person();
    // Dev pods, groups, templates and secrets have tests of their own.
    const asked = allRoutes.filter((each) => /\{(clusterRef|operationId)\}/.test(each.path));
    expect(asked.length).toBeGreaterThan(8);
    for (const route of asked)
      for (const [clusterRef, operationId] of [
        [cluster.id, cluster.lastOperationId],
        [cluster.name, cluster.lastOperationId],
        [api.newId('clu'), api.newId('opn')],
      ]) {
        const ids = { clusterRef, operationId, tokenId: made.body.token.id } as Record<string, string>;
        const path = route.path.replaceAll(/\{(\w+)\}/g, (_, name: string) => ids[name] as string);
        const answer = await stranger.call(route.method, path, route.method === 'POST' ? { body: {} } : {});
        expect([route.id, clusterRef, answer.status, answer.body.code]).toEqual([
          route.id,
          clusterRef,
          404,
          'not_found',
        ]);
      }
    for (const path of [`/api/v1/clusters?team=${ada.team}`, `/api/v1/clusters/${cluster.name}?team=${ada.team}`])
      expect((await stranger.call('GET', path)).status).toBe(404);
    expect((await ada.call('GET', `/api/v1/clusters/${cluster.id}`)).body.phase).toBe('Ready');
  });

  it('may be seen by a viewer, who is told 403 for what needs more', async () => {
    const { id } = await ready(ada);
    const viewer = await api.person();
    await join(viewer, ada.team, 'viewer');
    expect((await viewer.call('GET', `/api/v1/clusters/${id}`)).status).toBe(200);
    for (const [method, path] of [
      ['DELETE', `/api/v1/clusters/${id}`],
      ['POST', `/api/v1/clusters/${id}/extend`],
      ['POST', `/api/v1/clusters/${id}/retry`],
      ['POST', `/api/v1/clusters/${id}/tokens`],
      ['GET', `/api/v1/clusters/${id}/tokens`],
    ] as const)
      expect(await viewer.call(method, path, method === 'POST' ? { body: {} } : {})).toMatchObject({
        status: 403,
        body: { code: 'access.denied' },
      });
    expect(await viewer.call('POST', '/api/v1/clusters', { body: { name: 'viewers', team: ada.team } })).toMatchObject({
      status: 403,
    });
  });
});

describe('a kubeconfig', () => {
  it('holds a token of the person’s own role, says when it ends, and is noted in the audit log without it', async () => {
    const { id, name } = await ready(ada);
    const answer = await ada.call('GET', `/api/v1/clusters/${name}/kubeconfig`);
    expect(answer).toMatchObject({
      status: 200,
      headers: {
        'content-type': 'text/plain; charset=utf-8',
        'cache-control': 'no-store',
        'x-credential-expires-at': '2026-11-21T12:14:00.000Z',
      },
    });
    const config = yaml.parse(answer.body);
    expect(config.users[0].user.token).toBe(`k8s-aws-v1.admin-${ada.id}`);
    expect(config.clusters[0].cluster).toEqual({
      server: 'https://cluster.example',
      'certificate-authority-data': 'Q0E=',
    });
    expect(answer.body).toContain('2026-11-21T12:14:00.000Z');
    const line = (await auditOf(ada.team)).find((each) => each.resource === id && each.action === 'cluster.kubeconfig');
    expect(line).toMatchObject({ actor: `account:${ada.id}`, detail: { auth: 'token', role: 'owner' } });
    expect(JSON.stringify(line)).not.toContain('k8s-aws-v1');
  });

  it.each([
    ['viewer', 'viewer'],
    ['member', 'editor'],
    ['admin', 'admin'],
  ] as const)('of a %s carries the cluster role %s', async (role, clusterRole) => {
    const { id } = await ready(ada);
    const person = await api.person();
    await join(person, ada.team, role);
    const { body } = await person.call('GET', `/api/v1/clusters/${id}/kubeconfig`);
    expect(body).toContain(`k8s-aws-v1.${clusterRole}-${person.id}`);
  });

  it('with ?auth=exec holds no secret, but a command that fetches one', async () => {
    const { id } = await ready(ada);
    const answer = await ada.call('GET', `/api/v1/clusters/${id}/kubeconfig?auth=exec`);
    expect(answer.body).not.toContain('k8s-aws-v1');
    expect(answer.headers).not.toHaveProperty('x-credential-expires-at');
    const { exec } = yaml.parse(answer.body).users[0].user;
    expect(exec).toMatchObject({
      apiVersion: 'client.authentication.k8s.io/v1',
      command: 'sh',
      interactiveMode: 'Never',
    });
    expect(exec.args[1]).toContain(`https://api.example/api/v1/clusters/${id}/credentials`);
    expect(exec.args[1]).toContain('$ROADSTEAD_TOKEN');
  });

  it('is refused before the cluster is ready, after it has expired, and when it is gone', async () => {
    const later = await createApi({ client: table.client, name: await table.another() });
    const person = await later.person();
    const pending = await create(person);
    const path = (id: string) => `/api/v1/clusters/${id}/kubeconfig`;
    expect(await person.call('GET', path(pending.id))).toMatchObject({
      status: 409,
      body: { code: 'cluster.not_ready' },
    });
    const { id } = await ready(person, { ttlSeconds: 600 }, later);
    later.pass(600);
    for (const [method, target] of [
      ['GET', path(id)],
      ['GET', `${path(id)}?auth=exec`],
      ['POST', `/api/v1/clusters/${id}/credentials`],
    ] as const)
      expect(await person.call(method, target)).toMatchObject({ status: 410, body: { code: 'cluster.expired' } });
    const { body: deleting } = await person.call('DELETE', `/api/v1/clusters/${id}`);
    expect((await person.call('GET', path(id))).body.code).toBe('cluster.not_ready');
    await later.decide(id, { type: 'deleted', operation: deleting.operationId });
    expect((await person.call('GET', path(id))).status).toBe(404);
  });

  it('of a cluster that takes workspaces is for admins and owners only', async () => {
    const { id } = await ready(ada, { takesWorkspaces: true });
    const member = await api.person();
    await join(member, ada.team, 'member');
    for (const [method, path] of [
      ['GET', 'kubeconfig'],
      ['GET', 'kubeconfig?auth=exec'],
      ['POST', 'credentials'],
    ] as const) {
      expect(await member.call(method, `/api/v1/clusters/${id}/${path}`)).toMatchObject({
        status: 403,
        body: { code: 'cluster.takes_workspaces' },
      });
      expect((await ada.call(method, `/api/v1/clusters/${id}/${path}`)).status).toBe(200);
    }
  });

  it('is refused for a provider whose credentials are not given out, and where the address is unknown', async () => {
    const other = await ready(ada, { provider: 'made-up' });
    expect(await ada.call('GET', `/api/v1/clusters/${other.id}/kubeconfig`)).toMatchObject({ status: 409 });
    const { id, operationId } = await create(ada);
    await api.decide(id, { type: 'created', operation: operationId });
    expect(await ada.call('GET', `/api/v1/clusters/${id}/kubeconfig`)).toMatchObject({
      status: 409,
      body: { detail: 'the address of the cluster is not known' },
    });
  });
});

describe('credentials', () => {
  it('are an ExecCredential for the person’s role', async () => {
    const { id } = await ready(ada);
    const answer = await ada.call('POST', `/api/v1/clusters/${id}/credentials`, { body: {} });
    expect(answer).toMatchObject({
      status: 200,
      body: {
        apiVersion: 'client.authentication.k8s.io/v1',
        kind: 'ExecCredential',
        status: { token: `k8s-aws-v1.admin-${ada.id}`, expirationTimestamp: '2026-11-21T12:14:00.000Z' },
      },
    });
  });
});

describe('agent tokens', () => {
  it('are made with a manifest and listed without their values', async () => {
    const { id } = await ready(ada);
    const made = await ada.call('POST', `/api/v1/clusters/${id}/tokens`, { body: {} });
    expect(made).toMatchObject({ status: 201, body: { token: { kind: 'install', state: 'Active' } } });
    expect(made.body.installToken).toMatch(/^rsi_[\w-]{43}$/);
    expect(made.body.manifest).toContain(Buffer.from(made.body.installToken).toString('base64'));
    expect(made.body.command).not.toContain(made.body.installToken);
    expect(await api.store.tokens.byHash(sha256(made.body.installToken))).toMatchObject({
      cluster: id,
      team: ada.team,
    });

    const listed = await ada.call('GET', `/api/v1/clusters/${id}/tokens`);
    expect(listed.body.items).toEqual([made.body.token]);
    expect(JSON.stringify(listed.body)).not.toContain(sha256(made.body.installToken));
  });

  it('are 50 live ones for a cluster at most, and one more when one has ended', async () => {
    const { id, team } = await ready(ada);
    await Promise.all(Array.from({ length: 50 }, () => api.installToken({ id, team })));
    const path = `/api/v1/clusters/${id}/tokens`;
    const refused = await ada.call('POST', path, { body: {} });
    expect([refused.status, refused.body.code]).toEqual([409, 'quota.tokens']);
    expect(refused.body.detail).toContain('50 are allowed');
    const [first] = (await ada.call('GET', path)).body.items;
    await ada.call('DELETE', `${path}/${first.id}`);
    expect((await ada.call('POST', path, { body: {} })).status).toBe(201);
  });

  it('are revoked once and for all; a repeat is fine, and a token of another cluster is not found', async () => {
    const [one, two] = [await ready(ada), await ready(ada)];
    const { body } = await ada.call('POST', `/api/v1/clusters/${one.id}/tokens`, { body: {} });
    const path = (cluster: string) => `/api/v1/clusters/${cluster}/tokens/${body.token.id}`;
    expect((await ada.call('DELETE', path(two.id))).status).toBe(404);
    expect((await ada.call('DELETE', path(one.id))).status).toBe(204);
    expect((await ada.call('DELETE', path(one.id))).status).toBe(204);
    const { body: listed } = await ada.call('GET', `/api/v1/clusters/${one.id}/tokens`);
    expect(listed.items).toMatchObject([{ state: 'Revoked' }]);
  });

  it('are not made for a cluster that is being deleted', async () => {
    const { id } = await ready(ada);
    await ada.call('DELETE', `/api/v1/clusters/${id}`);
    expect(await ada.call('POST', `/api/v1/clusters/${id}/tokens`, { body: {} })).toMatchObject({
      status: 409,
      body: { code: 'cluster.deleting' },
    });
  });
});
