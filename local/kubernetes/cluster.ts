/** Embedded clusters, one process each: started on a folder, resumed on the same folder, gone with whoever started them. */
import { fork } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundled, type Programs } from './bundle.ts';
import { makeCertificates } from './cluster-certificates.ts';
import type { FromCluster, ToCluster } from './cluster-main.ts';
import type { ClusterFacts, ClusterSettings } from './cluster-parts.ts';
import { ASSETS_VARIABLE } from './real/assets.ts';

export interface ClusterOptions extends ClusterSettings {
  /** What the parts have to say; absent: nothing is shown. */
  log?: (line: string) => void;
  /** Ends a start that is under way: it rejects, and no process is left. */
  signal?: AbortSignal;
}

export interface LocalCluster {
  name: string;
  /** `https://127.0.0.1:PORT` */
  server: string;
  caPem: string;
  adminToken: string;
  /** Path of a kubeconfig, mode 0600. */
  adminKubeconfig: string;
  pid: number;
  /** Resolves when the process has ended, for whatever reason. */
  exited: Promise<void>;
  /** Ends pods, controllers and API server in order; bounded, then killed. The folder stays. */
  stop(): Promise<void>;
}

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const CACHE = join(ROOT, 'node_modules/.cache');
const PROGRAMS: Programs = {
  root: ROOT,
  sources: ['local/kubernetes/cluster-main.ts', 'local/kubernetes/kubelet/tether-main.ts'],
  dir: join(CACHE, 'cluster'),
};
/** Where Node keeps what it compiled of them, by their content. */
const COMPILE_CACHE = join(CACHE, 'node');
/** After this the process is killed; its pods' processes end with it. */
const STOP_MS = 12_000;

/** Starts a cluster (on a real API server where KUBEBUILDER_ASSETS names one), or resumes the one in `dir`; resolves when pods can be made. Rejects with the reason if it cannot start. */
export async function startCluster(options: ClusterOptions): Promise<LocalCluster> {
  const { log, signal, assets = process.env[ASSETS_VARIABLE], ...given } = options;
  const settings: ClusterSettings = { ...given, ...(assets && { assets }) };
  const program = await bundled(PROGRAMS);
  signal?.throwIfAborted();
  // The folder says in a list of processes which cluster this is; what counts comes in the message.
  const child = fork(program, [settings.dir], {
    execArgv: [],
    // Nothing of ours: no credentials, no endpoints.
    env: { PATH: process.env.PATH ?? '', NODE_NO_WARNINGS: '1', NODE_COMPILE_CACHE: COMPILE_CACHE },
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  let complaint = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    complaint = (complaint + chunk).slice(-4_000);
    log?.(`cluster ${options.name}: ${chunk.toString().trimEnd()}`);
  });
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const tell = (message: ToCluster) => child.connected && child.send(message);

  const kill = () => child.kill('SIGKILL');
  signal?.addEventListener('abort', kill);
  // Made here while the process loads its modules, which takes as long; what is wrong with the folder, it will find and say.
  const making = makeCertificates(settings.dir).catch(() => undefined);
  const facts = await new Promise<ClusterFacts>((resolve, reject) => {
    const fail = (why: string) => reject(new Error(`cluster ${options.name} did not start: ${why}`));
    child.on('message', (message: FromCluster) => {
      if (message.event === 'ready') resolve(message.facts);
      else if (message.event === 'failed') fail(message.message);
      else log?.(`cluster ${options.name}: ${message.line}`);
    });
    child.once('error', (error) => fail(error.message));
    child.once('exit', (code, signal) => fail(`its process ended (${signal ?? `code ${code}`}) ${complaint}`.trim()));
    void making.then(() => tell({ op: 'start', settings }));
  }).finally(async () => {
    signal?.removeEventListener('abort', kill);
    // Whoever removes the folder now finds nobody writing to it.
    await making;
  });

  return {
    name: options.name,
    ...facts,
    pid: child.pid ?? 0,
    exited,
    async stop() {
      tell({ op: 'stop' });
      const late = setTimeout(() => child.kill('SIGKILL'), STOP_MS);
      await exited;
      clearTimeout(late);
    },
  };
}
