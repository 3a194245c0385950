/** The WebSocket API: `$connect` decides before the upgrade, messages go to the route they select, `$disconnect` is told at the end. */
import { randomUUID } from 'node:crypto';
import { type IncomingMessage, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { type RawData, type WebSocket, WebSocketServer } from 'ws';
import type { ServiceInvoke } from '#local/lambda/service-invoke.ts';
import type { Invoked } from '#local/plugin.ts';
import { type Connection, type Connections, newConnectionId } from './connections.ts';
import { type GatewayApi, type GatewayModel, type Route, routeArn } from './model.ts';
import { type ConnectionFacts, connectEvent, disconnectEvent, messageEvent, selectRoute } from './socket-event.ts';

/** API Gateway's limit for a frame; here for a message, since ours are one frame. Larger ones close with 1009. */
export const MAX_MESSAGE_BYTES = 32 * 1024;

export interface SocketApiOptions {
  readonly model: GatewayModel;
  readonly invoke: ServiceInvoke;
  readonly connections: Connections;
  log(line: string): void;
}

function refuse(socket: Duplex, status: number): void {
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? 'Refused'}\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: 0\r\n\r\n`,
  );
}

/** The status that a `$connect` answer means: a function's own, 502 where it failed. */
const statusOf = ({ payload, functionError }: Invoked): number => {
  const status = Number(payload?.statusCode);
  return functionError || !Number.isInteger(status) ? 502 : status;
};

const headerOf = ({ payload }: Invoked, wanted: string): string | undefined =>
  Object.entries<string>(payload?.headers ?? {}).find(([name]) => name.toLowerCase() === wanted)?.[1];

export interface SocketApi {
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void;
  /** Closes every connection and waits until `$disconnect` was told, at most `ms`. */
  stop(ms: number): Promise<void>;
}

export function createSocketApi({ model, invoke, connections, log }: SocketApiOptions): SocketApi {
  const protocols = new WeakMap<IncomingMessage, string>();
  const server = new WebSocketServer({
    noServer: true,
    maxPayload: MAX_MESSAGE_BYTES,
    clientTracking: false,
    perMessageDeflate: false,
    handleProtocols: (_offered, request) => protocols.get(request) ?? false,
  });
  const goodbyes = new Set<Promise<unknown>>();

  const routeOf = (api: GatewayApi, key: string): Route | undefined => api.routes.find((route) => route.key === key);
  const call = ({ api, stage }: ConnectionFacts, route: Route, event: unknown): Promise<Invoked> =>
    invoke(
      'apigateway.amazonaws.com',
      routeArn(api, stage, route.key),
      api.integrations.get(route.integrationId)!,
      event,
    );

  const sayError = (it: Connection, message: string): void =>
    it.socket.send(JSON.stringify({ message, connectionId: it.id, requestId: randomUUID() }));

  async function onMessage(it: Connection, data: RawData, isBinary: boolean): Promise<void> {
    connections.touch(it);
    // Binary frames are not taken by API Gateway unless an API converts them.
    if (isBinary) return it.socket.close(1003, 'Binary is not supported');
    const body = data.toString();
    const selected = selectRoute(it.api.selection, body);
    const route = (selected && !selected.startsWith('$') && routeOf(it.api, selected)) || routeOf(it.api, '$default');
    if (!route) return sayError(it, 'Forbidden');
    const answer = await call(it, route, messageEvent(it, route.key, body));
    if (it.socket.readyState !== it.socket.OPEN) return;
    if (answer.functionError) return sayError(it, 'Internal server error');
    const reply: unknown = answer.payload?.body;
    if (route.answers && typeof reply === 'string' && reply !== '') {
      it.socket.send(reply);
      connections.touch(it);
    }
  }

  function goodbye(it: ConnectionFacts, code: number, reason: string): void {
    const route = routeOf(it.api, '$disconnect');
    if (!route) return;
    const told = call(it, route, disconnectEvent(it, code, reason)).catch((error: Error) =>
      log(`$disconnect: ${error.message}`),
    );
    goodbyes.add(told);
    void told.finally(() => goodbyes.delete(told));
  }

  function accept(facts: ConnectionFacts, socket: WebSocket): void {
    const it: Connection = { ...facts, socket, lastActiveAt: facts.connectedAt };
    connections.add(it);
    socket.on('message', (data, isBinary) => {
      onMessage(it, data, isBinary).catch((error: Error) => log(`socket: ${error.message}`));
    });
    // Too large a message or a broken frame: ws closes with the fitting code by itself.
    socket.on('error', () => {});
    socket.on('close', (code, reason) => {
      connections.remove(it.id);
      goodbye(it, code, reason.toString());
    });
  }

  async function connect(api: GatewayApi, request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    const facts: ConnectionFacts = {
      id: newConnectionId(),
      api,
      stage: api.stages[0]!,
      connectedAt: Date.now(),
      sourceIp: request.socket.remoteAddress ?? '127.0.0.1',
      userAgent: request.headers['user-agent'] ?? '',
    };
    const route = routeOf(api, '$connect');
    if (route) {
      const answer = await call(facts, route, connectEvent(facts, request));
      const status = statusOf(answer);
      if (status < 200 || status > 299) return refuse(socket, status);
      const protocol = headerOf(answer, 'sec-websocket-protocol');
      if (protocol) protocols.set(request, protocol);
    }
    // ws answers at once, or not at all when the client is gone.
    let accepted = false;
    if (!socket.destroyed)
      server.handleUpgrade(request, socket, head, (opened) => {
        accepted = true;
        accept(facts, opened);
      });
    // `$connect` has made its records, so the function must hear of the end.
    if (!accepted) goodbye(facts, 1006, 'Connection Closed Abnormally');
  }

  return {
    upgrade(request, socket, head) {
      const api = model.socket();
      if (!api || api.stages.length === 0) return refuse(socket, 403);
      socket.on('error', () => socket.destroy());
      connect(api, request, socket, head).catch((error: Error) => {
        log(`$connect: ${error.message}`);
        refuse(socket, 500);
      });
    },
    async stop(ms) {
      const open = connections.all();
      const closed = Promise.all(open.map(({ socket }) => new Promise((resolve) => socket.once('close', resolve))));
      for (const { socket } of open) socket.close(1001, 'Going away');
      const all = closed.then(() => Promise.all(goodbyes));
      const late = new Promise((resolve) => setTimeout(resolve, ms).unref());
      await Promise.race([all, late]);
      for (const { socket } of open) socket.terminate();
    },
  };
}
