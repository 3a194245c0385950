/** One socket to the control plane from its opening to its end: hello first, then questions with one answer each, and pushes (core/contract/agent). */
import { randomUUID } from 'node:crypto';
import http from 'node:http';
import https from 'node:https';
import WebSocket from 'ws';
import { AgentMessage, PROTOCOL, ServerMessage, TOKEN_HEADER } from '#core/contract/agent.ts';
import { safeText } from '#core/contract/safe-text.ts';
import type { Clock } from './clock.ts';
import { type Log, reason } from './log.ts';

/** What API Gateway takes in one message. */
const LIMIT_BYTES = 32 * 1024;
const HANDSHAKE_MS = 15_000;
const ANSWER_MS = 30_000;
const CLOSE_MS = 1_500;
/** Answers that say that this connection has no future, whatever was asked. */
const FATAL: ReadonlySet<string> = new Set(['CloneDetected', 'NotHello', 'ProtocolUnsupported', 'Revoked', 'Stale']);

type Say<T extends AgentMessage['type']> = Extract<AgentMessage, { type: T }>['payload'];
export type HelloAck = Extract<ServerMessage, { type: 'hello.ack' }>['payload'];
const PUSHES = [
  'pace',
  'cluster.drain',
  'reconnect',
  'workspace.apply',
  'workspace.delete',
  'credential.mint',
] as const;
/** What the server says of its own accord. */
export type Push = Extract<ServerMessage, { type: (typeof PUSHES)[number] }>;
const isPush = (message: ServerMessage): message is Push => PUSHES.some((type) => type === message.type);
type ErrorCode = Extract<ServerMessage, { type: 'error' }>['payload']['code'];

/** Why a link was not made or a question not answered: the server's own code, or one of ours. */
export class LinkError extends Error {
  readonly code: ErrorCode | 'Unauthorized' | 'Network' | 'NoAnswer' | 'TooLarge' | 'Unsupported';
  constructor(code: LinkError['code'], message: string) {
    super(message);
    this.name = 'LinkError';
    this.code = code;
  }
}

export interface Link {
  /** What the server said to hello. */
  readonly ack: HelloAck;
  /** Aborts when the socket is closed, by whomever. */
  readonly signal: AbortSignal;
  /** Sends a message and waits for its one answer. Throws LinkError, also for an `error` or `unsupported` that came back. */
  ask<T extends AgentMessage['type']>(type: T, payload: Say<T>): Promise<ServerMessage>;
  /** Closes in good order (1000) and waits a moment for the other side to agree. */
  close(why: string): Promise<void>;
  /** Ends the socket at once: the other side is silent. */
  drop(): void;
}

export interface LinkOptions {
  readonly url: string;
  /** The agent's or install token: goes into the header and nowhere else. */
  readonly token: string;
  readonly hello: Say<'hello'>;
  readonly clock: Clock;
  readonly log: Log;
  readonly onPush: (push: Push) => void;
  readonly signal: AbortSignal;
}

/** Resolves when hello is acknowledged. Throws LinkError, `Unauthorized` for a token that is not (or no longer) good. */
export const openLink = async (options: LinkOptions): Promise<Link> => {
  const { url, token, hello, clock, log, onPush, signal } = options;
  const closed = new AbortController();
  const waiting = new Map<string, (answer: ServerMessage) => void>();
  let seq = 0;
  let acknowledged = false;

  const socket = new WebSocket(url, {
    headers: { [TOKEN_HEADER]: token },
    handshakeTimeout: HANDSHAKE_MS,
    maxPayload: 4 * LIMIT_BYTES,
    perMessageDeflate: false,
    // ws makes its own connections unless it is given an agent: Node's global ones follow HTTPS_PROXY when told to by NODE_USE_ENV_PROXY.
    agent: url.startsWith('wss:') ? https.globalAgent : http.globalAgent,
  });

  const receive = (raw: string) => {
    let message: ServerMessage;
    try {
      message = ServerMessage.parse(JSON.parse(raw));
    } catch {
      // Newer servers may say what this version does not know; API Gateway reports a failed function in its own words.
      log('warn', 'a message of the control plane was not understood', { text: safeText(raw.slice(0, 300)) });
      return;
    }
    const answer = waiting.get(message.id);
    if (answer) answer(message);
    else if (isPush(message)) onPush(message);
    else log('info', 'an answer came too late', { type: message.type });
  };

  const close = async (why: string) => {
    if (closed.signal.aborted) return;
    const limit = setTimeout(() => socket.terminate(), CLOSE_MS);
    const ended = new Promise((resolve) => socket.once('close', resolve));
    socket.close(1000, why);
    await ended;
    clearTimeout(limit);
  };

  const ask: Link['ask'] = async (type, payload) => {
    const id = randomUUID();
    const text = JSON.stringify(AgentMessage.parse({ v: PROTOCOL, type, id, seq: seq++, payload }));
    const bytes = Buffer.byteLength(text);
    if (bytes > LIMIT_BYTES) {
      throw new LinkError('TooLarge', `${type} has ${bytes} bytes; a message may have at most ${LIMIT_BYTES}`);
    }
    const answered = new AbortController();
    const answer = Promise.withResolvers<ServerMessage>();
    waiting.set(id, answer.resolve);
    const patience = clock.sleep(ANSWER_MS, AbortSignal.any([answered.signal, closed.signal])).then(() => undefined);
    try {
      if (socket.readyState !== WebSocket.OPEN) throw new LinkError('Network', 'the socket is closed');
      socket.send(text);
      const message = await Promise.race([answer.promise, patience]);
      if (message?.type === 'error') {
        const { code } = message.payload;
        if (type !== 'hello' && FATAL.has(code)) void close(code);
        throw new LinkError(code, safeText(message.payload.message));
      }
      if (message?.type === 'unsupported') throw new LinkError('Unsupported', `the server does not know ${type}`);
      if (message) return message;
      throw closed.signal.aborted
        ? new LinkError('Network', 'the socket was closed before the answer')
        : new LinkError('NoAnswer', `no answer to ${type} within ${ANSWER_MS / 1000} s`);
    } finally {
      waiting.delete(id);
      answered.abort();
    }
  };

  const opened = Promise.withResolvers<void>();
  const cancel = () => socket.terminate();
  socket
    .on('message', (data) => receive(String(data)))
    .on('open', () => opened.resolve())
    .on('unexpected-response', (_request, response) => {
      const status = response.statusCode ?? 0;
      opened.reject(
        status === 401 || status === 403
          ? new LinkError('Unauthorized', `the token was refused (${status})`)
          : new LinkError('Network', `the control plane answered ${status} instead of opening a socket`),
      );
    })
    .on('error', (error) => opened.reject(new LinkError('Network', reason(error))))
    .on('close', (code, why) => {
      if (acknowledged) log('info', 'a socket ended', { code, why: safeText(String(why)) });
      closed.abort();
      opened.reject(new LinkError('Network', `the socket was closed (${code})`));
    });
  signal.addEventListener('abort', cancel, { once: true });

  try {
    await opened.promise;
    const answer = await ask('hello', hello);
    if (answer.type !== 'hello.ack') throw new LinkError('Invalid', `hello was answered with ${answer.type}`);
    acknowledged = true;
    return { ack: answer.payload, signal: closed.signal, ask, close, drop: () => socket.terminate() };
  } catch (error) {
    await close('no hello');
    throw error;
  } finally {
    signal.removeEventListener('abort', cancel);
  }
};
