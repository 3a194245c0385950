// @peculiar/x509, which makes the certificates, asks for it.
import 'reflect-metadata';
import { mkdtempSync } from 'node:fs';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeAll, expect, it } from 'vitest';
import type { KubernetesObject } from '#core/domain/kubernetes-object.ts';
import { connectKubernetes } from '#functions/tasks/lib/kubernetes.ts';
import { loadPki, type Pki } from '#local/kubernetes/apiserver/auth/pki.ts';

let pki: Pki;
beforeAll(async () => {
  pki = await loadPki(mkdtempSync(join(tmpdir(), 'pki-')));
});

const servers: Server[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
});

interface Seen {
  readonly method: string;
  readonly url: URL;
  readonly headers: NodeJS.Dict<string | string[]>;
  readonly body: string;
}

/** An API server that knows secrets and storage classes; patches are answered as told. */
const apiServer = async (status: number, message = '') => {
  const seen: Seen[] = [];
  const server = createServer({ cert: pki.certPem, key: pki.keyPem }, async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const url = new URL(request.url ?? '/', 'http://api');
    seen.push({ method: request.method ?? '', url, headers: request.headers, body: Buffer.concat(chunks).toString() });
    const resources =
      url.pathname === '/api/v1'
        ? [
            { name: 'secrets', kind: 'Secret', namespaced: true },
            { name: 'namespaces', kind: 'Namespace', namespaced: false },
          ]
        : url.pathname === '/apis/storage.k8s.io/v1'
          ? [{ name: 'storageclasses', kind: 'StorageClass', namespaced: false }]
          : [];
    const reads = request.method === 'GET' && resources.length === 0;
    const answer = reads
      ? { metadata: { uid: 'uid-1' }, data: { 'agent-token': 'c2VjcmV0' } }
      : request.method === 'GET'
        ? { kind: 'APIResourceList', resources }
        : status < 300
          ? JSON.parse(Buffer.concat(chunks).toString())
          : { kind: 'Status', status: 'Failure', message, code: status };
    response.writeHead(request.method === 'GET' && !reads ? 200 : status, { 'content-type': 'application/json' });
    response.end(JSON.stringify(answer));
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const endpoint = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    seen,
    kubernetes: connectKubernetes({
      endpoint,
      ca: Buffer.from(pki.caPem).toString('base64'),
      token: 'k8s-aws-v1.secret',
    }),
  };
};

const secret: KubernetesObject = {
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name: 'roadstead-agent', namespace: 'roadstead-system' },
  data: { 'install-token': 'c2VjcmV0' },
};
const storageClass: KubernetesObject = {
  apiVersion: 'storage.k8s.io/v1',
  kind: 'StorageClass',
  metadata: { name: 'roadstead' },
  provisioner: 'ebs.csi.eks.amazonaws.com',
};

it('applies server-side, forced, as field manager roadstead, with the token as bearer', async () => {
  const { kubernetes, seen } = await apiServer(200);
  await kubernetes.apply(secret);
  await kubernetes.apply(storageClass);
  const [first, second] = seen.filter(({ method }) => method === 'PATCH');
  expect(first?.url.pathname).toBe('/api/v1/namespaces/roadstead-system/secrets/roadstead-agent');
  expect(second?.url.pathname).toBe('/apis/storage.k8s.io/v1/storageclasses/roadstead');
  expect(Object.fromEntries(first?.url.searchParams ?? [])).toEqual({ fieldManager: 'roadstead', force: 'true' });
  expect(first?.headers['content-type']).toContain('application/apply-patch+yaml');
  expect(first?.headers.authorization).toBe('Bearer k8s-aws-v1.secret');
  expect(JSON.parse(first?.body ?? '')).toEqual(secret);
});

it.each([
  [401, 'Retryable', 'kubernetes.unauthorized'],
  [403, 'Retryable', 'kubernetes.unauthorized'],
  [404, 'Retryable', 'kubernetes.busy'],
  [409, 'Retryable', 'kubernetes.busy'],
  [429, 'Retryable', 'kubernetes.busy'],
  [500, 'Retryable', 'kubernetes.busy'],
  [400, 'Permanent', 'kubernetes.refused'],
  [422, 'Permanent', 'kubernetes.refused'],
])('an answer %i is %s', async (status, name, code) => {
  const { kubernetes } = await apiServer(status, 'spec.limits: bad');
  await expect(kubernetes.apply(storageClass)).rejects.toMatchObject({
    name,
    message: expect.stringMatching(new RegExp(`^${code}: .*StorageClass roadstead.*spec.limits: bad`)),
  });
});

it('a kind that the cluster does not know yet is waited for', async () => {
  const { kubernetes } = await apiServer(200);
  const pool = { apiVersion: 'karpenter.sh/v1', kind: 'NodePool', metadata: { name: 'roadstead' } };
  await expect(kubernetes.apply(pool)).rejects.toMatchObject({
    name: 'Retryable',
    message: expect.stringContaining('NodePool roadstead'),
  });
});

it('a server that is not there is waited for', async () => {
  const kubernetes = connectKubernetes({
    endpoint: 'https://127.0.0.1:9',
    ca: Buffer.from(pki.caPem).toString('base64'),
    token: 't',
  });
  await expect(kubernetes.apply(secret)).rejects.toMatchObject({ name: 'Retryable' });
});

it('no error quotes a Secret, the token, or what caused it', async () => {
  const { kubernetes } = await apiServer(422, 'data[install-token]: Invalid value: "c2VjcmV0"');
  const error: Error = await kubernetes.apply(secret).then(
    () => new Error('it was applied'),
    (caught) => caught,
  );
  expect(error.message).toBe('kubernetes.refused: applying Secret roadstead-agent was answered 422');
  expect(error.cause).toBeUndefined();
});

it('tells the uid of what is there, and of nothing more', async () => {
  const { kubernetes, seen } = await apiServer(200);
  expect(await kubernetes.uid(secret)).toBe('uid-1');
  expect(await kubernetes.uid({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'kube-system' } })).toBe(
    'uid-1',
  );
  expect(seen.filter(({ method }) => method === 'GET').map(({ url }) => url.pathname)).toEqual(
    expect.arrayContaining([
      '/api/v1/namespaces/roadstead-system/secrets/roadstead-agent',
      '/api/v1/namespaces/kube-system',
    ]),
  );
  expect(await (await apiServer(404)).kubernetes.uid(secret)).toBeNull();
  await expect((await apiServer(401)).kubernetes.uid(secret)).rejects.toMatchObject({
    name: 'Retryable',
    message: expect.stringMatching(/^kubernetes.unauthorized: reading Secret roadstead-agent/),
  });
});
