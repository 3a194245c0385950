/** The kubelet's own API: container logs, and streams into containers. It answers the API server and nobody else. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import { type AddressInfo, createServer as createPlain, type Server, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { TLSSocket } from 'node:tls';
import { type Identity, KUBELET_CLIENT } from './certificates.ts';
import { logOptions, readLog } from './logs.ts';
import type { PodAccess } from './pod-access.ts';
import type { Stats } from './stats.ts';
import { Refused } from './streams/streams.ts';
import { streamOf } from './streams/upgrade.ts';
import { type SummaryPod, summary } from './summary.ts';
import type { Tether } from './tether.ts';

export interface KubeletServer {
  url: string;
  port: number;
  /** Answers on another address of loopback, too: that of a node. */
  listenOn(address: string): void;
  stop(): Promise<void>;
}

export interface ServerOptions {
  /** The kubelet's serving certificate, and the authority of its client's. */
  identity: Identity;
  find(namespace: string, name: string): PodAccess | undefined;
  tether: Tether;
  /** All pods that have containers now. */
  running(): SummaryPod[];
  stats: Stats;
}

/** A stream that could be served, asked for without an upgrade. */
const UPGRADE_REQUIRED = 'Upgrade request required';

/** Only the API server has a certificate with that name of the cluster's authority. */
function identify(socket: TLSSocket): void {
  if (!socket.authorized || socket.getPeerCertificate().subject?.CN !== KUBELET_CLIENT)
    throw new Refused(401, 'Unauthorized: the kubelet answers only the API server, which shows its client certificate');
}

const podOf = (options: ServerOptions, namespace: string, name: string): PodAccess => {
  const worker = options.find(namespace, name);
  if (worker === undefined) throw new Refused(404, `pod "${name}" not found in namespace "${namespace}"`);
  return worker;
};

/** Finds the log that a request names; throws what the kubelet says where there is none. */
function logOf(options: ServerOptions, url: URL) {
  const [, kind, namespace, pod, container, more] = url.pathname.split('/').map(decodeURIComponent);
  if (kind !== 'containerLogs' || !namespace || !pod || !container || more !== undefined)
    throw new Refused(
      404,
      '404 page not found: this kubelet serves /containerLogs, /exec, /attach, /portForward and /stats/summary',
    );
  const worker = podOf(options, namespace, pod);
  const previous = url.searchParams.get('previous') === 'true';
  const log = worker.log(container, previous);
  if (log === undefined) throw new Refused(404, `container "${container}" not found in pod "${pod}"`);
  if (previous && !log.begun)
    throw new Refused(400, `previous terminated container "${container}" in pod "${pod}" not found`);
  if (!log.begun)
    throw new Refused(400, `container "${container}" in pod "${pod}" is waiting to start: ContainerCreating`);
  return log;
}

async function answer(options: ServerOptions, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const url = new URL(request.url ?? '/', 'https://kubelet');
  const closed = new AbortController();
  response.on('close', () => closed.abort());
  try {
    identify(request.socket as TLSSocket);
    if (url.pathname === '/healthz') return void response.end('ok');
    if (streamOf(url, (namespace, name) => podOf(options, namespace, name), options.tether))
      throw new Refused(400, UPGRADE_REQUIRED);
    if (request.method !== 'GET') throw new Refused(405, 'method not allowed: use GET');
    if (url.pathname === '/stats/summary') {
      response.writeHead(200, { 'content-type': 'application/json' });
      return void response.end(JSON.stringify(await summary(options.running(), options.stats)));
    }
    const log = logOf(options, url);
    let wanted: ReturnType<typeof logOptions>;
    try {
      wanted = logOptions(url.searchParams);
    } catch (error) {
      throw new Refused(400, (error as Error).message);
    }
    response.writeHead(200, { 'content-type': 'text/plain' });
    response.flushHeaders();
    await pipeline(readLog(log.path, wanted, log.done, closed.signal), response).catch(() => response.destroy());
  } catch (error) {
    const status = error instanceof Refused ? error.status : 500;
    response.writeHead(status, { 'content-type': 'text/plain' }).end((error as Error).message);
  }
}

/** A refusal on a socket that asked to be upgraded. */
function refuse(socket: Duplex, status: number, text: string): void {
  socket.end(
    `HTTP/1.1 ${status} Refused\r\nContent-Type: text/plain\r\nContent-Length: ${Buffer.byteLength(text)}\r\nConnection: close\r\n\r\n${text}`,
  );
}

/** Serves HTTPS on a free port of loopback. */
export async function startKubeletServer(options: ServerOptions): Promise<KubeletServer> {
  const { caPem, certPem, keyPem } = options.identity;
  const server = createServer({ ca: caPem, cert: certPem, key: keyPem, requestCert: true, rejectUnauthorized: false });
  const sockets = new Set<Socket>();
  server.on('secureConnection', (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  server.on('request', (request, response) => void answer(options, request, response));
  server.on('upgrade', async (request: IncomingMessage, socket: TLSSocket, head: Buffer) => {
    // A peer that resets the connection says by that that it is gone.
    socket.on('error', () => socket.destroy());
    try {
      identify(socket);
      const url = new URL(request.url ?? '/', 'https://kubelet');
      const serve = streamOf(url, (namespace, name) => podOf(options, namespace, name), options.tether);
      if (serve === undefined) throw new Refused(404, `there is no stream at ${url.pathname}`);
      await serve({ request, socket, head });
    } catch (error) {
      refuse(socket, error instanceof Refused ? error.status : 500, (error as Error).message);
    }
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  const others = new Map<string, Server>();
  return {
    port,
    url: `https://127.0.0.1:${port}`,
    listenOn(address) {
      if (others.has(address)) return;
      // What arrives there is for the one server; an address that cannot be had (macOS knows only 127.0.0.1) is not needed by our own API server.
      const other = createPlain((socket) => server.emit('connection', socket)).on('error', () => undefined);
      others.set(address, other.listen(port, address));
    },
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const other of others.values()) other.close();
        for (const socket of sockets) socket.destroy();
      }),
  };
}
