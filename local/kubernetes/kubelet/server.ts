/** The kubelet's own API on loopback: container logs, for the API server. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { pipeline } from 'node:stream/promises';
import { logOptions, readLog } from './logs.ts';
import type { PodWorker } from './pod-worker.ts';

export interface KubeletServer {
  url: string;
  port: number;
  stop(): Promise<void>;
}

class Refused extends Error {
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** Finds the log that a request names; throws what the kubelet says where there is none. */
function logOf(find: (namespace: string, name: string) => PodWorker | undefined, url: URL) {
  const [, kind, namespace, pod, container, more] = url.pathname.split('/').map(decodeURIComponent);
  if (kind !== 'containerLogs' || !namespace || !pod || !container || more !== undefined) {
    throw new Refused(404, '404 page not found: this kubelet serves /containerLogs/{namespace}/{pod}/{container}');
  }
  const worker = find(namespace, pod);
  if (worker === undefined) throw new Refused(404, `pod "${pod}" not found in namespace "${namespace}"`);
  const previous = url.searchParams.get('previous') === 'true';
  const log = worker.log(container, previous);
  if (log === undefined) throw new Refused(404, `container "${container}" not found in pod "${pod}"`);
  if (previous && !log.begun)
    throw new Refused(400, `previous terminated container "${container}" in pod "${pod}" not found`);
  if (!log.begun)
    throw new Refused(400, `container "${container}" in pod "${pod}" is waiting to start: ContainerCreating`);
  return log;
}

/** Serves on a free port. Only loopback reaches it, as it asks for no identity. */
export async function startKubeletServer(
  find: (namespace: string, name: string) => PodWorker | undefined,
): Promise<KubeletServer> {
  const server = createServer(async (request, response) => {
    const url = new URL(request.url ?? '/', 'http://kubelet');
    const closed = new AbortController();
    response.on('close', () => closed.abort());
    try {
      if (url.pathname === '/healthz') return void response.end('ok');
      if (request.method !== 'GET') throw new Refused(405, 'method not allowed: use GET');
      const log = logOf(find, url);
      let options: ReturnType<typeof logOptions>;
      try {
        options = logOptions(url.searchParams);
      } catch (error) {
        throw new Refused(400, (error as Error).message);
      }
      response.writeHead(200, { 'content-type': 'text/plain' });
      response.flushHeaders();
      await pipeline(readLog(log.path, options, log.done, closed.signal), response).catch(() => response.destroy());
    } catch (error) {
      const status = error instanceof Refused ? error.status : 500;
      response.writeHead(status, { 'content-type': 'text/plain' }).end((error as Error).message);
    }
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    port,
    url: `http://127.0.0.1:${port}`,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
