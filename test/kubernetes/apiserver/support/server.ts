/** A running API server for a test, and a plain HTTPS client of it. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { Agent, request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ApiServerOptions, startApiServer } from '#local/kubernetes/apiserver/server.ts';

export const ADMIN = 'admin-token-for-tests';
const COMPONENT = 'component-token-for-tests';

// biome-ignore lint/suspicious/noExplicitAny: bodies of the API are open JSON.
type Body = any;

export interface Answer {
  status: number;
  headers: IncomingMessage['headers'];
  body: Body;
  text: string;
}

export interface CallOptions {
  /** A bearer token; null: none. */
  as?: string | null;
  /** A client certificate; without a token unless `as` names one. */
  certificate?: { certPem: string; keyPem: string };
  headers?: Record<string, string>;
  type?: string;
}

export interface WatchEvent {
  type: string;
  object: Body;
}

export interface TestServer {
  url: string;
  caPem: string;
  admin: { certPem: string; keyPem: string };
  dir: string;
  kubeconfig: string;
  call(method: string, path: string, body?: unknown, options?: CallOptions): Promise<Answer>;
  get(path: string, options?: CallOptions): Promise<Answer>;
  post(path: string, body: unknown, options?: CallOptions): Promise<Answer>;
  put(path: string, body: unknown, options?: CallOptions): Promise<Answer>;
  del(path: string, body?: unknown, options?: CallOptions): Promise<Answer>;
  merge(path: string, body: unknown, options?: CallOptions): Promise<Answer>;
  apply(path: string, manager: string, body: unknown, more?: string): Promise<Answer>;
  /** Collects `wanted` events of a watch, or those that come until it ends or `ms` are over. */
  watch(path: string, wanted: number, ms?: number, options?: CallOptions): Promise<WatchEvent[]>;
  /** A namespace with its default service account, as the controllers would make it. */
  namespace(name: string): Promise<string>;
  restart(): Promise<void>;
  stop(): Promise<void>;
}

export async function testServer(more: Partial<ApiServerOptions> = {}): Promise<TestServer> {
  const dir = mkdtempSync(join(tmpdir(), 'apiserver-'));
  const options: ApiServerOptions = {
    dir,
    version: '1.35',
    adminToken: ADMIN,
    components: { agent: { token: COMPONENT, user: 'component', groups: ['components'] } },
    ...more,
  };
  let server = await startApiServer(options);
  const agent = new Agent({ keepAlive: true, ca: server.caPem });

  const open = (
    method: string,
    path: string,
    body: unknown,
    { as, headers, type, certificate }: CallOptions,
    done: (response: IncomingMessage) => void,
    fail: (error: Error) => void,
  ) => {
    const content =
      body === undefined ? undefined : typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body);
    const token = as === undefined ? (certificate ? null : ADMIN) : as;
    const sent = request(new URL(path, server.url), {
      method,
      agent: certificate ? false : agent,
      ...(certificate && { ca: server.caPem, cert: certificate.certPem, key: certificate.keyPem }),
      headers: {
        'user-agent': 'tester/1.0',
        ...(token && { authorization: `Bearer ${token}` }),
        ...(content !== undefined && {
          'content-type': type ?? 'application/json',
          'content-length': Buffer.byteLength(content),
        }),
        ...headers,
      },
    });
    sent.on('response', done).on('error', fail).end(content);
    return sent;
  };

  const self: TestServer = {
    url: server.url,
    caPem: server.caPem,
    admin: server.admin,
    dir,
    kubeconfig: join(dir, 'kubeconfig'),
    call: (method, path, body, callOptions = {}) =>
      new Promise((done, fail) => {
        open(
          method,
          path,
          body,
          callOptions,
          async (response) => {
            const text = Buffer.concat(await response.toArray()).toString();
            let parsed: Body;
            try {
              parsed = JSON.parse(text);
            } catch {
              parsed = undefined;
            }
            done({ status: response.statusCode ?? 0, headers: response.headers, body: parsed, text });
          },
          fail,
        );
      }),
    get: (path, callOptions) => self.call('GET', path, undefined, callOptions),
    post: (path, body, callOptions) => self.call('POST', path, body, callOptions),
    put: (path, body, callOptions) => self.call('PUT', path, body, callOptions),
    del: (path, body, callOptions) => self.call('DELETE', path, body, callOptions),
    merge: (path, body, callOptions) =>
      self.call('PATCH', path, body, { type: 'application/merge-patch+json', ...callOptions }),
    apply: (path, manager, body, extra = '') =>
      self.call('PATCH', `${path}?fieldManager=${manager}${extra}`, body, { type: 'application/apply-patch+yaml' }),
    watch: (path, wanted, ms = 5000, callOptions = {}) =>
      new Promise((done, fail) => {
        const events: WatchEvent[] = [];
        let rest = '';
        const sent = open(
          'GET',
          path,
          undefined,
          callOptions,
          (response) => {
            const end = () => {
              clearTimeout(timer);
              sent.destroy();
              done(events);
            };
            const timer = setTimeout(end, ms);
            response.setEncoding('utf8');
            response.on('data', (chunk: string) => {
              const lines = (rest + chunk).split('\n');
              rest = lines.pop() ?? '';
              for (const line of lines) if (line) events.push(JSON.parse(line));
              if (events.length >= wanted) end();
            });
            response.on('end', end).on('error', () => {});
          },
          fail,
        );
      }),
    async namespace(name) {
      await self.post('/api/v1/namespaces', { metadata: { name } });
      await self.post(`/api/v1/namespaces/${name}/serviceaccounts`, { metadata: { name: 'default' } });
      return `/api/v1/namespaces/${name}`;
    },
    async restart() {
      await server.stop();
      server = await startApiServer(options);
      self.url = server.url;
    },
    async stop() {
      agent.destroy();
      await server.stop();
      rmSync(dir, { recursive: true, force: true });
    },
  };
  writeFileSync(
    self.kubeconfig,
    JSON.stringify({
      apiVersion: 'v1',
      kind: 'Config',
      'current-context': 'test',
      contexts: [{ name: 'test', context: { cluster: 'test', user: 'admin' } }],
      clusters: [
        {
          name: 'test',
          cluster: { server: server.url, 'certificate-authority-data': Buffer.from(server.caPem).toString('base64') },
        },
      ],
      users: [{ name: 'admin', user: { token: ADMIN } }],
    }),
    { mode: 0o600 },
  );
  return self;
}

/** Asks again until the answer is right; the last answer otherwise, for the test to complain of. */
export const until = async <T>(ask: () => Promise<T>, right: (answer: T) => boolean): Promise<T> => {
  for (let tries = 0; tries < 100; tries++) {
    const answer = await ask();
    if (right(answer)) return answer;
    await new Promise((done) => setTimeout(done, 20));
  }
  throw new Error('it did not become true');
};

export const componentToken = COMPONENT;
