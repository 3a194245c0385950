/** The probes' endpoint: /healthz (liveness) and /readyz (readiness: hello is acknowledged). */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Vitals } from './vitals.ts';

/** Listens on the pod's own address. `port` 0 takes a free one. */
export const serveHealth = async (vitals: Vitals, host: string, port: number) => {
  const answers: Record<string, () => boolean> = { '/healthz': vitals.live, '/readyz': vitals.ready };
  const server = createServer((request, response) => {
    const answer = answers[request.url ?? ''];
    response.writeHead(answer ? (answer() ? 200 : 503) : 404, { 'content-type': 'text/plain' });
    response.end(answer ? (answer() ? 'ok\n' : 'not ok\n') : 'not found: try /healthz or /readyz\n');
  });
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(port, host, resolve));
  return {
    port: (server.address() as AddressInfo).port,
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
};
