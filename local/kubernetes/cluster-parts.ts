/** One embedded cluster in this process: API server, controllers and kubelet, and what they keep between two starts. */
import { randomBytes } from 'node:crypto';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startApiServer } from '#local/kubernetes/apiserver/server.ts';
import { kubeletClientIdentity, kubeletIdentity, pkiDirOf } from './cluster-certificates.ts';
import { startControllers } from './controllers/controllers.ts';
import { Client, isStatus } from './controllers/machinery/client.ts';
import { serviceAccounts } from './controllers/machinery/resources.ts';
import { type Kubelet, startKubelet } from './kubelet/kubelet.ts';
import type { Backoff } from './kubelet/restart.ts';
import { aggregatedRolesController } from './real/aggregated-roles.ts';
import { nodesIdentity, startReal } from './real/parts.ts';

/** What a cluster is made of; everything in it can be sent to another process. */
export interface ClusterSettings {
  /** All state of this cluster; a start on the same folder resumes it. */
  dir: string;
  name: string;
  /** `1.35` */
  version: string;
  /** First two bytes of a loopback network, its own for each cluster: `127.42`. */
  podNetwork: string;
  /** Images that are programs of this machine. */
  images: Record<string, { command: string[] }>;
  /** Asked about tokens that the API server does not know. */
  tokenWebhook?: string;
  /** Wanted port; else the one of the last start, else a free one. */
  port?: number;
  /** Restart back-off of containers; default as a real kubelet: 10 s doubling to 5 min. */
  backoff?: Partial<Backoff>;
  /** How often mounted secrets, config maps and tokens are looked at, in ms; default 60 s. */
  refreshMs?: number;
  /** `process`: dev pods are plain processes even where namespaces could be made. */
  isolation?: 'process';
  /** A folder with `etcd` and `kube-apiserver`, which then take the place of our API server; empty: ours, whatever KUBEBUILDER_ASSETS says. */
  assets?: string;
}

export interface ClusterFacts {
  server: string;
  caPem: string;
  adminToken: string;
  /** Path of a kubeconfig of the admin, mode 0600. */
  adminKubeconfig: string;
}

export interface ClusterParts extends ClusterFacts {
  /** Resolves with the reason when a part ended unasked: of no use any more. */
  lost?: Promise<string>;
  stop(): Promise<void>;
}

interface Kept {
  adminToken: string;
  controllersToken: string;
  kubeletToken: string;
  port?: number;
}

const READY_MS = 30_000;

async function writePrivate(path: string, text: string): Promise<void> {
  await writeFile(`${path}.new`, text, { mode: 0o600 });
  await rename(`${path}.new`, path);
}

async function load(path: string): Promise<Kept> {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as Kept;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT')
      throw new Error(`${path} cannot be read: ${(error as Error).message}`);
    const token = () => randomBytes(32).toString('base64url');
    return { adminToken: token(), controllersToken: token(), kubeletToken: token() };
  }
}

/** The port if nobody has it, else undefined: any free one will do. */
const ifFree = (port: number | undefined): Promise<number | undefined> =>
  new Promise((resolve) => {
    if (port === undefined) return resolve(undefined);
    const probe = createServer();
    probe.once('error', () => resolve(undefined));
    probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(port)));
  });

const kubeconfig = (name: string, server: string, caPem: string, token: string): string =>
  `${JSON.stringify(
    {
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [{ name, cluster: { server, 'certificate-authority-data': Buffer.from(caPem).toString('base64') } }],
      users: [{ name: `${name}-admin`, user: { token } }],
      contexts: [{ name, context: { cluster: name, user: `${name}-admin` } }],
      'current-context': name,
    },
    null,
    2,
  )}\n`;

