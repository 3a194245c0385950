/** The listening socket: TLS on loopback, HTTP/2 for those who can, HTTP/1.1 with kept connections for the others. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import {
  createSecureServer,
  type Http2ServerRequest,
  type Http2ServerResponse,
  type ServerHttp2Session,
} from 'node:http2';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { HttpResponse } from '#local/kubernetes/http.ts';

export interface Listening {
  port: number;
  /** Stops taking connections, gives running requests a moment, then ends all. */
  close(): Promise<void>;
}

const GRACE_MS = 500;
const KEEP_ALIVE_MS = 120_000;

/** Resolves when it listens. Throws `EADDRINUSE` with the port in its text. */
export async function listen(
  { caPem, certPem, keyPem }: { caPem: string; certPem: string; keyPem: string },
  port: number,
  handle: (request: IncomingMessage, response: ServerResponse, upgrade?: { socket: Duplex; head: Buffer }) => void,
): Promise<Listening> {
  const sockets = new Set<Socket>();
  const sessions = new Set<ServerHttp2Session>();
  const server = createSecureServer({
    key: keyPem,
    cert: certPem,
    allowHTTP1: true,
    // A client may show a certificate; whether it counts is decided with the request, which a handshake could not answer.
    ca: caPem,
    requestCert: true,
    rejectUnauthorized: false,
    settings: { maxConcurrentStreams: 1000 },
  });
  // Longer than clients keep an idle connection themselves, so that none is closed just as a request goes out on it.
  Object.assign(server, { keepAliveTimeout: KEEP_ALIVE_MS });
  // The compatibility API of HTTP/2 speaks both; only what both have is used.
  server.on('request', (request: Http2ServerRequest, response: Http2ServerResponse) =>
    handle(request as unknown as IncomingMessage, response as unknown as ServerResponse),
  );
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    socket.on('error', () => socket.destroy());
    // A refusal is an ordinary answer, after which the connection ends.
    const response = new HttpResponse(request);
    response.shouldKeepAlive = false;
    response.assignSocket(socket as Socket);
    response.on('finish', () => {
      response.detachSocket(socket as Socket);
      socket.end();
    });
    handle(request, response, { socket, head });
  });
  server.on('session', (session) => {
    sessions.add(session);
    session.on('close', () => sessions.delete(session));
    session.on('error', () => session.destroy());
  });
  server.on('secureConnection', (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  // A client that hangs up in the middle of a handshake is no trouble of ours.
  server.on('tlsClientError', (_error, socket) => socket.destroy());
  server.on('clientError', (_error, socket) => socket.destroy());
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) =>
      reject(
        error.code === 'EADDRINUSE'
          ? Object.assign(new Error(`port ${port} on 127.0.0.1 is in use: choose another or stop what listens there`), {
              code: error.code,
            })
          : error,
      ),
    );
    server.listen(port, '127.0.0.1', resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const session of sessions) session.close();
      const hard = setTimeout(() => {
        for (const socket of sockets) socket.destroy();
        for (const session of sessions) session.destroy();
      }, GRACE_MS);
      for (const socket of sockets) socket.end();
      await closed;
      clearTimeout(hard);
    },
  };
}
