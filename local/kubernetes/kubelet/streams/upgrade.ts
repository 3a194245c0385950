/** From a request that asks for a stream to the one who serves it. */
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { createWebSocketStream, type WebSocket, WebSocketServer } from 'ws';
import type { PodAccess } from '../pod-access.ts';
import type { Tether } from '../tether.ts';
import { COMMAND_PROTOCOLS, commandStreams } from './channels.ts';
import { execute } from './exec.ts';
import {
  CHANNEL_PROTOCOLS,
  FORWARD_PROTOCOL,
  forwardChannels,
  forwardStreams,
  TUNNEL_PROTOCOL,
} from './port-forward.ts';
import { SPDY_COMMAND_PROTOCOL, spdyCommandStreams } from './spdy/command.ts';
import { Refused, type RemoteStreams, type StreamOptions, streamOptions } from './streams.ts';

export interface UpgradeRequest {
  request: IncomingMessage;
  socket: Duplex;
  head: Buffer;
}

/** kubectl sends far less at a time. */
const MAX_MESSAGE = 32 * 1024 * 1024;

/** The client's first wish that we can grant; the choice travels in the answer of the handshake. */
function protocolOf(request: IncomingMessage, supported: readonly string[]): string {
  const kind = request.headers.upgrade ?? '';
  if (kind.toLowerCase() !== 'websocket')
    throw new Refused(400, `unable to upgrade: ${kind} is not supported, use websocket`);
  const header = request.headers['sec-websocket-protocol'];
  const offered = (header ?? '').split(',').map((name) => name.trim());
  const found = offered.find((name) => supported.includes(name));
  if (found !== undefined) return found;
  const known = `[${supported.filter(Boolean).join(' ')}]`;
  throw new Refused(
    403,
    `unable to upgrade: no subprotocol of [${offered.join(' ')}] is spoken: offer one of ${known}`,
  );
}

function accept({ request, socket, head }: UpgradeRequest, protocol: string): Promise<WebSocket> {
  const server = new WebSocketServer({ noServer: true, maxPayload: MAX_MESSAGE });
  // `SPDY/3.1+portforward.k8s.io` is no token, so the library would refuse the header that names it: we answer that header ourselves.
  delete request.headers['sec-websocket-protocol'];
  server.on('headers', (headers) => headers.push(`Sec-WebSocket-Protocol: ${protocol}`));
  return new Promise((resolve) => server.handleUpgrade(request, socket, head, resolve));
}

const isSpdy = ({ headers }: IncomingMessage): boolean => headers.upgrade?.toLowerCase() === 'spdy/3.1';

/** What a kube-apiserver speaks to kubelets. */
function acceptSpdy({ request, socket, head }: UpgradeRequest, protocol: string): Duplex {
  const offered = String(request.headers['x-stream-protocol-version'] ?? '').split(/,\s*/);
  if (!offered.includes(protocol))
    throw new Refused(403, `unable to upgrade: no protocol of [${offered.join(' ')}] is spoken: offer ${protocol}`);
  socket.write(
    `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\nX-Stream-Protocol-Version: ${protocol}\r\n\r\n`,
  );
  socket.unshift(head);
  return socket;
}

const acceptCommand = async (asked: UpgradeRequest, options: StreamOptions): Promise<RemoteStreams> =>
  isSpdy(asked.request)
    ? spdyCommandStreams(acceptSpdy(asked, SPDY_COMMAND_PROTOCOL), options)
    : commandStreams(await accept(asked, protocolOf(asked.request, COMMAND_PROTOCOLS)), options);

type Serve = (asked: UpgradeRequest) => Promise<void>;

function command(worker: PodAccess, container: string, query: URLSearchParams, tether: Tether): Serve {
  const options = streamOptions(query);
  const words = query.getAll('command');
  if (words.length === 0) throw new Refused(400, 'you must specify at least one command for the container');
  const entrance = worker.entrance(container);
  return async (asked) => {
    const streams = await acceptCommand(asked, options);
    await execute(
      () => entrance.beside(words, options.tty),
      words,
      options.tty,
      streams,
      (pid) => tether.hold(pid),
    );
  };
}

function attach(worker: PodAccess, container: string, query: URLSearchParams): Serve {
  const options = streamOptions(query);
  const join = worker.attachment(container);
  return async (asked) => {
    await join(await acceptCommand(asked, options));
  };
}

function portForward(worker: PodAccess, query: URLSearchParams): Serve {
  const ports = query.getAll('port').map(Number);
  if (ports.some((port) => !Number.isInteger(port) || port < 1 || port > 65_535))
    throw new Refused(400, `ports ${query.getAll('port').join(', ')}: each must be a number from 1 to 65535`);
  if (!worker.isRunning) throw new Refused(400, 'unable to forward port because pod is not running');
  return async (asked) => {
    if (isSpdy(asked.request)) return forwardStreams(worker, acceptSpdy(asked, FORWARD_PROTOCOL));
    const protocol = protocolOf(asked.request, [TUNNEL_PROTOCOL, ...CHANNEL_PROTOCOLS]);
    if (protocol !== TUNNEL_PROTOCOL && ports.length === 0)
      throw new Refused(400, 'query parameter "ports" is required: at least one port');
    const socket = await accept(asked, protocol);
    if (protocol === TUNNEL_PROTOCOL) return forwardStreams(worker, createWebSocketStream(socket));
    return forwardChannels(worker, socket, ports);
  };
}

/** Who serves a stream. Throws what is wrong with the request; whether it can be upgraded shows when it is served. */
export function streamOf(
  url: URL,
  find: (namespace: string, name: string) => PodAccess,
  tether: Tether,
): Serve | undefined {
  const [, verb = '', namespace = '', pod = '', container = ''] = url.pathname.split('/').map(decodeURIComponent);
  const query = url.searchParams;
  if (verb === 'exec') return command(find(namespace, pod), container, query, tether);
  if (verb === 'attach') return attach(find(namespace, pod), container, query);
  if (verb === 'portForward') return portForward(find(namespace, pod), query);
  return undefined;
}
