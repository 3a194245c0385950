/**
 * A control plane without nodes' own programs: an API server, our controllers, and a test that plays the kubelet.
 *
 * The API server is the embedded one, or the one whose kubeconfig KUBECONFIG_CONFORMANCE names (a bare one, as envtest starts it: our
 * controllers do the work; with CONFORMANCE_CONTROLLERS=theirs its own controllers do, which tests the tests). One set of controllers at a
 * time: `KUBECONFIG_CONFORMANCE=FILE vitest run --project kubernetes --no-file-parallelism test/kubernetes/controllers`.
 */
import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect } from 'vitest';
import { parse } from 'yaml';
import { startApiServer } from '#local/kubernetes/apiserver/server.ts';
import { type ControllersOptions, startControllers } from '#local/kubernetes/controllers/controllers.ts';
import { Client, isStatus } from '#local/kubernetes/controllers/machinery/client.ts';
import { discover } from '#local/kubernetes/controllers/machinery/discovery.ts';
import {
  events,
  namespaces,
  nodes,
  pathOf,
  pods,
  type Resource,
  serviceAccounts,
} from '#local/kubernetes/controllers/machinery/resources.ts';
import type { Node, Pod, PodSpec, Stored } from '#local/kubernetes/controllers/machinery/types.ts';

interface Access {
  server: string;
  caPem: string;
  token: string;
  controllersToken: string;
  stop: () => Promise<void>;
}

async function ofKubeconfig(path: string): Promise<Access> {
  const { clusters, users } = parse(await readFile(path, 'utf8')) as {
    clusters: { cluster: { server: string; 'certificate-authority-data'?: string } }[];
    users: { user: { token?: string } }[];
  };
  const [cluster, token] = [clusters[0]?.cluster, users[0]?.user.token];
  if (cluster?.['certificate-authority-data'] === undefined || token === undefined)
    throw new Error(
      `${path} (KUBECONFIG_CONFORMANCE): a cluster with its CA inside and a user with a token are needed`,
    );
  const caPem = Buffer.from(cluster['certificate-authority-data'], 'base64').toString();
  return { server: cluster.server, caPem, token, controllersToken: token, stop: async () => undefined };
}

async function embedded(dir: string): Promise<Access> {
  const [token, controllersToken] = [1, 2].map(() => randomBytes(16).toString('hex')) as [string, string];
  const user = 'system:serviceaccount:kube-system:controller-manager';
  const api = await startApiServer({
    dir: join(dir, 'apiserver'),
    version: '1.36',
    adminToken: token,
    components: { controllers: { token: controllersToken, user, groups: ['system:masters'] } },
  });
  return { server: api.url, caPem: api.caPem, token, controllersToken, stop: () => api.stop() };
}

const readyCondition = (status: string) => ({
  type: 'Ready',
  status,
  lastTransitionTime: new Date().toISOString().replace(/\.\d+/, ''),
});

export interface Space {
  name: string;
  create<T extends Stored>(of: Resource<T>, body: unknown): Promise<T>;
  get<T extends Stored>(of: Resource<T>, name: string): Promise<T>;
  find<T extends Stored>(of: Resource<T>, name: string): Promise<T | undefined>;
  list<T extends Stored>(of: Resource<T>): Promise<T[]>;
  names(of: Resource): Promise<string[]>;
  patch<T extends Stored>(of: Resource<T>, name: string, patch: unknown, subresource?: string): Promise<T>;
  remove(of: Resource, name: string, options?: object): Promise<void>;
  /** `Warning FailedCreate: create Pod …` of the events about the object. */
  said(name: string): Promise<string[]>;
  /** What a kubelet says of a pod that runs and is ready, or is not. */
  runs(name: string, ready?: boolean): Promise<Pod>;
  /** What a kubelet does when the pod's processes have ended. */
  ended(name: string): Promise<void>;
}

export interface World {
  client: Client;
  caPem: string;
  space(labels?: Record<string, string>): Promise<Space>;
  /** A node that is ready; it goes with the world. */
  node(more?: {
    labels?: Record<string, string>;
    spec?: Node['spec'];
    allocatable?: Record<string, string>;
  }): Promise<string>;
  removeNode(name: string): Promise<void>;
  /** Versions of all objects of a namespace, leases and events aside. */
  versions(namespace: string): Promise<Record<string, string>>;
}

/** Waits until `what` is so. */
export const eventually = <T>(what: () => Promise<T>) => expect.poll(what, { timeout: 20_000, interval: 25 });

