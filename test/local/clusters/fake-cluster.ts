/** A stand-in for an embedded cluster: objects in memory over TLS, tokens of others asked of the webhook. */
import './reflect.ts';
import { randomBytes } from 'node:crypto';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import * as x509 from '@peculiar/x509';
import type { StartCluster } from '#local/clusters/fleet.ts';

async function certificate() {
  const alg = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
  const keys = await crypto.subtle.generateKey(alg, true, ['sign', 'verify']);
  const made = await x509.X509CertificateGenerator.createSelfSigned({
    name: 'CN=fake',
    keys,
    signingAlgorithm: alg,
    notAfter: new Date(Date.now() + 86_400_000),
    extensions: [
      new x509.BasicConstraintsExtension(true),
      new x509.SubjectAlternativeNameExtension([{ type: 'ip', value: '127.0.0.1' }]),
    ],
  });
  const key = Buffer.from(await crypto.subtle.exportKey('pkcs8', keys.privateKey)).toString('base64');
  return {
    cert: made.toString('pem'),
    key: `-----BEGIN PRIVATE KEY-----\n${key.match(/.{1,64}/g)!.join('\n')}\n-----END PRIVATE KEY-----\n`,
  };
}

/** Objects by collection, by folder: a cluster started again on its folder has them still. */
interface Stored {
  metadata: { name: string; labels?: Record<string, string> };
}
type Disk = Map<string, Stored[]>;
const disks = new Map<string, Disk>();

/** Clusters that run, by folder. */
export const running = new Set<string>();

/** Ends a cluster as kill -9 would. */
export const crash = new Map<string, () => void>();

/** Clusters that take no object any more, by folder. */
export const full = new Set<string>();

export const objectsOf = (dir: string, collection: string) => disks.get(dir)?.get(collection) ?? [];

export const startFakeCluster: StartCluster = async ({ dir, tokenWebhook }) => {
  const disk: Disk = disks.get(dir) ?? new Map();
  disks.set(dir, disk);
  const adminToken = randomBytes(16).toString('hex');
  const { cert, key } = await certificate();
  const userOf = async (token: string): Promise<{ username: string; groups: string[] } | undefined> => {
    if (token === adminToken) return { username: 'admin', groups: ['system:masters'] };
    const review = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenReview', spec: { token } };
    const { status } = (await (
      await fetch(tokenWebhook!, { method: 'POST', body: JSON.stringify(review) })
    ).json()) as { status: { authenticated: boolean; user: { username: string; groups: string[] } } };
    return status.authenticated ? status.user : undefined;
  };
  const server = createServer({ cert, key }, async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const reply = (status: number, body: object) =>
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    const user = await userOf((request.headers.authorization ?? '').replace('Bearer ', ''));
    if (!user) return reply(401, { kind: 'Status', message: 'Unauthorized' });
    const url = new URL(request.url!, 'https://fake');
    if (url.pathname === '/whoami') return reply(200, user);
    if (request.method === 'POST') {
      if (full.has(dir)) return reply(507, { message: 'the cluster is full' });
      const object = JSON.parse(Buffer.concat(chunks).toString());
      const list = disk.get(url.pathname) ?? [];
      if (list.some((one) => one.metadata.name === object.metadata.name))
        return reply(409, { message: 'already exists' });
      disk.set(url.pathname, [...list, object]);
      return reply(201, object);
    }
    if (request.method === 'DELETE') {
      const [, collection, name] = /^(.*)\/([^/]+)$/.exec(url.pathname)!;
      disk.set(
        collection!,
        (disk.get(collection!) ?? []).filter((one) => one.metadata.name !== name),
      );
      return reply(200, {});
    }
    const [label, value] = (url.searchParams.get('labelSelector') ?? '').split('=');
    const items = (disk.get(url.pathname) ?? []).filter((one) => !label || one.metadata.labels?.[label] === value);
    return reply(200, { items });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  running.add(dir);
  const { promise: exited, resolve: exit } = Promise.withResolvers<void>();
  const end = async () => {
    running.delete(dir);
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    exit();
  };
  crash.set(dir, end);
  return {
    server: `https://127.0.0.1:${(server.address() as AddressInfo).port}`,
    caPem: cert,
    adminToken,
    exited,
    stop: end,
  };
};
