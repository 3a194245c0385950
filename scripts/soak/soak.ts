/** An informer of the npm client runs through restarts of the embedded server, clean ones and kills; nothing that a writer was promised may be missing. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { CoreV1Api, KubeConfig, makeInformer, type V1ConfigMap } from '@kubernetes/client-node';
import { type LocalCluster, startCluster } from '#local/kubernetes/cluster.ts';
import { Client } from '#local/kubernetes/controllers/machinery/client.ts';
import { namespaces } from '#local/kubernetes/controllers/machinery/resources.ts';
import { judge, type Told, type Verdict } from './seen.ts';
import { write } from './writer.ts';

export interface SoakOptions {
  /** How long the writer writes. */
  ms: number;
  /** Between two restarts; the first after this. */
  restartEveryMs: number;
  /** Between two writes. */
  writeEveryMs: number;
  /** Ends after so many, and some writes more. */
  restarts?: number;
  log?: (line: string) => void;
}

export interface SoakSummary extends Verdict {
  written: number;
  told: number;
  /** Writes that had no answer because the server was away. */
  cut: number;
  stops: number;
  kills: number;
  /** How often the informer had to list: 1 means that it could always go on where it was. */
  lists: number;
  /** How often its watch failed and was begun again. */
  reconnects: number;
}

const NAMESPACE = 'soak';
const RECONNECT_MS = 100;
/** For the last events to arrive. */
const SETTLE_MS = 30_000;

function startInformer(kubeconfig: string) {
  const config = new KubeConfig();
  config.loadFromFile(kubeconfig);
  const api = config.makeApiClient(CoreV1Api);
  const told: Told[] = [];
  const counts = { lists: 0, reconnects: 0 };
  let stopped = false;
  const informer = makeInformer<V1ConfigMap>(config, `/api/v1/namespaces/${NAMESPACE}/configmaps`, () => {
    counts.lists += 1;
    return api.listNamespacedConfigMap({ namespace: NAMESPACE });
  });
  for (const event of ['add', 'update', 'delete'] as const)
    informer.on(event, ({ metadata }) => {
      const { name = '', uid = '', resourceVersion = '' } = metadata ?? {};
      // The namespace's own config map is the controllers', and part of the first list, whose items have no order.
      if (name.startsWith('soak-')) told.push({ event, name, uid, resourceVersion });
    });
  informer.on('error', () => {
    if (stopped) return;
    counts.reconnects += 1;
    setTimeout(() => void informer.start(), RECONNECT_MS);
  });
  const stop = async () => {
    stopped = true;
    await informer.stop();
  };
  return { started: informer.start(), told, counts, stop };
}

/** Runs it on a cluster of its own, which is removed afterwards. */
export async function soak({
  ms,
  restarts = Number.POSITIVE_INFINITY,
  restartEveryMs,
  writeEveryMs,
  log = () => undefined,
}: SoakOptions): Promise<SoakSummary> {
  const dir = await mkdtemp(join(tmpdir(), 'roadstead-soak-'));
  const start = () => startCluster({ dir, name: 'soak', version: '1.36', podNetwork: '127.96', images: {} });
  let cluster: LocalCluster = await start();
  const { server, caPem, adminToken } = cluster;
  const client = new Client({ server, caPem, token: adminToken, userAgent: 'soak' });
  const [stops, kills] = [{ count: 0 }, { count: 0 }];
  let informer: ReturnType<typeof startInformer> | undefined;
  try {
    await client.create(namespaces, undefined, { metadata: { name: NAMESPACE } });
    informer = startInformer(cluster.adminKubeconfig);
    await informer.started;
    const enough = new AbortController();
    const over = AbortSignal.any([AbortSignal.timeout(ms), enough.signal]);
    const writing = write(client, NAMESPACE, writeEveryMs, over);
    for (let n = 0; ; n += 1) {
      await sleep(restartEveryMs, undefined, { signal: over }).catch(() => undefined);
      if (n >= restarts) enough.abort();
      if (over.aborted) break;
      if (n % 2 === 0) {
        stops.count += 1;
        await cluster.stop();
      } else {
        kills.count += 1;
        process.kill(cluster.pid, 'SIGKILL');
        await cluster.exited;
      }
      cluster = await start();
      if (cluster.server !== server)
        throw new Error(`the server came back as ${cluster.server}: ${server} was taken by another program`);
      log(`${n % 2 === 0 ? 'stopped' : 'killed'} and started again; ${informer.told.length} events so far`);
    }
    const { written, cut } = await writing;
    let verdict = judge(written, informer.told);
    for (const until = Date.now() + SETTLE_MS; verdict.missed.length > 0 && Date.now() < until; await sleep(100))
      verdict = judge(written, informer.told);
    return {
      ...verdict,
      written: written.length,
      told: informer.told.length,
      cut,
      stops: stops.count,
      kills: kills.count,
      ...informer.counts,
    };
  } finally {
    await informer?.stop();
    client.close();
    await cluster.stop();
    await rm(dir, { recursive: true, force: true });
  }
}
