/** A control plane's socket that speaks the agent's protocol by its schemas, with the rules of tokens, links and clones. */
import { createHash, randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type WebSocket, WebSocketServer } from 'ws';
import { AgentMessage, type Pace, PROTOCOL, ServerMessage } from '#core/contract/agent.ts';

type Body = ServerMessage extends infer M ? (M extends ServerMessage ? Pick<M, 'type' | 'payload'> : never) : never;

/** One socket as the control plane saw it. */
export interface SeenLink {
  readonly number: number;
  readonly token: string;
  readonly kind: 'install' | 'agent';
  readonly messages: AgentMessage[];
  helloed: boolean;
  open: boolean;
  closeCode?: number;
  /** Says something of our own accord. */
  push(message: Body): void;
  /** Raw text, understood or not. */
  sendRaw(text: string): void;
  /** Ends the socket as a gateway's cut would. */
  cut(): void;
}

export interface FakeControlPlane {
  readonly url: string;
  readonly links: SeenLink[];
  /** Every try to open a socket: the status it was answered with (101 when it was opened). */
  readonly attempts: number[];
  /** When anything last happened on the network (performance.now()). */
  activity: number;
  pace: Pace;
  drain: boolean;
  /** Whom hello is answered in the name of. */
  source: { deploymentId: string; epoch: number };
  /** Digest of the list of seats; absent where none may be. */
  seats: () => string | undefined;
  /** Answers requests over HTTP: a status and a body. */
  api: (method: string, path: string, token: string, body: unknown) => { status: number; body?: unknown };
  clusterUid: string | undefined;
  /** Answers instead: a body, `silence`, or nothing to go on. */
  answer: (message: AgentMessage, link: SeenLink) => Body | 'silence' | undefined;
  /** Answers the opening itself with this status. */
  refuse: number | undefined;
  allowInstall(token: string): void;
  /** A token that the agent made, whose hash was announced. */
  allowAgent(token: string): void;
  revoke(token: string): void;
  /** Links that said hello with an agent token, open now. */
  live(): SeenLink[];
  received<T extends AgentMessage['type']>(type: T): Extract<AgentMessage, { type: T }>[];
  stop(): Promise<void>;
}

interface Known {
  readonly kind: 'install' | 'agent';
  active: boolean;
  tradedFor?: string;
  replaces?: string;
}

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');
const error = (code: Extract<ServerMessage, { type: 'error' }>['payload']['code']): Body => ({
  type: 'error',
  payload: { code, message: `refused: ${code}` },
});

