/** Uses a kubeconfig as a person would: with kubectl where there is one, else with @kubernetes/client-node. */
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { AppsV1Api, CoreV1Api, Exec, KubeConfig, type V1Status } from '@kubernetes/client-node';

const run = promisify(execFile);

/** The cluster as seen through one kubeconfig. */
export interface Kubectl {
  /** What did the work, with its version. */
  readonly by: string;
  /** `get nodes,pods -A`, as lines for people. */
  nodesAndPods(): Promise<string>;
  /** What a command in a pod wrote; rejects when it ended with anything but 0. */
  exec(pod: { readonly namespace: string; readonly pod: string }, command: readonly string[]): Promise<string>;
  /** Sets the replicas of the agent's Deployment. */
  scaleAgent(replicas: number): Promise<void>;
  /** Forgets the kubeconfig's file. */
  close(): void;
}

const AGENT = { namespace: 'roadstead-system', name: 'roadstead-agent' } as const;

const findKubectl = async (): Promise<string | null> => {
  try {
    const { stdout } = await run('kubectl', ['version', '--client', '-o', 'json']);
    return (JSON.parse(stdout) as { clientVersion: { gitVersion: string } }).clientVersion.gitVersion;
  } catch {
    return null;
  }
};

export const openKubectl = async (kubeconfig: string): Promise<Kubectl> => {
  const version = await findKubectl();
  return version === null ? throughLibrary(kubeconfig) : throughKubectl(kubeconfig, version);
};

const throughKubectl = (kubeconfig: string, version: string): Kubectl => {
  const folder = mkdtempSync(join(tmpdir(), 'roadstead-'));
  const file = join(folder, 'kubeconfig');
  writeFileSync(file, kubeconfig, { mode: 0o600 });
  const kubectl = async (...args: string[]) =>
    (
      await run('kubectl', ['--kubeconfig', file, ...args], {
        timeout: 30_000,
        env: { PATH: process.env.PATH, HOME: folder },
      })
    ).stdout;
  return {
    by: `kubectl ${version}`,
    nodesAndPods: () => kubectl('get', 'nodes,pods', '-A'),
    exec: ({ namespace, pod }, command) => kubectl('-n', namespace, 'exec', pod, '--', ...command),
    scaleAgent: async (replicas) => {
      await kubectl('-n', AGENT.namespace, 'scale', `deployment/${AGENT.name}`, `--replicas=${replicas}`);
    },
    close: () => rmSync(folder, { recursive: true, force: true }),
  };
};

const throughLibrary = (kubeconfig: string): Kubectl => {
  const config = new KubeConfig();
  config.loadFromString(kubeconfig);
  const core = config.makeApiClient(CoreV1Api);
  const apps = config.makeApiClient(AppsV1Api);
  return {
    by: '@kubernetes/client-node (no kubectl here)',
    nodesAndPods: async () => {
      const [nodes, pods] = [await core.listNode(), await core.listPodForAllNamespaces()];
      return [
        ...nodes.items.map((node) => `node/${node.metadata?.name}  ${node.status?.nodeInfo?.kubeletVersion}`),
        ...pods.items.map((pod) => `${pod.metadata?.namespace}  pod/${pod.metadata?.name}  ${pod.status?.phase}`),
      ].join('\n');
    },
    exec: async ({ namespace, pod }, command) => {
      const [out, errors] = [new PassThrough(), new PassThrough()];
      const status = new Promise<V1Status>((resolve, reject) => {
        new Exec(config).exec(namespace, pod, 'dev', [...command], out, errors, null, false, resolve).then((socket) => {
          socket.once('close', () => {
            out.end();
            errors.end();
          });
        }, reject);
      });
      const [ended, written, complaint] = await Promise.all([status, text(out), text(errors)]);
      if (ended.status !== 'Success') throw new Error(`${command.join(' ')}: ${complaint || ended.message}`);
      return written;
    },
    scaleAgent: async (replicas) => {
      const scale = await apps.readNamespacedDeploymentScale(AGENT);
      await apps.replaceNamespacedDeploymentScale({ ...AGENT, body: { ...scale, spec: { replicas } } });
    },
    close: () => {},
  };
};