/** Waits until the API server is ready and the namespace `default` has its service account: pods can be made. */
async function untilReady(client: Client): Promise<void> {
  for (const until = Date.now() + READY_MS; ; await sleep(5)) {
    try {
      if (await client.find(serviceAccounts, 'default', 'default')) return;
    } catch (error) {
      if (!isStatus(error, 0, 403, 404, 500, 503)) throw error;
    }
    if (Date.now() > until)
      throw new Error(`the cluster was not ready after ${READY_MS / 1000} s: no default service account`);
  }
}

/** Starts the three parts and resolves when pods can be made. Whatever fails, what was started is stopped. */
export async function startParts(
  settings: ClusterSettings,
  log: (line: string) => void = () => undefined,
): Promise<ClusterParts> {
  const { dir, name, version } = settings;
  await mkdir(dir, { recursive: true, mode: 0o700 });
  const file = join(dir, 'cluster.json');
  const kept = await load(file);
  const port = settings.port ?? (await ifFree(kept.port));
  const stops: (() => Promise<void>)[] = [];
  const stop = async () => {
    for (const end of stops.splice(0).reverse()) await end().catch((error) => log(`stop: ${(error as Error).message}`));
  };
  try {
    let kubelet: Kubelet | undefined;
    const options = {
      adminToken: kept.adminToken,
      ...(port !== undefined && { port }),
      ...(settings.tokenWebhook !== undefined && { tokenWebhook: settings.tokenWebhook }),
      components: {
        // The name is one of kube-system's accounts, as the policies that clusters carry expect of controllers.
        controllers: {
          token: kept.controllersToken,
          user: 'system:serviceaccount:kube-system:controller-manager',
          groups: ['system:masters', 'system:serviceaccounts', 'system:serviceaccounts:kube-system'],
        },
        kubelet: { token: kept.kubeletToken, user: 'system:node:embedded', groups: ['system:masters', 'system:nodes'] },
      },
    };
    const real =
      settings.assets === undefined ? undefined : await startReal({ ...options, dir, assets: settings.assets });
    const api =
      real ??
      (await startApiServer({
        ...options,
        dir: pkiDirOf(dir),
        version,
        kubeletUrl: () => {
          if (kubelet === undefined) throw new Error('the kubelet is not running yet: try again');
          return kubelet.url;
        },
        kubeletIdentity: () => kubeletClientIdentity(dir),
      }));
    stops.push(() => Promise.resolve(api.stop()));
    const { url: server, caPem } = api;
    await writePrivate(file, JSON.stringify({ ...kept, port: Number(new URL(server).port) } satisfies Kept));
    const adminKubeconfig = join(dir, 'admin.kubeconfig');
    await writePrivate(adminKubeconfig, kubeconfig(name, server, caPem, kept.adminToken));

    await Promise.all([
      startControllers({
        server,
        caPem,
        token: kept.controllersToken,
        volumesDir: join(dir, 'volumes'),
        log,
        ...(real && { more: [aggregatedRolesController] }),
      }).then((running) => {
        stops.push(() => running.stop());
      }),
      startKubelet({
        server,
        caPem,
        token: kept.kubeletToken,
        dir: join(dir, 'kubelet'),
        identity: real ? await nodesIdentity(dir, settings.podNetwork) : await kubeletIdentity(dir),
        podNetwork: settings.podNetwork,
        images: settings.images,
        version,
        ...(settings.backoff && { backoff: settings.backoff }),
        ...(settings.isolation && { isolation: settings.isolation }),
        ...(settings.refreshMs !== undefined && { refreshMs: settings.refreshMs }),
        log,
      }).then((running) => {
        stops.push(() => running.stop());
        kubelet = running;
      }),
    ]);
    const admin = new Client({ server, caPem, token: kept.adminToken, userAgent: 'roadstead-local' });
    await untilReady(admin).finally(() => admin.close());
    return { server, caPem, adminToken: kept.adminToken, adminKubeconfig, stop, ...(real && { lost: real.lost }) };
  } catch (error) {
    await stop();
    throw error;
  }
}
