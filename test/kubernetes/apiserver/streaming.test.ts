/** exec, attach and port-forward as the API server sees them: who may, what is refused, and what a kubelet is asked. */
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { ADMIN, componentToken, type TestServer, testServer } from './support/server.ts';

let server: TestServer;
let kubelet: Server;
/** What the kubelet was asked last. */
let asked: IncomingMessage | undefined;

beforeAll(async () => {
  const streams = new WebSocketServer({ noServer: true });
  kubelet = createServer((request, response) => {
    asked = request;
    const fault = request.url?.includes('/broken/') ? 'container not found ("main")' : 'Upgrade request required';
    response.writeHead(fault.startsWith('Upgrade') ? 400 : 500).end(fault);
  });
  kubelet.on('upgrade', (request, socket, head) => {
    asked = request;
    if (request.url?.includes('/broken/')) return void socket.end('HTTP/1.1 500 x\r\nContent-Length: 4\r\n\r\ngone');
    streams.handleUpgrade(request, socket, head, (peer) => {
      peer.on('message', (data) => peer.send(data));
      peer.send('hello');
    });
  });
  await new Promise<void>((resolve) => kubelet.listen(0, '127.0.0.1', resolve));
  server = await testServer({ kubeletUrl: () => `http://127.0.0.1:${(kubelet.address() as AddressInfo).port}` });
  const base = await server.namespace('s');
  const spec = (containers: string[], more = {}) => ({
    spec: { nodeName: 'n1', containers: containers.map((name) => ({ name, image: 'a' })), ...more },
  });
  await server.post(`${base}/pods`, { metadata: { name: 'one' }, ...spec(['main']) });
  await server.post(`${base}/pods`, { metadata: { name: 'two' }, ...spec(['first', 'second']) });
  await server.post(`${base}/pods`, { metadata: { name: 'broken' }, ...spec(['main']) });
  await server.post(`${base}/pods`, { metadata: { name: 'homeless' }, ...spec(['main'], { nodeName: '' }) });
  const rbac = '/apis/rbac.authorization.k8s.io/v1/namespaces/s';
  const rules = (verbs: string[]) => [
    { apiGroups: [''], resources: ['pods/exec', 'pods/portforward'], verbs, resourceNames: ['one'] },
  ];
  const subjects = [{ kind: 'User', name: 'component', apiGroup: 'rbac.authorization.k8s.io' }];
  await server.post(`${rbac}/roles`, { metadata: { name: 'look' }, rules: rules(['get']) });
  await server.post(`${rbac}/rolebindings`, {
    metadata: { name: 'look' },
    subjects,
    roleRef: { kind: 'Role', name: 'look', apiGroup: 'rbac.authorization.k8s.io' },
  });
});
afterAll(async () => {
  await server?.stop();
  kubelet?.closeAllConnections();
  kubelet?.close();
});

/** Opens a WebSocket: its first message, or the status and message of the refusal. */
function open(
  path: string,
  token = ADMIN,
): Promise<{ socket: WebSocket; first: string } | { status: number; message: string }> {
  const socket = new WebSocket(
    new URL(`/api/v1/namespaces/s/pods/${path}`, server.url.replace('https', 'wss')),
    ['v5.channel.k8s.io', 'v4.channel.k8s.io'],
    {
      ca: server.caPem,
      headers: { authorization: `Bearer ${token}` },
    },
  );
  return new Promise((resolve, reject) => {
    socket.once('message', (data) => resolve({ socket, first: String(data) }));
    socket.once('unexpected-response', async (_request, response) => {
      const text = Buffer.concat(await response.toArray()).toString();
      resolve({ status: response.statusCode ?? 0, message: JSON.parse(text).message });
    });
    socket.once('error', reject);
  });
}

