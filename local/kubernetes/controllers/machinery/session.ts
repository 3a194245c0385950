/** The HTTP/2 connection of a client: made for the first request and anew after a loss; calls and watches share it, so that a client costs one handshake. */
import { type ClientHttp2Session, type ClientHttp2Stream, connect, type OutgoingHttpHeaders } from 'node:http2';

/** A server takes at least so many requests at once on a connection (Go's default is 250); more of them would wait for watches to end. */
const STREAMS = 200;
/** Room for what is not read yet, bytes: of one answer, and of all. */
const WINDOW = { answer: 1 << 20, all: 1 << 24 };

export interface Session {
  /** One request, sent whole. Its errors come on the stream, those of the connection, too. */
  request(headers: OutgoingHttpHeaders, body?: string, signal?: AbortSignal): ClientHttp2Stream;
  /** The next request takes a new connection; what runs on this one may end. */
  renew(): void;
  /** Ends the connection at once. */
  close(): void;
}

interface Connection {
  http2: ClientHttp2Session;
  streams: number;
}

/** Connects on demand to `server` (`https://127.0.0.1:6443`), whose certificate `caPem` signed. */
export function session(server: URL, caPem: string): Session {
  const open = new Set<ClientHttp2Session>();
  let current: Connection | undefined;

  function begin(): Connection {
    const http2 = connect(server, { ca: caPem, settings: { enablePush: false, initialWindowSize: WINDOW.answer } });
    const connection = { http2, streams: 0 };
    open.add(http2);
    http2.on('connect', () => http2.setLocalWindowSize(WINDOW.all));
    // The requests on it are told.
    http2.on('error', () => undefined);
    http2.on('close', () => open.delete(http2));
    return connection;
  }

  /** An idle connection keeps no process alive, and one that is not the current one is of no use. */
  function rest({ http2, streams }: Connection): void {
    if (streams > 0) return;
    http2.unref();
    if (http2 !== current?.http2) http2.close();
  }

  function renew(): void {
    const before = current;
    current = undefined;
    if (before) rest(before);
  }

  return {
    request(headers, body, signal) {
      if (current && current.streams >= STREAMS) renew();
      if (current === undefined || current.http2.closed || current.http2.destroyed) current = begin();
      const connection = current;
      // Said outright: Node takes it that a DELETE has no body.
      const stream = connection.http2.request(headers, { endStream: body === undefined, ...(signal && { signal }) });
      if (body !== undefined) stream.end(body);
      connection.streams += 1;
      connection.http2.ref();
      stream.on('close', () => {
        connection.streams -= 1;
        rest(connection);
      });
      return stream;
    },
    renew,
    close() {
      for (const http2 of open) http2.destroy();
      current = undefined;
    },
  };
}
