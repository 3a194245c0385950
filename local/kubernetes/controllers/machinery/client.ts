/** A client of the Kubernetes API over HTTP/2: JSON calls and watches, one bearer token, no cache. */
import { constants } from 'node:http2';
import { StringDecoder } from 'node:string_decoder';
import { pathOf, type Resource } from './resources.ts';
import { type Session, session } from './session.ts';
import type { Stored, WatchEvent } from './types.ts';

export interface ClientOptions {
  /** `https://127.0.0.1:6443` */
  server: string;
  caPem: string;
  token: string;
  /** Shown as the field manager of what this client writes. */
  userAgent: string;
}

/** An answer that is no success: the API server's Status. `status` 0: no answer at all. */
export class ApiError extends Error {
  readonly status: number;
  readonly reason: string;
  constructor(status: number, reason: string, message: string, cause?: unknown) {
    super(message, { cause });
    this.name = 'ApiError';
    this.status = status;
    this.reason = reason;
  }
}

export const isStatus = (error: unknown, ...statuses: number[]): boolean =>
  error instanceof ApiError && statuses.includes(error.status);

type Query = Record<string, string | number | boolean | undefined>;
export interface CallOptions {
  query?: Query;
  body?: unknown;
  contentType?: string;
  signal?: AbortSignal;
}
export interface DeleteOptions {
  gracePeriodSeconds?: number;
  propagationPolicy?: 'Background' | 'Foreground' | 'Orphan';
  preconditions?: { uid?: string; resourceVersion?: string };
}

/** How long an answer may pause; watches are bounded by their `timeoutSeconds`. */
const CALL_SILENCE = { ms: 30_000, text: 'no answer in 30 s' };
/** A watch sends a bookmark a minute on a real server; beyond this silence its connection counts as dead. */
const WATCH_SILENCE = { ms: 90_000, text: 'silent for 90 s' };
/** The server closed the connection just as the request went out on it. */
const STALE = [
  'ECONNRESET',
  'EPIPE',
  'ERR_HTTP2_STREAM_CANCEL',
  'ERR_HTTP2_GOAWAY_SESSION',
  'ERR_HTTP2_INVALID_SESSION',
];

const search = (query: Query = {}): string => {
  const pairs = new URLSearchParams();
  for (const [key, value] of Object.entries(query)) if (value !== undefined) pairs.set(key, String(value));
  return pairs.size === 0 ? '' : `?${pairs}`;
};

const failure = (status: number, text: string): ApiError => {
  try {
    const body = JSON.parse(text) as { code?: number; reason?: string; message?: string };
    return new ApiError(status, body.reason ?? '', body.message ?? text);
  } catch {
    return new ApiError(status, '', text.slice(0, 500) || `HTTP ${status}`);
  }
};

/** One identity towards one API server. `close` ends its connection and all that runs on it. */
export class Client {
  readonly server: URL;
  readonly #options: ClientOptions;
  readonly #session: Session;

  constructor(options: ClientOptions) {
    this.#options = options;
    this.server = new URL(options.server);
    this.#session = session(this.server, options.caPem);
  }

