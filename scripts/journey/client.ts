/** A plain client of the API and the socket, as any script could write one from docs/socket.md and the OpenAPI document. */
import type { TokenReply } from '#core/contract/account.ts';
import { ClientAnswer, Push } from '#core/contract/socket.ts';
import { createInbox, type Inbox } from './inbox.ts';

/** An answer that is no success, with the problem's own words. */
export class ApiFailure extends Error {
  readonly status: number;
  readonly code: string;
  constructor(
    method: string,
    path: string,
    status: number,
    problem: { code?: string; detail?: string; title?: string; help?: string },
  ) {
    super(
      `${method} ${path} answered ${status} ${problem.code ?? ''}: ${problem.detail ?? problem.title ?? ''} ${problem.help ?? ''}`.trim(),
    );
    this.name = 'ApiFailure';
    this.status = status;
    this.code = problem.code ?? '';
  }
}

export interface Session {
  /** Answers JSON, or text where the API answers text. Throws ApiFailure. */
  call<T>(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<T>;
  readonly base: string;
  token: string | undefined;
  /** With it an access token that has run out is renewed; without it its end is the caller's to see. */
  refreshToken: string | undefined;
}

/** The session goes on with these. A refresh answers no new refresh token: the old one stays good. */
export const signIn = (session: Session, { access_token, refresh_token }: TokenReply): void => {
  session.token = access_token;
  session.refreshToken = refresh_token ?? session.refreshToken;
};

/** Seconds that an API is asked again that is busy (503 `retry`: nothing was changed) or has not got yet what it is asked for (202 to a GET). */
const PATIENCE_SECONDS = 90;
const LONGEST_WAIT_SECONDS = 2;

export const createSession = (base: string): Session => {
  const once = async (
    method: string,
    path: string,
    body: unknown,
    headers: Record<string, string>,
  ): Promise<Response> =>
    fetch(`${base}${path}`, {
      method,
      headers: {
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...(session.token === undefined ? {} : { authorization: `Bearer ${session.token}` }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });

  const patiently: typeof once = async (...request) => {
    const end = Date.now() + PATIENCE_SECONDS * 1000;
    const isLater = ({ status }: Response) => status === 503 || (request[0] === 'GET' && status === 202);
    let response = await once(...request);
    while (isLater(response) && Date.now() < end) {
      const seconds = Math.min(Number(response.headers.get('retry-after') ?? 1), LONGEST_WAIT_SECONDS);
      await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
      response = await once(...request);
    }
    return response;
  };

  let renewing: Promise<boolean> | undefined;
  const renewOnce = async (refresh_token: string): Promise<boolean> => {
    const response = await patiently('POST', '/api/v1/auth/refresh', { refresh_token }, {});
    if (!response.ok) return false;
    signIn(session, (await response.json()) as TokenReply);
    return true;
  };
  /** Is there another token than the one that was refused? Calls that are refused together share one refresh. */
  const renewed = async (refused: string | undefined): Promise<boolean> => {
    if (session.token !== refused) return true;
    if (session.refreshToken === undefined) return false;
    renewing ??= renewOnce(session.refreshToken).finally(() => {
      renewing = undefined;
    });
    return renewing;
  };

  const session: Session = {
    base,
    token: undefined,
    refreshToken: undefined,
    async call<T>(method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<T> {
      const used = session.token;
      let response = await patiently(method, path, body, headers);
      if (response.status === 401 && (await renewed(used))) response = await patiently(method, path, body, headers);
      const text = await response.text();
      const isJson = /json/.test(response.headers.get('content-type') ?? '');
      const value = isJson && text !== '' ? JSON.parse(text) : text;
      if (!response.ok) throw new ApiFailure(method, path, response.status, isJson ? value : { title: text });
      return value as T;
    },
  };
  return session;
};

/** An open socket that listens to one team. */
export interface Socket {
  /** Sends a ping; ends the socket when the one before was not answered. */
  ping(): void;
  /** Resolves with the code when the socket has ended, for whatever reason. */
  readonly closed: Promise<number>;
  close(): Promise<void>;
}

/** Takes a ticket, opens the socket, subscribes to the personal team; resolves when `subscribed` was answered. */
export const openSocket = async (session: Session, onPush: (push: Push) => void): Promise<Socket> => {
  const { ticket, url } = await session.call<{ ticket: string; url: string }>('POST', '/api/v1/socket-tickets');
  const socket = new WebSocket(`${url}?ticket=${encodeURIComponent(ticket)}`);
  const closed = new Promise<number>((resolve) => socket.addEventListener('close', ({ code }) => resolve(code)));
  let subscribed: (() => void) | undefined;
  let unanswered = false;
  socket.addEventListener('message', ({ data }) => {
    const body = JSON.parse(String(data));
    const answer = ClientAnswer.safeParse(body);
    if (!answer.success) return onPush(Push.parse(body));
    if (answer.data.type === 'subscribed') subscribed?.();
    if (answer.data.type === 'pong') unanswered = false;
  });
  await new Promise<void>((resolve, reject) => {
    socket.addEventListener('open', () => resolve());
    socket.addEventListener('error', () => reject(new Error(`the socket at ${url} could not be opened`)));
    socket.addEventListener('close', ({ code, reason }) =>
      reject(new Error(`the socket was closed: ${code} ${reason}`)),
    );
  });
  await new Promise<void>((resolve, reject) => {
    const end = setTimeout(() => reject(new Error('"subscribed" was not answered within 10 s')), 10_000);
    subscribed = () => {
      clearTimeout(end);
      resolve();
    };
    socket.send(JSON.stringify({ type: 'subscribe', id: 'journey' }));
  });
  return {
    ping: () => {
      if (unanswered) return socket.close(1000);
      unanswered = true;
      socket.send(JSON.stringify({ type: 'ping' }));
    },
    closed,
    close: async () => {
      socket.close(1000);
      await closed;
    },
  };
};

/** One socket and what came over it. */
export interface Watch extends Inbox, Pick<Socket, 'closed' | 'close'> {}

/** Watches the personal team for as long as one socket lives. */
export const watch = async (session: Session): Promise<Watch> => {
  const inbox = createInbox();
  const { closed, close } = await openSocket(session, inbox.take);
  return Object.assign(inbox, { closed, close });
};
