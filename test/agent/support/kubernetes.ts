/** A small Kubernetes API over https, in memory: objects by path, lists in pages, watches, merge patches, conflicts. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { certificate } from './certificate.ts';

export interface StoredObject {
  apiVersion?: string;
  kind?: string;
  metadata: {
    name: string;
    namespace?: string;
    uid?: string;
    resourceVersion?: string;
    labels?: Record<string, string>;
    deletionTimestamp?: string;
  };
  [field: string]: unknown;
}

interface Change {
  readonly version: number;
  readonly collection: string;
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  readonly object: StoredObject;
}

export interface FakeKubernetes {
  readonly host: string;
  readonly port: number;
  readonly serviceAccountDir: string;
  /** `METHOD path?query` of each request. */
  readonly requests: string[];
  /** Answers instead of the store: a status code, or nothing to go on. */
  refuse: (method: string, path: string) => number | undefined;
  /** Whether SelfSubjectAccessReview answers yes. */
  mayDrain: boolean;
  /** Deleted objects stay, marked as terminating. */
  heldBack: (object: StoredObject) => boolean;
  /** `/api/v1/namespaces/NS/secrets/NAME`; creates or replaces. */
  put(path: string, object: Omit<StoredObject, 'metadata'> & { metadata?: Partial<StoredObject['metadata']> }): void;
  get(path: string): StoredObject | undefined;
  remove(path: string): void;
  /** The decoded value of a Secret's key. */
  secret(path: string, key: string): string | undefined;
  /** Forgets the history of changes: watches from before get 410. */
  compact(): void;
  /** When anything last happened on the network (performance.now()). */
  activity: number;
  /** Ends all streams. */
  cutWatches(): void;
  watches(): number;
  stop(): Promise<void>;
}

const OBJECT = /^(\/api\/v1|\/apis\/[^/]+\/[^/]+)(\/namespaces\/[^/]+)?\/([a-z]+)\/([^/]+)$/;
/** The collection over all namespaces that an object or a namespaced collection belongs to, and its namespace. */
const COLLECTION = /^(\/api\/v1|\/apis\/[^/]+\/[^/]+)(?:\/namespaces\/([^/]+))?\/([a-z]+)$/;

const merge = (into: Record<string, unknown>, patch: Record<string, unknown>): Record<string, unknown> => {
  const result = { ...into };
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete result[key];
    else if (typeof value === 'object' && !Array.isArray(value)) {
      result[key] = merge((result[key] ?? {}) as Record<string, unknown>, value as Record<string, unknown>);
    } else result[key] = value;
  }
  return result;
};

