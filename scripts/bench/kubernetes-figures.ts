/** What is measured of one API server with our controllers and kubelet on top, embedded or real. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startCluster } from '#local/kubernetes/cluster.ts';
import { Client } from '#local/kubernetes/controllers/machinery/client.ts';
import { configMaps, deployments, pathOf, pods } from '#local/kubernetes/controllers/machinery/resources.ts';
import type { Stored } from '#local/kubernetes/controllers/machinery/types.ts';
import type { BenchContext } from './bench.ts';
import { residentMiB } from './processes.ts';

export interface Sizes {
  starts: number;
  pods: number;
  lists: number;
  watchers: number;
  changes: number;
  applies: number;
}

/** Times in ms, memory in MiB. */
export interface Figures {
  /** Start of the process to ready, each on a new folder. */
  ready: number[];
  /** The same on the folder that holds all the pods. */
  resumed: number;
  createsPerSecond: number;
  lists: number[];
  /** From the request of a create to the event at each watcher. */
  events: number[];
  missed: number;
  applies: number[];
  /** Of all its processes. */
  memory: { empty: number; full: number };
}

/** Requests that are under way together. */
export const AT_ONCE = 8;

const timed = async (work: () => Promise<unknown>): Promise<number> => {
  const begun = performance.now();
  await work();
  return performance.now() - begun;
};

/** One after the other; ms each. */
const eachTimed = async (times: number, work: () => Promise<unknown>): Promise<number[]> => {
  const samples: number[] = [];
  for (let n = 0; n < times; n += 1) samples.push(await timed(work));
  return samples;
};

/** For another scheduler: it stays Pending, so that the API server is measured and nothing else. */
const podOf = (n: number) => ({
  metadata: { name: `pod-${n}`, labels: { app: 'bench' } },
  spec: { schedulerName: 'nobody', containers: [{ name: 'main', image: 'example.invalid/main:1' }] },
});

const createMany = async (client: Client, count: number): Promise<number> => {
  let next = 0;
  const worker = async () => {
    while (next < count) await client.create(pods, 'default', podOf(next++));
  };
  const ms = await timed(() => Promise.all(Array.from({ length: AT_ONCE }, worker)));
  return (count * 1000) / ms;
};

const listAll = async (client: Client, count: number): Promise<void> => {
  const { items } = await client.call<{ items: unknown[] }>('GET', pathOf(pods, 'default'));
  if (items.length !== count) throw new Error(`${items.length} of ${count} pods were listed`);
};

/** The same object again, as its owner: nothing is to be written. */
const applySame = (client: Client) => (): Promise<unknown> =>
  client.call('PATCH', pathOf(deployments, 'default', 'applied'), {
    query: { fieldManager: 'bench' },
    contentType: 'application/apply-patch+yaml',
    body: {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'applied' },
      spec: {
        replicas: 0,
        selector: { matchLabels: { app: 'applied' } },
        template: { metadata: { labels: { app: 'applied' } }, spec: podOf(0).spec },
      },
    },
  });

const watchLatency = async (
  client: Client,
  { watchers, changes }: Sizes,
): Promise<{ events: number[]; missed: number }> => {
  const stop = new AbortController();
  const sent = new Map<string, number>();
  const events: number[] = [];
  const { resourceVersion } = await client.list(configMaps, 'default');
  const watches = Array.from({ length: watchers }, () =>
    client
      .watch(configMaps, { resourceVersion }, stop.signal, ({ type, object }) => {
        const at = sent.get((object as Stored).metadata.name);
        if (type === 'ADDED' && at !== undefined) events.push(performance.now() - at);
      })
      .catch(() => undefined),
  );
  await sleep(1000);
  for (let i = 0; i < changes; i += 1) {
    const name = `watched-${i}`;
    sent.set(name, performance.now());
    await client.create(configMaps, 'default', { metadata: { name }, data: { n: String(i) } });
    await sleep(50);
  }
  for (const until = Date.now() + 5000; events.length < changes * watchers && Date.now() < until; ) await sleep(50);
  stop.abort();
  await Promise.all(watches);
  return { events, missed: changes * watchers - events.length };
};

/** Of all processes whose command line names the folder. */
const residentOf = (dir: string): number =>
  execFileSync('ps', ['-eo', 'pid,args', '-ww'], { encoding: 'utf8' })
    .split('\n')
    .filter((line) => line.includes(dir))
    .map((line) => residentMiB(Number.parseInt(line, 10)))
    .reduce((sum, one) => sum + one, 0);

/** Starts it several times, fills the last one and asks it. `assets`: the folder of a real API server, or empty for the embedded one. */
export async function measure(assets: string, sizes: Sizes, { defer }: BenchContext): Promise<Figures> {
  const folder = () => {
    const dir = mkdtempSync(join(tmpdir(), 'roadstead-bench-kubernetes-'));
    defer(() => rmSync(dir, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 }));
    return dir;
  };
  const start = async (dir: string) => {
    const begun = performance.now();
    const cluster = await startCluster({
      dir,
      name: 'bench',
      version: '1.36',
      podNetwork: '127.77',
      images: {},
      assets,
    });
    defer(() => cluster.stop());
    return { cluster, ms: performance.now() - begun };
  };
  // The very first start of a checkout compiles the modules, which later ones find done.
  await (await start(folder())).cluster.stop();
  const ready: number[] = [];
  for (let n = 1; n < sizes.starts; n += 1) {
    const { cluster, ms } = await start(folder());
    ready.push(ms);
    await cluster.stop();
  }
  const dir = folder();
  const { cluster, ms } = await start(dir);
  ready.push(ms);
  const { server, caPem, adminToken } = cluster;
  const client = new Client({ server, caPem, token: adminToken, userAgent: 'bench' });
  const empty = residentOf(dir);
  const createsPerSecond = await createMany(client, sizes.pods);
  const lists = await eachTimed(sizes.lists, () => listAll(client, sizes.pods));
  const full = residentOf(dir);
  const apply = applySame(client);
  await apply();
  const applies = await eachTimed(sizes.applies, apply);
  const latency = await watchLatency(client, sizes);
  client.close();
  await cluster.stop();
  const again = await start(dir);
  await again.cluster.stop();
  return { ready, resumed: again.ms, createsPerSecond, lists, ...latency, applies, memory: { empty, full } };
}
