/** From a request that asks for a stream to the one who serves it. */
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';
import type { PodWorker } from '../pod-worker.ts';
import type { Tether } from '../tether.ts';
import { COMMAND_PROTOCOLS, commandStreams } from './channels.ts';
import { execute } from './exec.ts';
import { streamOptions } from './streams.ts';

/** A refusal before the upgrade: an HTTP status and a text. */
export class Refused extends Error {
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

export interface UpgradeRequest {
  request: IncomingMessage;
  socket: Duplex;
  head: Buffer;
}

/** Older clients, and newer ones that were told to, speak SPDY; what to do about it. */
const hint = (variable: string, since: string) =>
  `use kubectl 1.31 or newer with ${variable} unset, or set ${variable}=true with kubectl ${since}`;
const COMMAND_HINT = hint('KUBECTL_REMOTE_COMMAND_WEBSOCKETS', '1.29 and 1.30');

/** The client's first wish that we can grant; the choice travels in the answer of the handshake. */
function protocolOf(request: IncomingMessage, supported: readonly string[], hint: string): string {
  const kind = request.headers.upgrade?.toLowerCase() ?? '';
  if (kind.startsWith('spdy/'))
    throw new Refused(
      400,
      `streams over SPDY are not supported by this embedded cluster, only over WebSockets: ${hint}`,
    );
  if (kind !== 'websocket') throw new Refused(400, `unable to upgrade: ${kind} is not supported, use websocket`);
  const offered = (request.headers['sec-websocket-protocol'] ?? '').split(',').map((name) => name.trim());
  const found = offered.find((name) => supported.includes(name));
  if (found === undefined)
    throw new Refused(
      403,
      `unable to upgrade: no subprotocol of [${offered.join(' ')}] is supported: offer one of [${supported.join(' ')}]`,
    );
  return found;
}

function accept({ request, socket, head }: UpgradeRequest, protocol: string, then: (socket: WebSocket) => void): void {
  const server = new WebSocketServer({ noServer: true, handleProtocols: () => protocol, maxPayload: 32 * 1024 * 1024 });
  server.handleUpgrade(request, socket, head, then);
}

/** Takes the connection over, or throws Refused. */
export function upgrade(
  asked: UpgradeRequest,
  find: (namespace: string, name: string) => PodWorker,
  tether: Tether,
): void {
  const { request } = asked;
  const url = new URL(request.url ?? '/', 'https://kubelet');
  const [, verb, namespace = '', pod = '', container = ''] = url.pathname.split('/').map(decodeURIComponent);
  if (verb !== 'exec') throw new Refused(404, `there is no stream ${url.pathname}`);
  const worker = find(namespace, pod);
  let options: ReturnType<typeof streamOptions>;
  try {
    options = streamOptions(url.searchParams);
  } catch (error) {
    throw new Refused(400, (error as Error).message);
  }
  const command = url.searchParams.getAll('command');
  if (command.length === 0) throw new Refused(400, 'you must specify at least one command for the container');
  const entrance = worker.entrance(container);
  const protocol = protocolOf(request, COMMAND_PROTOCOLS, COMMAND_HINT);
  accept(asked, protocol, (socket) => {
    const streams = commandStreams(socket, options);
    void execute(
      () => entrance.beside(command, options.tty),
      command,
      options.tty,
      streams,
      (pid) => tether.hold(pid),
    );
  });
}