export const startKubernetes = async (): Promise<FakeKubernetes> => {
  const { key, cert } = certificate();
  const directory = await mkdtemp(join(tmpdir(), 'roadstead-agent-test-'));
  await writeFile(join(directory, 'ca.crt'), cert);
  await writeFile(join(directory, 'token'), 'service-account-token\n');

  const objects = new Map<string, StoredObject>();
  const streams = new Set<{ response: ServerResponse; collection: string }>();
  let history: Change[] = [];
  let version = 100;
  let oldest = 0;

  const collectionOf = (path: string) => {
    const [, group, , resource] = OBJECT.exec(path) ?? [];
    return `${group}/${resource}`;
  };
  const line = (change: Change) => `${JSON.stringify({ type: change.type, object: change.object })}\n`;
  const record = (path: string, type: Change['type'], object: StoredObject) => {
    const change = { version, collection: collectionOf(path), type, object };
    history.push(change);
    fake.activity = performance.now();
    for (const stream of streams) if (stream.collection === change.collection) stream.response.write(line(change));
  };
  const write = (path: string, object: StoredObject) => {
    const before = objects.get(path);
    version++;
    const stored: StoredObject = {
      ...object,
      metadata: {
        ...object.metadata,
        uid: object.metadata.uid ?? before?.metadata.uid ?? `uid-${version}`,
        resourceVersion: String(version),
      },
    };
    objects.set(path, stored);
    record(path, before ? 'MODIFIED' : 'ADDED', stored);
    return stored;
  };
  const remove = (path: string) => {
    const object = objects.get(path);
    if (!object) return;
    version++;
    objects.delete(path);
    record(path, 'DELETED', { ...object, metadata: { ...object.metadata, resourceVersion: String(version) } });
  };

  const send = (response: ServerResponse, status: number, body: unknown) => {
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(JSON.stringify(body));
  };
  const fail = (response: ServerResponse, status: number, reason: string) =>
    send(response, status, { kind: 'Status', status: 'Failure', code: status, reason, message: `refused: ${reason}` });

  const list = (response: ServerResponse, path: string, query: URLSearchParams) => {
    const [, group, namespace, resource] = COLLECTION.exec(path) ?? [];
    const all = [...objects.entries()]
      .filter(
        ([at, object]) =>
          collectionOf(at) === `${group}/${resource}` && (!namespace || object.metadata.namespace === namespace),
      )
      .map(([, object]) => object);
    const from = Number(query.get('continue') ?? 0);
    const to = from + Number(query.get('limit') ?? all.length);
    const more = to < all.length ? { continue: String(to) } : {};
    send(response, 200, { metadata: { resourceVersion: String(version), ...more }, items: all.slice(from, to) });
  };

  const watch = (response: ServerResponse, path: string, query: URLSearchParams) => {
    const from = Number(query.get('resourceVersion'));
    response.writeHead(200, { 'content-type': 'application/json' });
    response.flushHeaders();
    if (from < oldest) {
      response.end(`${JSON.stringify({ type: 'ERROR', object: { kind: 'Status', code: 410, message: 'too old' } })}\n`);
      return;
    }
    for (const change of history) if (change.collection === path && change.version > from) response.write(line(change));
    const stream = { response, collection: path };
    streams.add(stream);
    response.on('close', () => streams.delete(stream));
  };

  const fake: FakeKubernetes = {
    host: '127.0.0.1',
    port: 0,
    serviceAccountDir: directory,
    requests: [],
    activity: 0,
    refuse: () => undefined,
    mayDrain: true,
    heldBack: () => false,
    put: (path, object) => {
      const [, , namespace, , name = ''] = OBJECT.exec(path) ?? [];
      const place = namespace ? { namespace: namespace.split('/')[2] ?? '' } : {};
      write(path, { ...object, metadata: { name, ...place, ...object.metadata } });
    },
    get: (path) => objects.get(path),
    remove,
    secret: (path, name) => {
      const value = (objects.get(path)?.data as Record<string, string> | undefined)?.[name];
      return value === undefined ? undefined : Buffer.from(value, 'base64').toString();
    },
    compact: () => {
      history = [];
      oldest = ++version;
    },
    cutWatches: () => {
      for (const { response } of streams) response.end();
    },
    watches: () => streams.size,
    stop: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await rm(directory, { recursive: true, force: true });
    },
  };

  const change = async (request: IncomingMessage, response: ServerResponse, path: string) => {
    let text = '';
    for await (const chunk of request) text += chunk;
    const body = (text === '' ? {} : JSON.parse(text)) as StoredObject;
    const before = objects.get(path);
    if (request.method === 'POST') {
      if (path.endsWith('/selfsubjectaccessreviews'))
        return send(response, 201, { status: { allowed: fake.mayDrain } });
      const at = `${path}/${body.metadata.name}`;
      return objects.has(at) ? fail(response, 409, 'AlreadyExists') : send(response, 201, write(at, body));
    }
    if (!before) return fail(response, 404, 'NotFound');
    if (request.method === 'PUT') {
      const expected = body.metadata.resourceVersion;
      const conflict = expected !== undefined && expected !== before.metadata.resourceVersion;
      return conflict ? fail(response, 409, 'Conflict') : send(response, 200, write(path, body));
    }
    if (request.method === 'PATCH') {
      if (request.headers['content-type'] !== 'application/merge-patch+json')
        return fail(response, 415, 'UnsupportedMediaType');
      return send(response, 200, write(path, merge(before, body) as StoredObject));
    }
    if (fake.heldBack(before)) write(path, { ...before, metadata: { ...before.metadata, deletionTimestamp: 'now' } });
    else remove(path);
    return send(response, 200, { kind: 'Status', status: 'Success' });
  };

  const server = createServer({ key, cert }, (request, response) => {
    const method = request.method ?? '';
    const { pathname: path, searchParams: query } = new URL(request.url ?? '', 'https://kubernetes');
    fake.activity = performance.now();
    fake.requests.push(`${method} ${request.url}`);
    if (request.headers.authorization !== 'Bearer service-account-token') return fail(response, 401, 'Unauthorized');
    const refused = fake.refuse(method, path);
    if (refused) return fail(response, refused, refused === 403 ? 'Forbidden' : 'InternalError');
    if (path === '/version') return send(response, 200, { gitVersion: 'v1.35.2' });
    if (method !== 'GET') return void change(request, response, path);
    if (query.get('watch') === 'true') return watch(response, path, query);
    if (COLLECTION.test(path)) return list(response, path, query);
    const object = objects.get(path);
    return object ? send(response, 200, object) : fail(response, 404, 'NotFound');
  });
  const note = () => {
    fake.activity = performance.now();
  };
  server.on('connection', note).on('secureConnection', note);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  Object.assign(fake, { port: (server.address() as AddressInfo).port });
  fake.put('/api/v1/namespaces/kube-system', { metadata: { uid: 'cluster-one' } });
  return fake;
};
