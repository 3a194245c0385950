/** Who a client is by the certificate that it shows. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { issue, newAuthority } from '#local/kubernetes/apiserver/auth/certificates.ts';
import { ADMIN, type TestServer, testServer } from './support/server.ts';

const whoami = '/apis/authentication.k8s.io/v1/selfsubjectreviews';
let server: TestServer;
let ns: string;
beforeAll(async () => {
  server = await testServer();
  ns = await server.namespace('certificates');
});
afterAll(() => server.stop());

describe('client certificates', () => {
  const authority = () => ({ certPem: server.caPem, keyPem: readFileSync(join(server.dir, 'ca.key'), 'utf8') });
  const ann = { commonName: 'ann', organizations: ['viewers', 'a group, with a comma'] };

  it('of the cluster name their user and groups', async () => {
    const certificate = await issue(authority(), ann, 'client');
    const { status, body } = await server.post(whoami, {}, { certificate });
    expect(status).toBe(201);
    expect(body.status.userInfo).toMatchObject({
      username: 'ann',
      groups: ['viewers', 'a group, with a comma', 'system:authenticated'],
    });
    expect(body.status.userInfo.extra['authentication.kubernetes.io/credential-id'][0]).toMatch(
      /^X509SHA256=[0-9a-f]{64}$/,
    );
    expect((await server.get(`${ns}/secrets`, { certificate })).body.message).toContain('User "ann" cannot list');
  });

  it('count before a token', async () => {
    const certificate = await issue(authority(), ann, 'client');
    expect((await server.get(`${ns}/secrets`, { certificate, as: ADMIN })).status).toBe(403);
  });

  it('of the admin open everything', async () => {
    expect((await server.get(`${ns}/secrets`, { certificate: server.admin })).status).toBe(200);
  });

  it('of another authority, of a server, out of date or without a name are 401', async () => {
    const wrong = [
      issue(await newAuthority(), ann, 'client'),
      issue(authority(), ann, { server: [{ type: 'ip', value: '127.0.0.1' }] }),
      issue(authority(), ann, 'client', -60_000),
      issue(authority(), { commonName: '', organizations: ['system:masters'] }, 'client'),
    ];
    for (const certificate of await Promise.all(wrong)) {
      const { status, body } = await server.get(`${ns}/secrets`, { certificate });
      expect(status).toBe(401);
      expect(body).toMatchObject({ kind: 'Status', reason: 'Unauthorized' });
    }
  });
});
