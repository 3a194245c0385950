/** Asks a cluster what the recordings of a real Kubernetes ask (`truth/README.md`) and counts what it answers alike. */
import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startCluster } from '#local/kubernetes/cluster.ts';
import { ASSETS_VARIABLE } from '#local/kubernetes/real/assets.ts';

/** What must be alike, of the whole and of each scenario; the numbers only go up. */
export const FLOOR = {
  replay: { whole: 0.98, each: 0.9 },
  kubectl: { whole: 0.97, each: 0.9 },
};

export interface Scenario {
  name: string;
  steps: number;
  equal: number;
  failed: { step: string; differs: string[] }[];
}

export interface Summary {
  passed: number;
  failed: number;
  scenarios: Scenario[];
}

export interface Server {
  name: string;
  kubeconfig: string;
  stop(): Promise<void>;
}

/** A cluster with our controllers and kubelet, in a folder of its own; on the API server in the folder `assets`, or the embedded one. */
async function local(name: string, assets: string): Promise<Server> {
  const dir = await mkdtemp(join(tmpdir(), 'roadstead-conformance-'));
  const options = { dir, name: 'conformance', version: '1.36', podNetwork: '127.93', images: {}, assets };
  const cluster = await startCluster(options);
  return {
    name,
    kubeconfig: cluster.adminKubeconfig,
    async stop() {
      await cluster.stop();
      await rm(dir, { recursive: true, force: true });
    },
  };
}

const real = process.env[ASSETS_VARIABLE];
const remote = process.env.KUBECONFIG_CONFORMANCE;

/** The embedded one, the one whose binaries KUBEBUILDER_ASSETS names, and the one that KUBECONFIG_CONFORMANCE leads to. */
export const SERVERS: { name: string; start: () => Promise<Server> }[] = [
  { name: 'the embedded one', start: () => local('the embedded one', '') },
  ...(real ? [{ name: 'a real one', start: () => local('a real one', real) }] : []),
  ...(remote
    ? [
        {
          name: 'the one of KUBECONFIG_CONFORMANCE',
          start: async () => ({
            name: 'KUBECONFIG_CONFORMANCE',
            kubeconfig: remote,
            stop: async () => undefined,
          }),
        },
      ]
    : []),
];

/** Runs the kit's `replay.mjs` or `kubectl.mjs` and reads its summary. Rejects when it does not come to an end. */
export async function play(tool: 'replay' | 'kubectl', kubeconfig: string): Promise<Summary> {
  const dir = await mkdtemp(join(tmpdir(), 'roadstead-truth-'));
  const json = join(dir, 'summary.json');
  const script = fileURLToPath(new URL(`./truth/${tool}.mjs`, import.meta.url));
  try {
    const child = spawn(process.execPath, [script, '--kubeconfig', kubeconfig, '--json', json], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let complaint = '';
    child.stderr.on('data', (chunk: Buffer) => {
      complaint = (complaint + chunk).slice(-4_000);
    });
    const code = await new Promise<number | null>((done, fail) => child.on('error', fail).on('close', done));
    // 1 says that something differs, which the summary tells in detail.
    if (code !== 0 && code !== 1) throw new Error(`${tool} ended with ${code}: ${complaint}`);
    return JSON.parse(await readFile(json, 'utf8').catch(() => Promise.reject(new Error(complaint)))) as Summary;
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

/** How much of the whole is alike, and which scenarios have less than they must, with what differs in them. */
export function judged(summary: Summary, { each }: { each: number }): { share: number; weak: string[] } {
  return {
    share: summary.passed / (summary.passed + summary.failed),
    weak: summary.scenarios
      .filter(({ equal, steps }) => equal / steps < each)
      .map(
        ({ name, equal, steps, failed }) =>
          `${name}: ${equal} of ${steps}\n${failed.map(({ step, differs }) => `  ${step}\n    ${differs.slice(0, 3).join('\n    ')}`).join('\n')}`,
      ),
  };
}
