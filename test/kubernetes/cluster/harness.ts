/** A cluster in this process, and the few words that tests speak to it. */
import { mkdtemp, rm } from 'node:fs/promises';
import { get } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';
import { type ClusterSettings, startParts } from '#local/kubernetes/cluster-parts.ts';
import { Client } from '#local/kubernetes/controllers/machinery/client.ts';
import { events, nodes, pathOf, pods, type Resource } from '#local/kubernetes/controllers/machinery/resources.ts';
import type { Container, Pod, PodSpec, Stored } from '#local/kubernetes/controllers/machinery/types.ts';

export const APP = 'registry.test/app:1';
export const images = {
  'registry.test/app': { command: [process.execPath, fileURLToPath(new URL('./app.mjs', import.meta.url))] },
};

export const settings = (dir: string, podNetwork: string): ClusterSettings => ({
  dir,
  name: 'test',
  version: '1.35',
  podNetwork,
  images,
  backoff: { baseMs: 300, maxMs: 1_000 },
  refreshMs: 200,
});

export const temporary = () => mkdtemp(join(tmpdir(), 'roadstead-cluster-'));

/** A container of the test image, which knows its address and is ready once it listens. */
export const app = (more: Partial<Container> = {}): Container => ({
  name: 'main',
  image: APP,
  readinessProbe: { tcpSocket: { port: 8080 }, periodSeconds: 1 },
  ...more,
  env: [{ name: 'POD_IP', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } }, ...(more.env ?? [])],
});

export const deploymentOf = (
  name: string,
  container: Container,
  more: { replicas?: number; spec?: Partial<PodSpec>; strategy?: object } = {},
) => ({
  metadata: { name },
  spec: {
    replicas: more.replicas ?? 1,
    selector: { matchLabels: { app: name } },
    ...(more.strategy && { strategy: more.strategy }),
    template: {
      metadata: { labels: { app: name } },
      spec: { terminationGracePeriodSeconds: 5, containers: [container], ...more.spec },
    },
  },
});

/** Words about one cluster, spoken as its admin. */
export function speak(access: { server: string; caPem: string; adminToken: string }) {
  const client = new Client({
    server: access.server,
    caPem: access.caPem,
    token: access.adminToken,
    userAgent: 'test',
  });
  const ns = 'default';
  const eventually = <T>(what: () => Promise<T>) => expect.poll(what, { timeout: 15_000, interval: 50 });
  const podsOf = async (name: string): Promise<Pod[]> =>
    (await client.list(pods, ns, { labelSelector: `app=${name}` })).items.filter(
      ({ metadata }) => metadata.deletionTimestamp === undefined,
    );
  return {
    client,
    ns,
    eventually,
    create: <T extends Stored>(
      of: Resource<T>,
      body: unknown,
      namespace: string | undefined = of.namespaced ? ns : undefined,
    ) => client.create(of, namespace, body),
    node: (name: string, labels: Record<string, string> = {}) =>
      client.create(nodes, undefined, { metadata: { name, labels: { 'kubernetes.io/hostname': name, ...labels } } }),
    pod: (name: string) => client.find(pods, ns, name),
    podsOf,
    async ready(name: string): Promise<Pod> {
      const isReady = (pod: Pod | undefined) =>
        pod?.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') === true;
      await eventually(async () => (await podsOf(name)).filter(isReady).length).toBeGreaterThan(0);
      return (await podsOf(name)).find(isReady) as Pod;
    },
    ask: async (pod: Pod, path: string, port = 8080) =>
      (await fetch(`http://${pod.status?.podIP}:${port}${path}`)).text(),
    reasons: async (name: string) =>
      (await client.list(events, ns)).items
        .filter(({ involvedObject }) => involvedObject.name === name)
        .map(({ reason }) => reason),
    /** Logs are text, which the client does not speak. */
    async log(pod: string, query: Record<string, string> = {}): Promise<string> {
      const url = new URL(`${pathOf(pods, ns, pod, 'log')}?${new URLSearchParams(query)}`, access.server);
      return new Promise((resolve, reject) => {
        get(url, { ca: access.caPem, headers: { authorization: `Bearer ${access.adminToken}` } }, (response) => {
          let text = '';
          response.setEncoding('utf8').on('data', (chunk: string) => {
            text += chunk;
          });
          response.on('end', () => resolve(text));
        }).on('error', reject);
      });
    },
  };
}

export async function startTestCluster(podNetwork: string, more: Partial<ClusterSettings> = {}) {
  const dir = await temporary();
  const said: string[] = [];
  const parts = await startParts({ ...settings(dir, podNetwork), ...more }, (line) => said.push(line));
  const words = speak(parts);
  return {
    ...words,
    parts,
    dir,
    said,
    async stop() {
      words.client.close();
      await parts.stop();
      await rm(dir, { recursive: true, force: true });
    },
  };
}
