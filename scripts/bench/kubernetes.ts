/** The embedded Kubernetes alone: start to ready, creates, a list, watch latency, memory. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startCluster } from '#local/kubernetes/cluster.ts';
import { Client } from '#local/kubernetes/controllers/machinery/client.ts';
import { configMaps, pods } from '#local/kubernetes/controllers/machinery/resources.ts';
import type { Stored } from '#local/kubernetes/controllers/machinery/types.ts';
import type { Bench } from './bench.ts';
import { residentMiB } from './processes.ts';
import { figureRow, type Row, samplesRow } from './row.ts';

const WATCHERS = 20;
const AT_ONCE = 8;

/** Runs `make` for 0 … count-1, some at a time; answers seconds. */
const many = async (count: number, make: (n: number) => Promise<unknown>): Promise<number> => {
  const begun = performance.now();
  let next = 0;
  const worker = async () => {
    while (next < count) await make(next++);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return (performance.now() - begun) / 1000;
};

/** For another scheduler: it stays Pending, so that the API server is measured and nothing else. */
const podOf = (n: number) => ({
  metadata: { name: `pod-${n}`, labels: { app: 'bench' } },
  spec: { schedulerName: 'nobody', containers: [{ name: 'main', image: 'example.invalid/main:1' }] },
});

/** Each watcher's time from the answered write to the event. */
const watchLatency = async (client: Client, changes: number): Promise<{ samples: number[]; missed: number }> => {
  const stop = new AbortController();
  const heard = new Map<string, number[]>();
  const { resourceVersion } = await client.list(configMaps, 'default');
  const watches = Array.from({ length: WATCHERS }, () =>
    client
      .watch(configMaps, { resourceVersion }, stop.signal, ({ type, object }) => {
        if (type !== 'ADDED') return;
        const { name } = (object as Stored).metadata;
        heard.set(name, [...(heard.get(name) ?? []), performance.now()]);
      })
      .catch(() => {}),
  );
  await sleep(500);
  const sent = new Map<string, number>();
  for (let i = 0; i < changes; i++) {
    const name = `watched-${i}`;
    sent.set(name, performance.now());
    await client.create(configMaps, 'default', { metadata: { name }, data: { n: String(i) } });
    await sleep(20);
  }
  await sleep(1000);
  stop.abort();
  await Promise.all(watches);
  const samples = [...sent].flatMap(([name, at]) => (heard.get(name) ?? []).map((then) => then - at));
  return { samples, missed: changes * WATCHERS - samples.length };
};

export const kubernetes: Bench = {
  name: 'kubernetes',
  async run({ quick, defer }) {
    const dir = mkdtempSync(join(tmpdir(), 'roadstead-bench-kubernetes-'));
    defer(() => rmSync(dir, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 }));
    const begun = performance.now();
    const cluster = await startCluster({ dir, name: 'bench', version: '1.35', podNetwork: '127.77', images: {} });
    defer(() => cluster.stop());
    const ready = (performance.now() - begun) / 1000;
    const { server, caPem, adminToken } = cluster;
    const client = new Client({ server, caPem, token: adminToken, userAgent: 'bench' });
    const rows: Row[] = [figureRow('embedded Kubernetes: start to ready', ready, 's')];
    const empty = residentMiB(cluster.pid);

    const count = quick ? 100 : 1000;
    const creating = await many(count, (n) => client.create(pods, 'default', podOf(n)));
    rows.push(
      figureRow('embedded Kubernetes: creates of pods', count / creating, '/s', {
        note: `${count}, ${AT_ONCE} at a time`,
      }),
    );
    const lists: number[] = [];
    for (let i = 0; i < (quick ? 3 : 20); i++) {
      const from = performance.now();
      const { items } = await client.call<{ items: unknown[] }>('GET', '/api/v1/namespaces/default/pods');
      lists.push(performance.now() - from);
      if (items.length !== count) throw new Error(`${items.length} of ${count} pods were listed`);
    }
    rows.push(samplesRow(`embedded Kubernetes: list of ${count} pods`, lists, 'ms', { note: `${lists.length} lists` }));
    const { samples, missed } = await watchLatency(client, quick ? 20 : 100);
    rows.push(
      samplesRow(`embedded Kubernetes: create → event, ${WATCHERS} watchers`, samples, 'ms', {
        sound: missed === 0,
        note: `from the request, ${missed} missed`,
      }),
    );
    const full = residentMiB(cluster.pid);
    rows.push(
      figureRow('embedded Kubernetes: resident memory', full, 'MiB', {
        note: `with ${count} pods; ${empty.toFixed(0)} when it was ready (×${(full / empty).toFixed(2)})`,
      }),
    );
    client.close();
    await cluster.stop();
    return rows;
  },
};