describe('a stream', () => {
  test('is joined with the kubelet, which is asked in its own words and not told who asks', async () => {
    const answer = await open('one/exec?command=sh&command=-c&command=a%20b&stdin=true&stdout=1&stderr=false&tty=true');
    if (!('socket' in answer)) throw new Error(answer.message);
    expect(answer.first).toBe('hello');
    expect(asked?.url).toBe('/exec/s/one/main?input=1&output=1&tty=1&command=sh&command=-c&command=a+b');
    expect(asked?.headers.authorization).toBeUndefined();
    const echoed = new Promise((resolve) => answer.socket.once('message', (data) => resolve(String(data))));
    answer.socket.send('there and back');
    expect(await echoed).toBe('there and back');
    const closed = new Promise((resolve) => answer.socket.once('close', resolve));
    answer.socket.close();
    await closed;
  });

  test('of a pod with several containers must name one, and one that is there', async () => {
    expect(await open('two/exec?command=ls&stdout=1')).toEqual({
      status: 400,
      message: 'a container name must be specified for pod two, choose one of: [first second]',
    });
    expect(await open('two/attach?container=third&stdout=1')).toEqual({
      status: 400,
      message: 'container third is not valid for pod two',
    });
  });

  test('of a pod without a node, or that is not there, is refused', async () => {
    expect(await open('homeless/exec?command=ls&stdout=1')).toEqual({
      status: 400,
      message: 'pod homeless does not have a host assigned',
    });
    expect(await open('nobody/exec?command=ls&stdout=1')).toMatchObject({ status: 404 });
  });

  test('that the kubelet refuses is refused with its words', async () => {
    expect(await open('broken/exec?command=ls&stdout=1')).toEqual({ status: 500, message: 'gone' });
  });

  test('needs the right to create, though a WebSocket begins with a GET', async () => {
    const why = (verb: string) =>
      `pods "one" is forbidden: User "component" cannot ${verb} resource "pods/exec" in API group "" in the namespace "s"`;
    expect(await open('one/exec?command=ls&stdout=1', componentToken)).toEqual({ status: 403, message: why('create') });
    await server.merge('/apis/rbac.authorization.k8s.io/v1/namespaces/s/roles/look', {
      rules: [{ apiGroups: [''], resources: ['pods/exec'], verbs: ['get', 'create'], resourceNames: ['one'] }],
    });
    const allowed = await open('one/exec?command=ls&stdout=1', componentToken);
    expect(allowed).toMatchObject({ first: 'hello' });
    if ('socket' in allowed) allowed.socket.terminate();
    expect(await open('two/exec?command=ls&container=first&stdout=1', componentToken)).toMatchObject({ status: 403 });
  });
});

describe('a request without WebSockets', () => {
  const ask = (path: string, headers: Record<string, string> = {}) =>
    server.call('POST', `/api/v1/namespaces/s/pods/${path}`, undefined, { headers });

  test('is told to upgrade', async () => {
    expect((await ask('one/exec?command=ls&stdout=1')).body).toMatchObject({
      code: 400,
      message: 'Upgrade request required',
    });
  });

  test.each([
    ['one/exec?command=ls&stdout=1', 'KUBECTL_REMOTE_COMMAND_WEBSOCKETS'],
    ['one/attach?stdout=1', 'KUBECTL_REMOTE_COMMAND_WEBSOCKETS'],
    ['one/portforward', 'KUBECTL_PORT_FORWARD_WEBSOCKETS'],
  ])('but SPDY, for %s, is told of %s', async (path, variable) => {
    const { status, body } = await ask(path, { connection: 'upgrade', upgrade: 'SPDY/3.1' });
    expect([status, body.message]).toEqual([400, expect.stringContaining(variable)]);
  });

  test('but SPDY hears first of what is wrong with any protocol', async () => {
    const { body } = await ask('broken/exec?command=ls&stdout=1', { connection: 'upgrade', upgrade: 'SPDY/3.1' });
    expect(body).toMatchObject({ code: 500, message: 'container not found ("main")' });
  });
});