export const startControlPlane = async (): Promise<FakeControlPlane> => {
  const tokens = new Map<string, Known>();
  const sockets = new WebSocketServer({ noServer: true });
  const server = createServer((request, response) => {
    plane.activity = performance.now();
    let text = '';
    request.on('data', (chunk) => {
      text += chunk;
    });
    request.on('end', () => {
      const token = String(request.headers['x-cluster-token'] ?? '');
      const known = tokens.get(sha256(token));
      const refused = known?.active && known.kind === 'agent' ? undefined : { status: 401, body: undefined };
      const given = text === '' ? undefined : JSON.parse(text);
      const { status, body } = refused ?? plane.api(request.method ?? '', request.url ?? '', token, given);
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(body === undefined ? undefined : JSON.stringify(body));
    });
  });

  const keep = (hash: string, from: string): Body => {
    const present = tokens.get(from);
    if (present?.tradedFor !== undefined && present.tradedFor !== hash) return error('Revoked');
    if (!tokens.has(hash)) tokens.set(hash, { kind: 'agent', active: true, replaces: from });
    if (present?.kind === 'install') present.tradedFor = hash;
    return { type: 'ack', payload: {} };
  };

  const digest = () => {
    const seats = plane.seats();
    return seats === undefined ? {} : { seats };
  };
  const ack = (link: SeenLink, reconnect: boolean): Body => ({
    type: 'hello.ack',
    payload: {
      ...plane.pace,
      protocol: PROTOCOL,
      link: link.number,
      clusterId: `clu_${'a'.repeat(26)}`,
      ...plane.source,
      serverTime: new Date().toISOString(),
      reconnect,
      drain: !reconnect && plane.drain,
      ...digest(),
    },
  });

  const reply = (message: AgentMessage, link: SeenLink): Body => {
    const hash = sha256(link.token);
    const token = tokens.get(hash);
    if (!token?.active) return error('Revoked');
    if (message.type === 'hello') {
      plane.clusterUid ??= message.payload.clusterUid;
      if (message.payload.clusterUid !== plane.clusterUid) return error('CloneDetected');
      if (token.kind === 'install') {
        if (message.payload.nextTokenHash === undefined) return error('Invalid');
        const kept = keep(message.payload.nextTokenHash, hash);
        return kept.type === 'ack' ? ack(link, true) : kept;
      }
      link.helloed = true;
      const replaced = token.replaces === undefined ? undefined : tokens.get(token.replaces);
      if (replaced) replaced.active = false;
      return ack(link, false);
    }
    if (token.kind === 'install' || !link.helloed) return error('NotHello');
    if (message.type === 'heartbeat') return { type: 'heartbeat.ack', payload: { ...plane.pace, ...digest() } };
    if (message.type === 'token.rotate') return keep(message.payload.nextTokenHash, hash);
    return { type: 'ack', payload: {} };
  };

  const serve = (socket: WebSocket, token: string, kind: Known['kind']) => {
    const say = (id: string, body: Body) =>
      socket.send(JSON.stringify(ServerMessage.parse({ v: PROTOCOL, id, ...body })));
    const link: SeenLink = {
      number: plane.links.length + 1,
      token,
      kind,
      messages: [],
      helloed: false,
      open: true,
      push: (body) => say(randomUUID(), body),
      sendRaw: (text) => socket.send(text),
      cut: () => socket.terminate(),
    };
    plane.links.push(link);
    socket.on('message', (data) => {
      plane.activity = performance.now();
      const message = AgentMessage.parse(JSON.parse(String(data)));
      link.messages.push(message);
      const body = plane.answer(message, link) ?? reply(message, link);
      if (body !== 'silence') say(message.id, body);
    });
    socket.on('close', (code) => {
      plane.activity = performance.now();
      link.open = false;
      link.closeCode = code;
    });
  };

  const plane: FakeControlPlane = {
    url: '',
    links: [],
    attempts: [],
    activity: 0,
    pace: { paceSeconds: 30, staleAfterSeconds: 90 },
    drain: false,
    source: { deploymentId: 'test', epoch: 1 },
    seats: () => undefined,
    api: () => ({ status: 404 }),
    clusterUid: undefined,
    answer: () => undefined,
    refuse: undefined,
    allowInstall: (token) => void tokens.set(sha256(token), { kind: 'install', active: true }),
    allowAgent: (token) => void tokens.set(sha256(token), { kind: 'agent', active: true }),
    revoke: (token) => {
      const known = tokens.get(sha256(token));
      if (known) known.active = false;
    },
    live: () => plane.links.filter(({ open, helloed }) => open && helloed),
    received: (type) =>
      plane.links.flatMap(({ messages }) => messages).filter((message) => message.type === type) as never,
    stop: async () => {
      for (const client of sockets.clients) client.terminate();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };

  server.on('upgrade', (request, socket, head) => {
    plane.activity = performance.now();
    const token = String(request.headers['x-cluster-token'] ?? '');
    const known = tokens.get(sha256(token));
    const status = plane.refuse ?? (known?.active ? 101 : 401);
    plane.attempts.push(status);
    if (status !== 101 || !known) {
      socket.end(`HTTP/1.1 ${status} No\r\ncontent-length: 0\r\nconnection: close\r\n\r\n`);
      return;
    }
    sockets.handleUpgrade(request, socket, head, (opened) => serve(opened, token, known.kind));
  });
  server.on('connection', () => {
    plane.activity = performance.now();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  Object.assign(plane, { url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}/agent` });
  return plane;
};
