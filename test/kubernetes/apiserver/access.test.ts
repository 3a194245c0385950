/** Who may do what: tokens, roles, impersonation, and the questions about them. */
import { createPrivateKey, createPublicKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ISSUER, tokenSigner } from '#local/kubernetes/apiserver/auth/service-account-tokens.ts';
import { Store } from '#local/kubernetes/apiserver/storage/store.ts';
import { componentToken, type TestServer, testServer } from './support/server.ts';

let server: TestServer;
let webhook: Server;
let ns: string;
let reviews = 0;

beforeAll(async () => {
  webhook = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      reviews++;
      const { spec } = JSON.parse(Buffer.concat(chunks).toString());
      const known = spec.token === 'from-the-cloud';
      response.end(
        JSON.stringify({
          apiVersion: 'authentication.k8s.io/v1',
          kind: 'TokenReview',
          status: known
            ? { authenticated: true, user: { username: 'cloud:ann', groups: ['viewers'] } }
            : { authenticated: false },
        }),
      );
    });
  });
  await new Promise<void>((done) => webhook.listen(0, '127.0.0.1', done));
  server = await testServer({ tokenWebhook: `http://127.0.0.1:${(webhook.address() as AddressInfo).port}/` });
  ns = await server.namespace('access');
});
afterAll(async () => {
  await server.stop();
  webhook.close();
});

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

describe('tokens', () => {
  it('that nobody knows are 401, none at all is anonymous and 403', async () => {
    expect((await server.get('/api/v1/pods', { as: 'nobody-knows-this' })).status).toBe(401);
    const anonymous = await server.get('/api/v1/pods', { as: null });
    expect(anonymous.status).toBe(403);
    expect(anonymous.body.message).toBe(
      'pods is forbidden: User "system:anonymous" cannot list resource "pods" in API group "" at the cluster scope',
    );
    expect((await server.get('/version', { as: null })).status).toBe(200);
  });

  it('of components have their user and groups', async () => {
    const { body } = await server.post('/apis/authentication.k8s.io/v1/selfsubjectreviews', {}, { as: componentToken });
    expect(body.status.userInfo).toEqual({ username: 'component', groups: ['components', 'system:authenticated'] });
  });

  it('unknown here are asked of the webhook, whose answer is kept for a moment', async () => {
    const before = reviews;
    const first = await server.post('/apis/authentication.k8s.io/v1/selfsubjectreviews', {}, { as: 'from-the-cloud' });
    await server.post('/apis/authentication.k8s.io/v1/selfsubjectreviews', {}, { as: 'from-the-cloud' });
    expect(first.body.status.userInfo).toEqual({ username: 'cloud:ann', groups: ['viewers', 'system:authenticated'] });
    expect(reviews - before).toBe(1);
  });

  it('of a service account work until the account is gone', async () => {
    const token = await account('short');
    const review = await server.post('/apis/authentication.k8s.io/v1/tokenreviews', { spec: { token } });
    expect(review.body.status).toMatchObject({
      authenticated: true,
      user: {
        username: 'system:serviceaccount:access:short',
        groups: ['system:serviceaccounts', 'system:serviceaccounts:access', 'system:authenticated'],
      },
    });
    await server.del(`${ns}/serviceaccounts/short`);
    expect((await server.get('/api', { as: token })).status).toBe(401);
  });

  it('bound to a pod end with the pod, and need its account', async () => {
    await account('podded');
    await server.post(`${ns}/pods`, {
      metadata: { name: 'p' },
      spec: { serviceAccountName: 'podded', containers: [{ name: 'c', image: 'i' }] },
    });
    const bound = (sa: string) =>
      server.post(`${ns}/serviceaccounts/${sa}/token`, {
        spec: { boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name: 'p' } },
      });
    const { body } = await bound('podded');
    expect((await server.get('/api', { as: body.status.token })).status).toBe(200);
    expect((await bound('default')).status).toBe(400);
    await server.del(`${ns}/pods/p`);
    expect((await server.get('/api', { as: body.status.token })).status).toBe(401);
  });

  it('end with their time, which nobody can move', async () => {
    const { metadata } = (await server.post(`${ns}/serviceaccounts`, { metadata: { name: 'brief' } })).body;
    const key = createPrivateKey(readFileSync(join(server.dir, 'sa.key'), 'utf8'));
    const store = new Store(':memory:');
    const signer = tokenSigner(store, key, createPublicKey(key));
    const claims = { namespace: 'access', account: { name: 'brief', uid: metadata.uid }, audiences: [ISSUER] };
    const tokenOf = (lifetime: number) => signer.issue({ ...claims, lifetime }).token;
    expect((await server.get('/api', { as: tokenOf(60) })).status).toBe(200);
    expect((await server.get('/api', { as: tokenOf(-1) })).status).toBe(401);
    store.close();
    const review = await server.post('/apis/authentication.k8s.io/v1/tokenreviews', { spec: { token: tokenOf(-1) } });
    expect(review.body.status).toMatchObject({ user: {}, error: expect.stringContaining('invalid bearer token') });
    expect(review.body.status.authenticated).toBeUndefined();
  });

  it("that are no service account's are meant for this server alone", async () => {
    const review = async (audiences?: string[]) =>
      (await server.post('/apis/authentication.k8s.io/v1/tokenreviews', { spec: { token: componentToken, audiences } }))
        .body.status;
    expect(await review()).toMatchObject({ authenticated: true, audiences: [ISSUER], user: { username: 'component' } });
    expect(await review(['vault', ISSUER])).toMatchObject({ authenticated: true, audiences: [ISSUER] });
    expect((await review(['vault'])).authenticated).toBeUndefined();
  });

  it('for another audience, expired or forged do not open the door', async () => {
    await account('aud');
    const { body } = await server.post(`${ns}/serviceaccounts/aud/token`, { spec: { audiences: ['vault'] } });
    expect((await server.get('/api', { as: body.status.token })).status).toBe(401);
    const review = await server.post('/apis/authentication.k8s.io/v1/tokenreviews', {
      spec: { token: body.status.token, audiences: ['vault'] },
    });
    expect(review.body.status).toMatchObject({ authenticated: true, audiences: ['vault'] });
    const [head, payload, signature] = body.status.token.split('.');
    const claims = JSON.parse(Buffer.from(payload, 'base64url').toString());
    const forged = Buffer.from(JSON.stringify({ ...claims, aud: ['https://kubernetes.default.svc'] })).toString(
      'base64url',
    );
    expect((await server.get('/api', { as: `${head}.${forged}.${signature}` })).status).toBe(401);
    expect((await server.post(`${ns}/serviceaccounts/aud/token`, { spec: { expirationSeconds: 10 } })).status).toBe(
      422,
    );
  });
});

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
