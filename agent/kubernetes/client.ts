/** The Kubernetes API over node:https, as much of it as the agent needs: client-node alone would take its whole memory budget (kubernetes.md finding 11). */
import { readFile } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import https from 'node:https';
import { join } from 'node:path';

const TIMEOUT_MS = 30_000;
/** The kubelet renews the token minutes before its end. */
const TOKEN_MS = 10_000;

/** An answer that is not 2xx. `status` is the HTTP code, `reason` Kubernetes' word for it (`NotFound`, `Conflict`, …). */
export class KubernetesError extends Error {
  readonly status: number;
  readonly reason: string;
  constructor(status: number, reason: string, message: string) {
    super(message);
    this.name = 'KubernetesError';
    this.status = status;
    this.reason = reason;
  }
}

export const hasStatus = (error: unknown, status: number): boolean =>
  error instanceof KubernetesError && error.status === status;

export interface Metadata {
  readonly name: string;
  readonly namespace?: string;
  readonly uid: string;
  readonly resourceVersion: string;
  readonly deletionTimestamp?: string;
  readonly finalizers?: readonly string[];
  readonly generation?: number;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}
export interface Item {
  readonly metadata: Metadata;
}

interface Page<T> {
  readonly metadata: { readonly resourceVersion: string; readonly continue?: string };
  readonly items: readonly T[];
}

export interface Query {
  readonly [name: string]: string | number | boolean | undefined;
}
export interface RequestOptions {
  readonly query?: Query;
  readonly body?: unknown;
  readonly contentType?: string;
  readonly signal?: AbortSignal;
}

export interface Kubernetes {
  /** One request, JSON both ways. Throws KubernetesError for an answer that is not 2xx. */
  request<T>(method: string, path: string, options?: RequestOptions): Promise<T>;
  /** An answer that is no JSON: the log of a container. Throws KubernetesError as `request` does. */
  text(path: string, options?: RequestOptions): Promise<string>;
  /** The pages of a list, 100 objects each, with the resourceVersion to watch from. */
  pages<T extends Item>(
    path: string,
    signal?: AbortSignal,
    query?: Query,
  ): AsyncGenerator<{ items: readonly T[]; version: string }>;
  /** The lines of a streamed answer (a watch), until the server ends it. */
  lines(path: string, query: Query, signal: AbortSignal): AsyncGenerator<string>;
  /** Drops idle connections. */
  close(): void;
}

export interface KubernetesOptions {
  readonly host: string;
  readonly port: number;
  /** The service account's folder: `token` is read again and again, as the kubelet renews it; `ca.crt` once. */
  readonly serviceAccountDir: string;
}

const text = async (response: IncomingMessage): Promise<string> => {
  response.setEncoding('utf8');
  let all = '';
  for await (const chunk of response) all += chunk;
  return all;
};

const failure = (status: number, body: string, what: string): KubernetesError => {
  try {
    const { reason, message } = JSON.parse(body) as { reason?: string; message?: string };
    if (message !== undefined) return new KubernetesError(status, reason ?? '', `${what}: ${message}`);
  } catch {
    // A proxy's page, or nothing: the code says enough.
  }
  return new KubernetesError(status, '', `${what}: the Kubernetes API answered ${status}`);
};

const withQuery = (path: string, query: Query): string => {
  const set = Object.entries(query).flatMap(([name, value]): [string, string][] =>
    value === undefined ? [] : [[name, String(value)]],
  );
  return set.length === 0 ? path : `${path}?${new URLSearchParams(set)}`;
};

export const connectKubernetes = async (options: KubernetesOptions): Promise<Kubernetes> => {
  // An agent of its own, so that a proxy meant for the way out never sees calls to the cluster's own API.
  const ca = await readFile(join(options.serviceAccountDir, 'ca.crt'));
  const agent = new https.Agent({ keepAlive: true, maxSockets: 8, proxyEnv: {}, ca });
  // Each watch holds a connection for minutes: they must not use up those of the calls.
  const streams = new https.Agent({ keepAlive: true, proxyEnv: {}, ca });

  let kept: { readonly token: string; readonly until: number } | undefined;
  const readToken = async (): Promise<string> => {
    if (kept && performance.now() < kept.until) return kept.token;
    const token = (await readFile(join(options.serviceAccountDir, 'token'), 'utf8')).trim();
    kept = { token, until: performance.now() + TOKEN_MS };
    return token;
  };

  const send = async (
    method: string,
    path: string,
    { body, contentType, signal }: RequestOptions,
    through: https.Agent = agent,
  ) => {
    const token = await readToken();
    const content = body === undefined ? undefined : JSON.stringify(body);
    const response = Promise.withResolvers<IncomingMessage>();
    const request = https.request({
      host: options.host,
      port: options.port,
      agent: through,
      method,
      path,
      ...(signal ? { signal } : {}),
      headers: {
        accept: 'application/json',
        authorization: `Bearer ${token}`,
        'user-agent': 'roadstead-agent',
        ...(content === undefined
          ? {}
          : { 'content-type': contentType ?? 'application/json', 'content-length': Buffer.byteLength(content) }),
      },
    });
    request.on('response', response.resolve).on('error', response.reject);
    request.end(content);
    return response.promise;
  };

  /** Its own timer and listener, taken back at the end: AbortSignal.timeout and .any would stay in memory for the whole limit. */
  const answer = async (method: string, path: string, given: RequestOptions): Promise<string> => {
    given.signal?.throwIfAborted();
    const ending = new AbortController();
    const abort = () => ending.abort(given.signal?.reason);
    const limit = setTimeout(
      () => ending.abort(new DOMException(`no answer within ${TIMEOUT_MS / 1000} s`, 'TimeoutError')),
      TIMEOUT_MS,
    );
    given.signal?.addEventListener('abort', abort, { once: true });
    try {
      const response = await send(method, withQuery(path, given.query ?? {}), { ...given, signal: ending.signal });
      const body = await text(response);
      const status = response.statusCode ?? 0;
      if (status < 200 || status > 299) throw failure(status, body, `${method} ${path}`);
      return body;
    } finally {
      clearTimeout(limit);
      given.signal?.removeEventListener('abort', abort);
    }
  };
  const request = async <T>(method: string, path: string, given: RequestOptions = {}): Promise<T> =>
    JSON.parse(await answer(method, path, given)) as T;

  return {
    request,
    text: (path, given = {}) => answer('GET', path, given),
    async *pages<T extends Item>(path: string, signal?: AbortSignal, query: Query = {}) {
      let token: string | undefined;
      do {
        const page: Page<T> = await request('GET', path, {
          query: { ...query, limit: 100, continue: token },
          ...(signal ? { signal } : {}),
        });
        yield { items: page.items, version: page.metadata.resourceVersion };
        token = page.metadata.continue || undefined;
      } while (token !== undefined);
    },
    async *lines(path, query, signal) {
      const response = await send('GET', withQuery(path, query), { signal }, streams);
      const status = response.statusCode ?? 0;
      if (status !== 200) throw failure(status, await text(response), `GET ${path}`);
      response.setEncoding('utf8');
      let rest = '';
      for await (const chunk of response) {
        const parts = (rest + chunk).split('\n');
        rest = parts.pop() ?? '';
        yield* parts.filter((part) => part !== '');
      }
    },
    close: () => {
      agent.destroy();
      streams.destroy();
    },
  };
};
