/** A client of the Kubernetes API over HTTPS: JSON calls and watches, one bearer token, no cache. */
import { Agent, request as httpsRequest } from 'node:https';
import { StringDecoder } from 'node:string_decoder';
import { pathOf, type Resource } from './resources.ts';
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

/** How long one call may take; watches are bounded by their `timeoutSeconds`. */
const CALL_TIMEOUT_MS = 30_000;
/** A watch sends a bookmark a minute on a real server; beyond this silence its connection counts as dead. */
const WATCH_SILENCE_MS = 90_000;

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

/** One identity towards one API server. `close` ends its idle connections; watches end by their signal. */
export class Client {
  readonly server: URL;
  readonly #options: ClientOptions;
  readonly #calls: Agent;
  readonly #watches: Agent;

  constructor(options: ClientOptions) {
    this.#options = options;
    this.server = new URL(options.server);
    this.#calls = new Agent({ keepAlive: true, maxSockets: 16, ca: options.caPem });
    this.#watches = new Agent({ keepAlive: false, ca: options.caPem });
  }

  #open(method: string, path: string, options: CallOptions & { agent: Agent; timeout: number }) {
    const body = options.body === undefined ? undefined : JSON.stringify(options.body);
    return {
      body,
      request: httpsRequest({
        host: this.server.hostname,
        port: this.server.port,
        method,
        path: path + search(options.query),
        agent: options.agent,
        timeout: options.timeout,
        ...(options.signal && { signal: options.signal }),
        headers: {
          authorization: `Bearer ${this.#options.token}`,
          accept: 'application/json',
          'user-agent': this.#options.userAgent,
          ...(body !== undefined && {
            'content-type': options.contentType ?? 'application/json',
            'content-length': Buffer.byteLength(body),
          }),
        },
      }),
    };
  }

  /** One call. A GET whose kept connection was closed meanwhile is asked once more. */
  async call<T>(method: string, path: string, options: CallOptions = {}): Promise<T> {
    try {
      return await this.#once<T>(method, path, options);
    } catch (error) {
      const stale = error instanceof ApiError && error.status === 0 && error.reason === 'ECONNRESET';
      if (method !== 'GET' || !stale) throw error;
      return this.#once<T>(method, path, options);
    }
  }

  #once<T>(method: string, path: string, options: CallOptions): Promise<T> {
    return new Promise((resolve, reject) => {
      const { request, body } = this.#open(method, path, { ...options, agent: this.#calls, timeout: CALL_TIMEOUT_MS });
      const lost = (error: NodeJS.ErrnoException) =>
        reject(new ApiError(0, error.code ?? 'Error', `${method} ${path}: ${error.message}`, error));
      request.on('timeout', () => request.destroy(new Error(`no answer in ${CALL_TIMEOUT_MS} ms`)));
      request.on('error', lost);
      request.on('response', (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', lost);
        response.on('end', () => {
          const text = Buffer.concat(chunks).toString('utf8');
          const status = response.statusCode ?? 0;
          if (status >= 400) return reject(failure(status, text));
          try {
            resolve((text === '' ? undefined : JSON.parse(text)) as T);
          } catch (error) {
            reject(new ApiError(status, 'NotJson', `${method} ${path} answered no JSON`, error));
          }
        });
      });
      request.end(body);
    });
  }

  /**
   * One watch. Resolves when the server ends it; rejects with `ApiError` when it cannot be opened, breaks, is silent for too long or reports an
   * error (410: the version is too old, list again).
   */
  watch<T extends Stored>(
    of: Resource<T>,
    query: Query,
    signal: AbortSignal,
    on: (event: WatchEvent<T>) => void,
  ): Promise<void> {
    return new Promise((resolve, reject) => {
      const path = pathOf(of);
      const { request } = this.#open('GET', path, {
        query: { ...query, watch: true, allowWatchBookmarks: true },
        agent: this.#watches,
        timeout: WATCH_SILENCE_MS,
        signal,
      });
      const fail = (error: ApiError) => {
        reject(error);
        request.destroy();
      };
      const lost = (error: NodeJS.ErrnoException) =>
        fail(new ApiError(0, error.code ?? 'Error', `watch ${path}: ${error.message}`, error));
      request.on('timeout', () => lost(new Error(`silent for ${WATCH_SILENCE_MS} ms`)));
      request.on('error', lost);
      request.on('response', (response) => {
        const status = response.statusCode ?? 0;
        const decoder = new StringDecoder('utf8');
        let rest = '';
        const take = (line: string) => {
          if (line.trim() === '') return;
          const event = JSON.parse(line) as WatchEvent<T>;
          if (event.type !== 'ERROR') return on(event);
          const object = event.object as unknown as { code?: number; reason?: string; message?: string };
          fail(new ApiError(object.code ?? 500, object.reason ?? '', object.message ?? 'the watch failed'));
        };
        response.on('data', (chunk: Buffer) => {
          rest += decoder.write(chunk);
          if (status !== 200) return;
          const lines = rest.split('\n');
          rest = lines.pop() ?? '';
          try {
            for (const line of lines) take(line);
          } catch (error) {
            fail(new ApiError(status, 'NotJson', `watch ${path} sent a line that is no JSON`, error));
          }
        });
        response.on('error', lost);
        response.on('end', () => (status === 200 ? resolve() : fail(failure(status, rest))));
      });
      request.end();
    });
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
    this.#calls.destroy();
    this.#watches.destroy();
  }
}
