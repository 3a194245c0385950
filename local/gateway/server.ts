/** The one port for people: the HTTP API, and the WebSocket API on `/ws`. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { splitTarget } from '#local/http.ts';
import { gatewayError, writeHttpReply } from './http-reply.ts';

/** What stands behind the port once the template is up. */
export interface Behind {
  http(request: IncomingMessage, response: ServerResponse): Promise<void>;
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void;
}

/** API Gateway's limit for request line and headers together. */
const MAX_HEADER_BYTES = 10_240;

export interface PublicServer {
  readonly server: Server;
  /** Until this is called every request is answered 503. */
  open(behind: Behind): void;
}

export function createPublicServer(): PublicServer {
  let behind: Behind | undefined;
  const server = createServer({ maxHeaderSize: MAX_HEADER_BYTES }, (request, response) => {
    if (!behind)
      return writeHttpReply(response, 'starting', gatewayError(503, 'Service Unavailable'), request.method === 'HEAD');
    void behind.http(request, response);
  });
  server.keepAliveTimeout = 120_000;
  server.on('upgrade', (request, socket, head) => {
    if (behind && splitTarget(request.url ?? '/').path === '/ws') return behind.upgrade(request, socket, head);
    socket.end(
      `HTTP/1.1 ${behind ? '404 Not Found' : '503 Service Unavailable'}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`,
    );
  });
  return {
    server,
    open(it) {
      behind = it;
    },
  };
}
