/** A plain client of the API and the socket, as any script could write one from docs/socket.md and the OpenAPI document. */
import { ClientAnswer, type ClusterChanged, Push, type WorkspaceChanged } from '#core/contract/socket.ts';

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
}

/** Seconds that a busy API (503 `retry`: nothing was changed) is asked again. */
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

  const session: Session = {
    base,
    token: undefined,
    async call<T>(method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<T> {
      const end = Date.now() + PATIENCE_SECONDS * 1000;
      let response = await once(method, path, body, headers);
      while (response.status === 503 && Date.now() < end) {
        const seconds = Math.min(Number(response.headers.get('retry-after') ?? 1), LONGEST_WAIT_SECONDS);
        await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
        response = await once(method, path, body, headers);
      }
      const text = await response.text();
      const isJson = /json/.test(response.headers.get('content-type') ?? '');
      const value = isJson && text !== '' ? JSON.parse(text) : text;
      if (!response.ok) throw new ApiFailure(method, path, response.status, isJson ? value : { title: text });
      return value as T;
    },
  };
  return session;
};

/** An open socket that listens to one team; keeps what was pushed and lets callers wait for more. */
export interface Watch {
  /** Resolves with the first push (already received or to come) that matches. Rejects after `seconds`, saying what was seen last. */
  until(what: string, matches: (push: ClusterChanged) => boolean, seconds: number): Promise<ClusterChanged>;
  /** The same for a dev pod. */
  untilSeat(what: string, matches: (push: WorkspaceChanged) => boolean, seconds: number): Promise<WorkspaceChanged>;
  /** Called for every push, in order. */
  onPush: (push: Push) => void;
  /** Resolves with the code when the socket has ended, for whatever reason. */
  readonly closed: Promise<number>;
  close(): Promise<void>;
}

/** Takes a ticket, opens the socket, subscribes to the personal team; resolves when `subscribed` was answered. */
export const watch = async (session: Session): Promise<Watch> => {
  const { ticket, url } = await session.call<{ ticket: string; url: string }>('POST', '/api/v1/socket-tickets');
  const socket = new WebSocket(`${url}?ticket=${encodeURIComponent(ticket)}`);
  const seen: Push[] = [];
  const waiters = new Set<(push: Push) => void>();
  let subscribed: (() => void) | undefined;
  const watching: Watch = {
    onPush: () => {},
    closed: new Promise((resolve) => socket.addEventListener('close', ({ code }) => resolve(code))),
    until: (what, matches, seconds) =>
      first(what, (push): push is ClusterChanged => push.type === 'cluster.changed' && matches(push), seconds),
    untilSeat: (what, matches, seconds) =>
      first(what, (push): push is WorkspaceChanged => push.type === 'workspace.changed' && matches(push), seconds),
    close: async () => {
      socket.close(1000);
      await watching.closed;
    },
  };
  const first = <T extends Push>(what: string, matches: (push: Push) => push is T, seconds: number): Promise<T> =>
    new Promise((resolve, reject) => {
      const found = seen.find(matches);
      if (found !== undefined) return resolve(found);
      const end = setTimeout(() => {
        waiters.delete(look);
        reject(
          new Error(`${what} was not pushed within ${seconds} s; last was ${JSON.stringify(seen.at(-1) ?? null)}`),
        );
      }, seconds * 1000);
      const look = (push: Push) => {
        if (!matches(push)) return;
        clearTimeout(end);
        waiters.delete(look);
        resolve(push);
      };
      waiters.add(look);
    });
  socket.addEventListener('message', ({ data }) => {
    const body = JSON.parse(String(data));
    const answer = ClientAnswer.safeParse(body);
    if (answer.success) {
      if (answer.data.type === 'subscribed') subscribed?.();
      return;
    }
    const push = Push.parse(body);
    seen.push(push);
    watching.onPush(push);
    for (const look of [...waiters]) look(push);
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
  return watching;
};
