/** The kubelet: one process that plays every node of the cluster, and runs the pods bound to them. */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client, isStatus } from '../controllers/machinery/client.ts';
import { conditionOf } from '../controllers/machinery/conditions.ts';
import { eventRecorder } from '../controllers/machinery/events.ts';
import { Informer } from '../controllers/machinery/informer.ts';
import { configMaps, nodes, pods, secrets } from '../controllers/machinery/resources.ts';
import type { Condition, Node, Pod } from '../controllers/machinery/types.ts';
import { Addresses } from './addresses.ts';
import type { Identity } from './certificates.ts';
import type { Sources } from './environment.ts';
import type { KnownImage } from './images.ts';
import { isolationFault } from './isolation.ts';
import { nodeStatus, RENEW_MS, renewLease, reportNode } from './nodes.ts';
import { type PodServices, PodWorker } from './pod-worker.ts';
import { removeTree } from './remove-tree.ts';
import type { Backoff } from './restart.ts';
import { startKubeletServer } from './server.ts';
import { Stats } from './stats.ts';
import { Tether } from './tether.ts';

export interface KubeletOptions {
  server: string;
  caPem: string;
  /** A token that may read what pods need, write their status and ask for their tokens. */
  token: string;
  /** Its serving certificate, signed by the cluster's authority. */
  identity: Identity;
  /** Folder for pods' volumes, logs and homes. */
  dir: string;
  /** First two bytes of a loopback network: `127.42`. */
  podNetwork: string;
  /** Images that are programs of this machine, by exact reference or repository. */
  images: Record<string, KnownImage>;
  /** `1.35`: shown as the nodes' version. */
  version: string;
  /** `process`: dev pods are plain processes even where namespaces could be made. */
  isolation?: 'process';
  /** Restart back-off; default 10 s doubling to 5 min, as a real kubelet. */
  backoff?: Partial<Backoff>;
  /** How often mounted secrets, config maps and tokens are looked at; default 60 s. */
  refreshMs?: number;
  log?: (line: string) => void;
}

export interface Kubelet {
  /** Base URL of the kubelet's API (container logs, streams). */
  url: string;
  /** Ends all processes, each within `graceMs`; the pods stay in the API and are started again by the next kubelet. */
  stop(graceMs?: number): Promise<void>;
}

function sourcesOf(client: Client): Sources {
  return {
    async configMap(namespace, name) {
      const map = await client.find(configMaps, namespace, name);
      if (map === undefined) return undefined;
      const binary = Object.entries(map.binaryData ?? {}).map(
        ([key, value]) => [key, Buffer.from(value, 'base64')] as const,
      );
      return { ...map.data, ...Object.fromEntries(binary) };
    },
    async secret(namespace, name) {
      const secret = await client.find(secrets, namespace, name);
      if (secret === undefined) return undefined;
      return Object.fromEntries(
        Object.entries(secret.data ?? {}).map(([key, value]) => [key, Buffer.from(value, 'base64')]),
      );
    },
  };
}