  /** One request: `on` is told of its text as it comes. Resolves with the status when the answer is whole, rejects with `ApiError` of status 0 when it broke off. */
  #ask(
    method: string,
    path: string,
    { query, body, contentType = 'application/json', signal }: CallOptions,
    silence: { ms: number; text: string },
    on: (text: string, status: number) => void,
  ): Promise<number> {
    return new Promise((resolve, reject) => {
      const text = body === undefined ? undefined : JSON.stringify(body);
      const stream = this.#session.request(
        {
          ':method': method,
          ':path': path + search(query),
          authorization: `Bearer ${this.#options.token}`,
          accept: 'application/json',
          'user-agent': this.#options.userAgent,
          ...(text !== undefined && { 'content-type': contentType, 'content-length': Buffer.byteLength(text) }),
        },
        text,
        signal,
      );
      const decoder = new StringDecoder('utf8');
      let status = 0;
      const lost = (error: Error) => {
        // What cancelled the request is the reason, if the connection itself failed.
        const { code, message } = (error.cause ?? error) as NodeJS.ErrnoException;
        reject(new ApiError(0, code ?? 'Error', `${method} ${path}: ${message}`, error));
      };
      stream.setTimeout(silence.ms, () => {
        this.#session.renew();
        stream.destroy(new Error(silence.text));
      });
      stream.on('response', (headers) => {
        status = headers[':status'] ?? 0;
      });
      stream.on('data', (chunk: Buffer) => {
        try {
          on(decoder.write(chunk), status);
        } catch (error) {
          reject(error);
          stream.destroy();
        }
      });
      stream.on('error', lost);
      stream.on('close', () => {
        if (stream.rstCode === constants.NGHTTP2_NO_ERROR && status !== 0) return resolve(status);
        lost(Object.assign(new Error('the connection was closed'), { code: 'ECONNRESET' }));
      });
    });
  }

  /** One call. A GET whose kept connection was closed meanwhile is asked once more. */
  async call<T>(method: string, path: string, options: CallOptions = {}): Promise<T> {
    try {
      return await this.#once<T>(method, path, options);
    } catch (error) {
      const stale = error instanceof ApiError && error.status === 0 && STALE.includes(error.reason);
      if (method !== 'GET' || !stale) throw error;
      return this.#once<T>(method, path, options);
    }
  }

  async #once<T>(method: string, path: string, options: CallOptions): Promise<T> {
    let text = '';
    const status = await this.#ask(method, path, options, CALL_SILENCE, (more) => {
      text += more;
    });
    if (status >= 400) throw failure(status, text);
    try {
      return (text === '' ? undefined : JSON.parse(text)) as T;
    } catch (error) {
      throw new ApiError(status, 'NotJson', `${method} ${path} answered no JSON`, error);
    }
  }

  /**
   * One watch. Resolves when the server ends it; rejects with `ApiError` when it cannot be opened, breaks, is silent for too long or reports an
   * error (410: the version is too old, list again).
   */
  async watch<T extends Stored>(
    of: Resource<T>,
    query: Query,
    signal: AbortSignal,
    on: (event: WatchEvent<T>) => void,
  ): Promise<void> {
    const path = pathOf(of);
    let rest = '';
    const take = (line: string) => {
      if (line.trim() === '') return;
      let event: WatchEvent<T>;
      try {
        event = JSON.parse(line) as WatchEvent<T>;
      } catch (error) {
        throw new ApiError(200, 'NotJson', `watch ${path} sent a line that is no JSON`, error);
      }
      if (event.type !== 'ERROR') return on(event);
      const object = event.object as unknown as { code?: number; reason?: string; message?: string };
      throw new ApiError(object.code ?? 500, object.reason ?? '', object.message ?? 'the watch failed');
    };
    const options = { query: { ...query, watch: true, allowWatchBookmarks: true }, signal };
    const status = await this.#ask('GET', path, options, WATCH_SILENCE, (more, status) => {
      rest += more;
      if (status !== 200) return;
      const lines = rest.split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) take(line);
    });
    if (status !== 200) throw failure(status, rest);
  }

  get<T extends Stored>(of: Resource<T>, namespace: string | undefined, name: string): Promise<T> {
    return this.call<T>('GET', pathOf(of, namespace, name));
  }

  /** The object, or undefined where there is none. */
  async find<T extends Stored>(of: Resource<T>, namespace: string | undefined, name: string): Promise<T | undefined> {
    try {
      return await this.get(of, namespace, name);
    } catch (error) {
      if (isStatus(error, 404)) return undefined;
      throw error;
    }
  }

  /** All objects, read in pages, and the version from which a watch goes on. */
  async list<T extends Stored>(
    of: Resource<T>,
    namespace?: string,
    query: Query = {},
  ): Promise<{ items: T[]; resourceVersion: string }> {
    const items: T[] = [];
    let page: { items: T[] | null; metadata: { resourceVersion: string; continue?: string } };
    let next: string | undefined;
    do {
      page = await this.call('GET', pathOf(of, namespace), { query: { limit: 500, ...query, continue: next } });
      items.push(...(page.items ?? []));
      next = page.metadata.continue || undefined;
    } while (next);
    return { items, resourceVersion: page.metadata.resourceVersion };
  }

  create<T extends Stored>(of: Resource<T>, namespace: string | undefined, body: unknown): Promise<T> {
    return this.call<T>('POST', pathOf(of, namespace), {
      body: { apiVersion: of.apiVersion, kind: of.kind, ...(body as object) },
    });
  }

  update<T extends Stored>(of: Resource<T>, object: T, subresource?: string): Promise<T> {
    const { namespace, name } = object.metadata;
    return this.call<T>('PUT', pathOf(of, namespace, name, subresource), {
      body: { ...object, apiVersion: of.apiVersion, kind: of.kind },
    });
  }

  /** JSON merge patch: maps are merged, null removes, lists are replaced. */
  patch<T extends Stored>(of: Resource<T>, object: Stored, patch: unknown, subresource?: string): Promise<T> {
    return this.call<T>('PATCH', pathOf(of, object.metadata.namespace, object.metadata.name, subresource), {
      body: patch,
      contentType: 'application/merge-patch+json',
    });
  }

  /** Asks for deletion. Answers what the server answered: the object, if it stays for its finalizers, or a Status. */
  delete(of: Resource, object: Stored, options: DeleteOptions = {}): Promise<unknown> {
    return this.call('DELETE', pathOf(of, object.metadata.namespace, object.metadata.name), {
      body: { apiVersion: 'v1', kind: 'DeleteOptions', ...options },
    });
  }

  close(): void {
    this.#session.close();
  }
}
