/** Who a client is by its token. */
import { createPrivateKey, createPublicKey, verify } from 'node:crypto';
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

const account = async (name: string) => {
  await server.post(`${ns}/serviceaccounts`, { metadata: { name } });
  const { body } = await server.post(`${ns}/serviceaccounts/${name}/token`, { spec: {} });
  return body.status.token as string;
};

describe('tokens', () => {
  it('can be checked by whoever may read the keys of the issuer', async () => {
    const token = await account('checked');
    const configuration = await server.get('/.well-known/openid-configuration', { as: token });
    expect(configuration.status).toBe(200);
    expect(configuration.headers).toMatchObject({
      'content-type': 'application/json',
      'cache-control': 'public, max-age=3600',
    });
    expect(configuration.body).toEqual({
      issuer: ISSUER,
      jwks_uri: `${server.url}/openid/v1/jwks`,
      response_types_supported: ['id_token'],
      subject_types_supported: ['public'],
      id_token_signing_alg_values_supported: ['ES256'],
    });
    const keys = await server.get(configuration.body.jwks_uri, { as: token });
    expect(keys.headers['content-type']).toBe('application/jwk-set+json');
    const [header, payload, signature] = token.split('.') as [string, string, string];
    const { kid } = JSON.parse(Buffer.from(header, 'base64url').toString());
    const key = keys.body.keys.find((one: { kid: string }) => one.kid === kid);
    expect(key).toEqual({
      use: 'sig',
      alg: 'ES256',
      kty: 'EC',
      crv: 'P-256',
      kid,
      x: expect.any(String),
      y: expect.any(String),
    });
    const publicKey = { key: createPublicKey({ key, format: 'jwk' }), dsaEncoding: 'ieee-p1363' as const };
    expect(verify('sha256', Buffer.from(`${header}.${payload}`), publicKey, Buffer.from(signature, 'base64url'))).toBe(
      true,
    );
    for (const path of ['/.well-known/openid-configuration', '/openid/v1/jwks']) {
      expect((await server.get(path, { as: null })).status).toBe(403);
      expect((await server.post(path, {})).status).toBe(405);
    }
  });

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
    // Where the pod runs stands in the tokens that it gets from then on.
    await server.post(`${ns}/pods/p/binding`, { metadata: { name: 'p' }, target: { kind: 'Node', name: 'somewhere' } });
    const { body: placed } = await bound('podded');
    const { body: who } = await server.post(
      '/apis/authentication.k8s.io/v1/selfsubjectreviews',
      {},
      { as: placed.status.token },
    );
    expect(who.status.userInfo.extra).toMatchObject({
      'authentication.kubernetes.io/pod-name': ['p'],
      'authentication.kubernetes.io/node-name': ['somewhere'],
    });
    expect((await bound('default')).status).toBe(400);
    await server.del(`${ns}/pods/p?gracePeriodSeconds=0`);
    expect((await server.get('/api', { as: body.status.token })).status).toBe(401);
  });

  it('bound to a secret or a node end with it, and are for no other object of its name', async () => {
    const make = {
      Secret: () => server.post(`${ns}/secrets`, { metadata: { name: 'bound' } }),
      Node: () => server.post('/api/v1/nodes', { metadata: { name: 'bound' } }),
    };
    const paths = { Secret: `${ns}/secrets/bound`, Node: '/api/v1/nodes/bound' };
    for (const kind of ['Secret', 'Node'] as const) {
      const { uid } = (await make[kind]()).body.metadata;
      const ask = (more: object) =>
        server.post(`${ns}/serviceaccounts/default/token`, {
          spec: { boundObjectRef: { apiVersion: 'v1', kind, name: 'bound', ...more } },
        });
      expect((await ask({ name: 'none' })).status).toBe(404);
      expect((await ask({ uid: 'another' })).status).toBe(409);
      const { body } = await ask({ uid });
      expect(body.spec.boundObjectRef).toMatchObject({ kind, name: 'bound', uid });
      expect((await server.get('/api', { as: body.status.token })).status).toBe(200);
      await server.del(paths[kind]);
      expect((await server.get('/api', { as: body.status.token })).status).toBe(401);
      await make[kind]();
      expect((await server.get('/api', { as: body.status.token })).status).toBe(401);
    }
    const other = await server.post(`${ns}/serviceaccounts/default/token`, {
      spec: { boundObjectRef: { apiVersion: 'v1', kind: 'ConfigMap', name: 'x' } },
    });
    expect(other.status).toBe(400);
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
