/** A kube-apiserver speaks SPDY to kubelets; kubectl with WebSockets off speaks the same, so here it stands in, joined with the kubelet directly. */

import { writeFile } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { request as ask, createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { KubeConfig } from '@kubernetes/client-node';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { nodes, pods } from '#local/kubernetes/controllers/machinery/resources.ts';
import { type Identity, identity, KUBELET_CLIENT } from '#local/kubernetes/kubelet/certificates.ts';
import { startTestCluster } from '../cluster/harness.ts';
import { devPod, kubectl, ready, startKubectl } from './support.ts';

let cluster: Awaited<ReturnType<typeof startTestCluster>>;
let front: Server;
let kubeconfig: string;
const WEBSOCKETS_OFF = { KUBECTL_REMOTE_COMMAND_WEBSOCKETS: 'false', KUBECTL_PORT_FORWARD_WEBSOCKETS: 'false' };

/** The path that a kube-apiserver asks a kubelet for. */
function kubeletPath(url: string): string {
  const { pathname, searchParams } = new URL(url, 'https://front');
  const [, , , , namespace, , pod, verb] = pathname.split('/');
  if (verb === 'portforward') return `/portForward/${namespace}/${pod}`;
  const passed = new URLSearchParams();
  const names: Record<string, string> = { stdin: 'input', stdout: 'output', stderr: 'error' };
  for (const [name, value] of searchParams)
    if (name !== 'container') passed.append(names[name] ?? name, value === 'true' ? '1' : value);
  return `/${verb}/${namespace}/${pod}/${searchParams.get('container')}?${passed}`;
}

beforeAll(async () => {
  cluster = await startTestCluster('127.86');
  await cluster.node('n1');
  await cluster.create(pods, devPod('seat'));
  await ready(cluster.parts.adminKubeconfig, 'seat');
  const authority = join(cluster.dir, 'apiserver');
  const client: Identity = await identity(join(cluster.dir, 'pki'), authority, KUBELET_CLIENT, 'client');
  const own = await identity(join(cluster.dir, 'test'), authority, 'front', 'server');
  const { status } = await cluster.client.get(nodes, undefined, 'n1');
  const host = status?.addresses?.find(({ type }) => type === 'InternalIP')?.address;
  const port = status?.daemonEndpoints?.kubeletEndpoint?.Port;
  // As a kube-apiserver without --kubelet-certificate-authority: it shows who it is, and dials the node's own address.
  const kubelet = { host, port, cert: client.certPem, key: client.keyPem, rejectUnauthorized: false, agent: false };
  front = createServer({ cert: own.certPem, key: own.keyPem }, (request, response) => {
    const url = new URL(request.url ?? '', cluster.parts.server);
    const headers = { ...request.headers, authorization: `Bearer ${cluster.parts.adminToken}` };
    request.pipe(
      ask(url, { method: request.method, headers, ca: cluster.parts.caPem }, (answer) =>
        answer.pipe(response.writeHead(answer.statusCode ?? 500, answer.headers)),
      ),
    );
  });
  front.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    const { authorization: _, ...headers } = request.headers;
    const asked = ask({ ...kubelet, method: 'POST', path: kubeletPath(request.url ?? ''), headers });
    asked.on('upgrade', (answer, there, late) => {
      const lines = Object.entries(answer.headers).map(([name, value]) => `${name}: ${value}\r\n`);
      socket.write(`HTTP/1.1 101 Switching Protocols\r\n${lines.join('')}\r\n`);
      socket.write(late);
      there.write(head);
      socket.pipe(there).pipe(socket);
      for (const end of [socket, there]) end.on('error', () => undefined);
    });
    asked.on('response', (answer) => answer.pipe(socket));
    asked.on('error', () => socket.destroy());
    asked.end();
  });
  await new Promise<void>((resolve) => front.listen(0, '127.0.0.1', resolve));
  kubeconfig = join(cluster.dir, 'front.kubeconfig');
  const config = new KubeConfig();
  config.loadFromClusterAndUser(
    {
      name: 'front',
      server: `https://127.0.0.1:${(front.address() as AddressInfo).port}`,
      caData: Buffer.from(own.caPem).toString('base64'),
      skipTLSVerify: false,
    },
    { name: 'front', token: 'anything' },
  );
  await writeFile(kubeconfig, config.exportConfig(), { mode: 0o600 });
});
afterAll(async () => {
  front?.closeAllConnections();
  front?.close();
  await cluster?.stop();
});

test('exec over SPDY carries input, both outputs and the exit code', async () => {
  const words = ['sh', '-c', 'cat; echo oops >&2; exit 3'];
  const { code, out, err } = await kubectl(
    kubeconfig,
    ['exec', '-i', 'seat', '--', ...words],
    'x'.repeat(100_000),
    WEBSOCKETS_OFF,
  );
  expect([code, out.length]).toEqual([3, 100_000]);
  expect(err).toContain('oops\ncommand terminated with exit code 3\n');
});

test('port-forward over SPDY reaches the pod', async () => {
  const forward = startKubectl(
    kubeconfig,
    ['port-forward', 'pod/seat', ':2222', '--address', '127.0.0.1'],
    '',
    WEBSOCKETS_OFF,
  );
  await expect.poll(() => forward.out() + forward.err(), { timeout: 15_000 }).toMatch(/Forwarding from|error/);
  const { connect } = await import('node:net');
  const said = await connect(Number(/127\.0\.0\.1:(\d+) ->/.exec(forward.out())?.[1]), '127.0.0.1').toArray();
  expect(Buffer.concat(said).toString()).toContain('use kubectl exec');
  forward.kill();
});