export async function startKubelet(options: KubeletOptions): Promise<Kubelet> {
  const { server, caPem, token, dir, log = () => undefined } = options;
  const client = new Client({ server, caPem, token, userAgent: 'kubelet' });
  const { recordAs, flush } = eventRecorder(client);
  const tether = new Tether(join(dir, 'pids'));
  const addresses = new Addresses(options.podNetwork);
  const podsDir = join(dir, 'pods');
  const workers = new Map<string, PodWorker>();
  const abort = new AbortController();
  // Tried with the first dev pod, not at every start.
  let fault: Promise<string | undefined> | undefined;
  const findFault = async () => {
    const found = options.isolation === 'process' ? 'it is switched off' : await isolationFault(dir);
    if (found) log(`dev pods are plain processes, not kept apart from this machine: ${found}`);
    return found;
  };
  const services: PodServices = {
    client,
    record: recordAs('kubelet'),
    tether,
    sources: sourcesOf(client),
    images: options.images,
    isolationFault: () => (fault ??= findFault()),
    backoff: { baseMs: 10_000, maxMs: 300_000, resetMs: 600_000, ...options.backoff },
    refreshMs: options.refreshMs ?? 60_000,
    log,
  };
  const nodeInformer = new Informer(client, nodes, { log });
  const podInformer = new Informer(client, pods, { log, query: { fieldSelector: 'spec.nodeName!=' } });
  const find = (namespace: string, name: string) => {
    const pod = podInformer.get(`${namespace}/${name}`);
    return pod && workers.get(pod.metadata.uid)?.access;
  };
  const api = await startKubeletServer({
    identity: options.identity,
    find,
    tether,
    stats: new Stats(),
    running: () => [...workers.values()].map(({ pod, access }) => ({ metadata: pod.metadata, access })),
  });

  const nodeIP = (node: Node): string => {
    const before = node.status?.addresses?.find(({ type }) => type === 'InternalIP')?.address;
    return addresses.forNode(node.metadata.name, before);
  };
  const describe = (node: Node) => nodeStatus(node, nodeIP(node), api.port, `v${options.version}.0-eks-embedded`);
  const isServed = new Set<string>();
  async function serve(node: Node): Promise<void> {
    api.listenOn(nodeIP(node));
    try {
      await reportNode(client, node, describe(node));
      await renewLease(client, node);
    } catch (error) {
      isServed.delete(node.metadata.uid);
      if (!isStatus(error, 404)) log(`node ${node.metadata.name}: ${(error as Error).message}`);
    }
  }
  nodeInformer.on(({ type, object }) => {
    const { uid, name } = object.metadata;
    if (type === 'deleted') {
      isServed.delete(uid);
      addresses.release(name);
      return;
    }
    const ready = conditionOf(object.status?.conditions as Condition[] | undefined, 'Ready')?.status === 'True';
    if (isServed.has(uid) && ready) return;
    isServed.add(uid);
    void serve(object);
  });
  async function heartbeats(): Promise<void> {
    while (!abort.signal.aborted) {
      await sleep(RENEW_MS, undefined, { signal: abort.signal }).catch(() => undefined);
      if (abort.signal.aborted) return;
      for (const node of nodeInformer.list()) {
        // A machine that slept finds its nodes Unknown: served anew.
        if (!isServed.has(node.metadata.uid)) await serve(node);
        await renewLease(client, node).catch((error) => log(`node ${node.metadata.name}: ${(error as Error).message}`));
      }
    }
  }

  function begin(pod: Pod): void {
    const { uid } = pod.metadata;
    const node = nodeInformer.get(pod.spec.nodeName ?? '');
    if (pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed') {
      if (pod.metadata.deletionTimestamp)
        void client.delete(pods, pod, { gracePeriodSeconds: 0 }).catch(() => undefined);
      return;
    }
    const hostIP = node ? nodeIP(node) : '127.0.0.1';
    const podIP = pod.spec.hostNetwork === true ? hostIP : addresses.forPod(uid, pod.status?.podIP);
    const worker = new PodWorker(services, { dir: join(podsDir, uid), podIP, hostIP }, pod);
    workers.set(uid, worker);
    worker.start();
  }
  function finish(pod: Pod): void {
    const { uid } = pod.metadata;
    const worker = workers.get(uid);
    workers.delete(uid);
    // Removed without waiting for us: the grace was given up by whoever did that.
    void Promise.resolve(worker?.end(0, true)).then(() => addresses.release(uid));
  }

  nodeInformer.start();
  podInformer.start();
  await Promise.all([nodeInformer.synced, podInformer.synced]);
  // The addresses that pods have are theirs before a new pod may ask.
  for (const pod of podInformer.list())
    if (!pod.spec.hostNetwork && pod.status?.podIP) addresses.forPod(pod.metadata.uid, pod.status.podIP);
  const known = new Set(podInformer.list().map((pod) => pod.metadata.uid));
  for (const uid of await readdir(podsDir).catch(() => [] as string[])) {
    if (!known.has(uid)) await removeTree(join(podsDir, uid));
  }
  podInformer.on(({ type, object }) => {
    if (type === 'deleted') return finish(object);
    const worker = workers.get(object.metadata.uid);
    if (worker) worker.update(object);
    else begin(object);
  });
  const beating = heartbeats();

  return {
    url: api.url,
    async stop(graceMs = 2_000) {
      abort.abort();
      await Promise.all([nodeInformer.stop(), podInformer.stop(), beating]);
      await Promise.all([...workers.values()].map((worker) => worker.end(graceMs, false)));
      await tether.stop();
      await api.stop();
      await flush();
      client.close();
    },
  };
}
