/** Who may do what: roles, impersonation, and the questions about them. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { componentToken, type TestServer, testServer } from './support/server.ts';

let server: TestServer;
let ns: string;

beforeAll(async () => {
  server = await testServer();
  ns = await server.namespace('access');
});
afterAll(() => server.stop());

const rbac = '/apis/rbac.authorization.k8s.io/v1';
const role = (name: string, rules: unknown[]) =>
  server.post(`${rbac}/namespaces/access/roles`, { metadata: { name }, rules });
const bind = (name: string, roleName: string, subject: unknown, as?: string) =>
  server.post(
    `${rbac}/namespaces/access/rolebindings`,
    {
      metadata: { name },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: roleName },
      subjects: [subject],
    },
    as ? { as } : {},
  );
const account = async (name: string) => {
  await server.post(`${ns}/serviceaccounts`, { metadata: { name } });
  const { body } = await server.post(`${ns}/serviceaccounts/${name}/token`, { spec: {} });
  return body.status.token as string;
};

describe('roles', () => {
  it('allow what they say in their namespace, and nothing else', async () => {
    const ann = await account('ann');
    await role('reader', [{ apiGroups: [''], resources: ['configmaps'], verbs: ['get', 'list'] }]);
    await bind('reading', 'reader', { kind: 'ServiceAccount', name: 'ann', namespace: 'access' });
    expect((await server.get(`${ns}/configmaps`, { as: ann })).status).toBe(200);
    expect((await server.get('/api/v1/namespaces/default/configmaps', { as: ann })).status).toBe(403);
    expect((await server.post(`${ns}/configmaps`, { metadata: { name: 'x' } }, { as: ann })).body.message).toBe(
      'configmaps is forbidden: User "system:serviceaccount:access:ann" cannot create resource "configmaps" in API group "" in the namespace "access"',
    );
  });

  it('may be for one name, which a list must then select', async () => {
    const bob = await account('bob');
    await role('one', [
      { apiGroups: [''], resources: ['configmaps'], resourceNames: ['mine'], verbs: ['get', 'list', 'watch'] },
    ]);
    await bind('one', 'one', { kind: 'ServiceAccount', name: 'bob', namespace: 'access' });
    await server.post(`${ns}/configmaps`, { metadata: { name: 'mine' } });
    expect((await server.get(`${ns}/configmaps/mine`, { as: bob })).status).toBe(200);
    expect((await server.get(`${ns}/configmaps`, { as: bob })).status).toBe(403);
    expect((await server.get(`${ns}/configmaps?fieldSelector=metadata.name%3Dmine`, { as: bob })).status).toBe(200);
  });

  it('are not given by those who do not have what is in them', async () => {
    const eve = await account('eve');
    await role('granter', [
      {
        apiGroups: ['rbac.authorization.k8s.io'],
        resources: ['roles', 'rolebindings'],
        verbs: ['get', 'create', 'update'],
      },
    ]);
    await bind('granting', 'granter', { kind: 'ServiceAccount', name: 'eve', namespace: 'access' });
    const greedy = await server.post(
      `${rbac}/namespaces/access/roles`,
      { metadata: { name: 'greedy' }, rules: [{ apiGroups: [''], resources: ['secrets'], verbs: ['get'] }] },
      { as: eve },
    );
    expect(greedy.status).toBe(403);
    expect(greedy.body.message).toContain(
      'is attempting to grant RBAC permissions not currently held:\n{APIGroups:[""], Resources:["secrets"], Verbs:["get"]}',
    );
    await role('secrets', [{ apiGroups: [''], resources: ['secrets'], verbs: ['get'] }]);
    expect(
      (await bind('stolen', 'secrets', { kind: 'ServiceAccount', name: 'eve', namespace: 'access' }, eve)).status,
    ).toBe(403);
    await role('binder', [
      { apiGroups: ['rbac.authorization.k8s.io'], resources: ['roles'], resourceNames: ['secrets'], verbs: ['bind'] },
    ]);
    await bind('binding', 'binder', { kind: 'ServiceAccount', name: 'eve', namespace: 'access' });
    expect(
      (await bind('allowed', 'secrets', { kind: 'ServiceAccount', name: 'ann', namespace: 'access' }, eve)).status,
    ).toBe(201);
  });

  it('of every cluster are there, with view inside edit inside admin', async () => {
    const rules = async (name: string) => (await server.get(`${rbac}/clusterroles/${name}`)).body.rules;
    expect(await rules('cluster-admin')).toEqual(
      [
        { verbs: ['*'], apiGroups: ['*'], resources: ['*'] },
        { verbs: ['*'], nonResourceURLs: ['*'] },
      ].map((rule) => expect.objectContaining(rule)),
    );
    const [view, edit, admin] = await Promise.all(['view', 'edit', 'admin'].map(rules));
    expect(view.length).toBeGreaterThan(5);
    expect(edit.length).toBeGreaterThan(view.length);
    expect(admin.length).toBeGreaterThan(edit.length);
  });
});

describe('impersonation', () => {
  it('counts the rights of the other', async () => {
    const { status, body } = await server.get(`${ns}/pods`, {
      headers: { 'impersonate-user': 'nobody', 'impersonate-group': 'few' },
    });
    expect(status).toBe(403);
    expect(body.message).toContain('User "nobody" cannot list resource "pods"');
  });

  it('may be for some requests only: the right to do them as another, and the right to be that other', async () => {
    const token = await account('constrained');
    const as = { as: token, headers: { 'impersonate-user': 'bob' } };
    const refused = async () => (await server.get(`${ns}/configmaps`, as)).body.message as string;
    expect(await refused()).toContain('cannot impersonate-on:user-info:list resource "configmaps" in API group ""');
    const grant = async (name: string, rule: object) => {
      await server.post(`${rbac}/clusterroles`, { metadata: { name }, rules: [rule] });
      await server.post(`${rbac}/clusterrolebindings`, {
        metadata: { name },
        roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name },
        subjects: [{ kind: 'ServiceAccount', name: 'constrained', namespace: 'access' }],
      });
    };
    await grant('on-lists', { apiGroups: [''], resources: ['configmaps'], verbs: ['impersonate-on:user-info:list'] });
    expect(await refused()).toContain('users.authentication.k8s.io "bob" is forbidden');
    await grant('as-bob', {
      apiGroups: ['authentication.k8s.io'],
      resources: ['users'],
      resourceNames: ['bob'],
      verbs: ['impersonate:user-info'],
    });
    // Now it is bob who may not.
    expect(await refused()).toContain('User "bob" cannot list resource "configmaps"');
    expect((await server.get(`${ns}/secrets`, as)).body.message).toContain('impersonate-on:user-info:list');
  });

  it('is for those who may', async () => {
    const token = await account('actor');
    expect(
      (
        await server.get('/api', {
          as: token,
          headers: { 'impersonate-user': 'kubernetes-admin', 'impersonate-group': 'system:masters' },
        })
      ).status,
    ).toBe(403);
  });
});

describe('access reviews', () => {
  const ask = (resourceAttributes: object, as?: string) =>
    server.post(
      '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews',
      { spec: { resourceAttributes } },
      as ? { as } : {},
    );

  it('say what the server would do', async () => {
    expect((await ask({ verb: 'delete', resource: 'nodes' })).body.status.allowed).toBe(true);
    expect((await ask({ verb: 'delete', resource: 'nodes' }, componentToken)).body.status.allowed).toBe(false);
    const { body } = await server.post('/apis/authorization.k8s.io/v1/subjectaccessreviews', {
      spec: {
        user: 'system:serviceaccount:access:ann',
        resourceAttributes: { namespace: 'access', verb: 'get', resource: 'configmaps' },
      },
    });
    expect(body.status).toEqual({
      allowed: true,
      reason: 'RBAC: allowed by RoleBinding "reading/access" of Role "reader" to ServiceAccount "ann/access"',
    });
  });

  it('list the rules of a user in a namespace', async () => {
    const { body } = await server.post(
      '/apis/authorization.k8s.io/v1/selfsubjectrulesreviews',
      { spec: { namespace: 'access' } },
      { as: componentToken },
    );
    expect(body.status.nonResourceRules.length).toBeGreaterThan(0);
    expect(body.status.incomplete).toBe(false);
  });
});