/** A container spec that no real kubelet is needed for. */
export const podSpec = (more: Partial<PodSpec> = {}): PodSpec => ({
  containers: [{ name: 'main', image: 'main:1' }],
  ...more,
});

const suffix = () => randomBytes(4).toString('hex');

function spaceOf(client: Client, name: string): Space {
  const named = (object: string) => ({ metadata: { name: object, namespace: name } }) as Stored;
  return {
    name,
    create: (of, body) => client.create(of, name, body),
    get: (of, object) => client.get(of, name, object),
    find: (of, object) => client.find(of, name, object),
    list: async (of) => (await client.list(of, name)).items,
    names: async (of) => (await client.list(of, name)).items.map(({ metadata }) => metadata.name).sort(),
    patch: (of, object, patch, subresource) => client.patch(of, named(object), patch, subresource),
    remove: async (of, object, options) => void (await client.delete(of, named(object), options)),
    said: async (object) =>
      (await client.list(events, name)).items
        .filter(({ involvedObject }) => involvedObject.name === object)
        .map(({ type, reason, message }) => `${type} ${reason}: ${message}`),
    runs: (object, ready = true) =>
      client.patch(
        pods,
        named(object),
        {
          status: {
            phase: 'Running',
            podIP: `10.1.${Math.floor(Math.random() * 250)}.${1 + Math.floor(Math.random() * 250)}`,
            conditions: [readyCondition(ready ? 'True' : 'False')],
          },
        },
        'status',
      ),
    ended: async (object) => void (await client.delete(pods, named(object), { gracePeriodSeconds: 0 })),
  };
}

/** One world for all tests of a file. */
export function testWorld(options: Pick<ControllersOptions, 'nodeGraceMs'> = {}): () => World {
  let world: World | undefined;
  beforeAll(async () => {
    const dir = await mkdtemp(join(tmpdir(), 'roadstead-controllers-'));
    const given = process.env.KUBECONFIG_CONFORMANCE;
    const access = given === undefined ? await embedded(dir) : await ofKubeconfig(given);
    const { server, caPem } = access;
    const theirs = given !== undefined && process.env.CONFORMANCE_CONTROLLERS === 'theirs';
    const controllers = theirs
      ? undefined
      : await startControllers({
          server,
          caPem,
          token: access.controllersToken,
          volumesDir: join(dir, 'volumes'),
          ...options,
        });
    const client = new Client({ server, caPem, token: access.token, userAgent: 'test' });
    const made: string[] = [];
    const madeNodes: string[] = [];
    const removeNode = async (name: string) => {
      await client.call('DELETE', pathOf(nodes, undefined, name)).catch((error) => {
        if (!isStatus(error, 404)) throw error;
      });
    };
    world = {
      client,
      caPem,
      async space(labels = {}) {
        const name = `t-${suffix()}`;
        await client.create(namespaces, undefined, { metadata: { name, labels } });
        made.push(name);
        await eventually(() => client.find(serviceAccounts, name, 'default')).toBeDefined();
        return spaceOf(client, name);
      },
      async node({ labels = {}, spec = {}, allocatable = {} } = {}) {
        const name = `n-${suffix()}`;
        madeNodes.push(name);
        const metadata = { name, labels: { 'kubernetes.io/hostname': name, ...labels } };
        const node = await client.create(nodes, undefined, { metadata, spec });
        const room = { cpu: '2', memory: '4Gi', pods: '10', ...allocatable };
        const status = { capacity: room, allocatable: room, conditions: [readyCondition('True')] };
        await client.patch(nodes, node, { status }, 'status');
        return name;
      },
      removeNode,
      async versions(namespace) {
        const { kinds } = await discover(client);
        const found: Record<string, string> = {};
        for (const kind of kinds) {
          if (!kind.namespaced || !kind.verbs.includes('list') || kind.kind === 'Lease' || kind.kind === 'Event')
            continue;
          for (const { metadata } of (await client.list(kind, namespace)).items)
            found[`${kind.plural}/${metadata.name}`] = metadata.resourceVersion;
        }
        return found;
      },
    };
    return async () => {
      if (given !== undefined) {
        for (const name of madeNodes) await removeNode(name);
        for (const name of made) await client.call('DELETE', pathOf(namespaces, undefined, name));
      }
      client.close();
      await controllers?.stop();
      await access.stop();
      await rm(dir, { recursive: true, force: true });
    };
  });
  afterAll(() => {
    world = undefined;
  });
  return () => {
    if (!world) throw new Error('the world is not up');
    return world;
  };
}
