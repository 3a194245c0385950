import { type AddressInfo, createServer, type Server } from 'node:net';
import { PortForward } from '@kubernetes/client-node';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { pods } from '#local/kubernetes/controllers/machinery/resources.ts';
import { startTestCluster } from '../cluster/harness.ts';
import { configOf, devPod, kubectl, ready, startKubectl } from './support.ts';

/** Answers how much it was sent, or as much as it is asked for; on localhost, as development servers do. */
const SERVER = `require('node:http').createServer((request, response) => {
  let got = 0;
  request.on('data', (chunk) => { got += chunk.length; });
  request.on('end', () => response.end(request.url === '/' ? process.env.HOSTNAME + ' got ' + got : Buffer.alloc(Number(request.url.slice(1)), 'x')));
}).listen(Number(process.env.PORT), '127.0.0.1')`;

/** Ready is who listens. */
const ASK = ['node', '-e', 'fetch("http://127.0.0.1:" + process.env.PORT).catch(() => process.exit(1))'];

/** Free on this machine, whose ports all pods share. */
let served: number;
let cluster: Awaited<ReturnType<typeof startTestCluster>>;
const forwards: ReturnType<typeof startKubectl>[] = [];
const servers: Server[] = [];
beforeAll(async () => {
  const probe = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => probe.once('listening', resolve));
  served = (probe.address() as AddressInfo).port;
  await new Promise((resolve) => probe.close(resolve));
  cluster = await startTestCluster('127.82');
  await cluster.node('n1');
  await cluster.create(
    pods,
    devPod('served', {
      command: ['node', '-e', SERVER],
      env: [{ name: 'PORT', value: String(served) }],
      readinessProbe: { exec: { command: ASK }, periodSeconds: 1 },
    }),
  );
  await cluster.create(
    pods,
    devPod('quiet', {
      ports: [{ name: 'ssh', containerPort: 2222 }],
      startupProbe: { tcpSocket: { port: 'ssh' }, periodSeconds: 1 },
    }),
  );
  await ready(cluster.parts.adminKubeconfig, 'served', 'quiet');
  // Ready says that the process runs, not that it listens.
});
afterAll(() => cluster?.stop());
afterEach(() => {
  for (const forward of forwards.splice(0)) forward.kill();
  for (const server of servers.splice(0)) server.close();
});

/** Starts kubectl port-forward and answers the local port. */
async function forwarded(pod: string, port: number) {
  const args = ['port-forward', `pod/${pod}`, `:${port}`, '--address', '127.0.0.1'];
  const forward = startKubectl(cluster.parts.adminKubeconfig, args);
  forwards.push(forward);
  await expect.poll(() => forward.out() + forward.err(), { timeout: 15_000 }).toMatch(/Forwarding from|error/);
  return { ...forward, port: Number(/127\.0\.0\.1:(\d+) ->/.exec(forward.out())?.[1]) };
}

test('kubectl reaches a process that listens on localhost in the pod, many connections at once, both ways', async () => {
  const { port, err } = await forwarded('served', served);
  const url = `http://127.0.0.1:${port}`;
  const answers = await Promise.all(Array.from({ length: 8 }, async () => (await fetch(url)).text()));
  expect(new Set(answers)).toEqual(new Set(['served got 0']));
  expect((await (await fetch(`${url}/5000000`)).arrayBuffer()).byteLength).toBe(5_000_000);
  expect(await (await fetch(url, { method: 'POST', body: 'y'.repeat(2_000_000) })).text()).toBe('served got 2000000');
  expect(err()).toBe('');
});

test('a connection that stalls is no harm to the pod', async () => {
  const { port } = await forwarded('served', served);
  const stalled = await fetch(`http://127.0.0.1:${port}/50000000`);
  await stalled.body?.cancel();
  const again = await forwarded('served', served);
  expect(await (await fetch(`http://127.0.0.1:${again.port}`)).text()).toBe('served got 0');
});

test('a port that nobody listens on in the pod is refused, though another pod has it', async () => {
  const { port, err, ended } = await forwarded('quiet', served);
  await expect(fetch(`http://127.0.0.1:${port}`)).rejects.toThrow();
  await ended;
  expect(err()).toContain(`dial tcp4 127.0.0.1:${served}: connect: connection refused`);
  expect(err()).toContain('lost connection to pod');
});

test('the port of a dev image is open and says what to do instead of SSH', async () => {
  const { port } = await forwarded('quiet', 2222);
  const { connect } = await import('node:net');
  const said = Buffer.concat(await connect(port, '127.0.0.1').toArray()).toString();
  expect(said).toContain('use kubectl exec -it -n default quiet -- bash');
});

test('over SPDY it is refused with the variable that helps', async () => {
  const { err } = await kubectl(cluster.parts.adminKubeconfig, ['port-forward', 'pod/served', `:${served}`], '', {
    KUBECTL_PORT_FORWARD_WEBSOCKETS: 'false',
  });
  expect(err).toContain('KUBECTL_PORT_FORWARD_WEBSOCKETS');
});

test('the client library forwards a connection', async () => {
  const forward = new PortForward(configOf(cluster.parts.server, cluster.parts.caPem, cluster.parts.adminToken), true);
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    void forward.portForward('default', 'served', [served], socket, null, socket);
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  expect(await (await fetch(`http://127.0.0.1:${port}`, { headers: { connection: 'close' } })).text()).toBe(
    'served got 0',
  );
});
