/** What the kubelet's tests share: kubectl, dev pods, and a claim with a class that makes its volume. */
import { spawn } from 'node:child_process';
import { KubeConfig } from '@kubernetes/client-node';
import type { Container, PodSpec } from '#local/kubernetes/controllers/machinery/types.ts';

export const KUBECTL = process.env.KUBECTL ?? 'kubectl';

export interface Ran {
  code: number;
  out: string;
  err: string;
}

/** Starts kubectl; what it has said so far can be asked while it runs. */
export function startKubectl(
  kubeconfig: string,
  args: string[],
  input = '',
  env: Record<string, string> = {},
  program = KUBECTL,
) {
  const child = spawn(program, args, {
    env: { PATH: process.env.PATH, HOME: process.env.HOME, KUBECONFIG: kubeconfig, ...env },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  let [out, err] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    out += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    err += text;
  });
  child.stdin.on('error', () => undefined);
  child.stdin.end(input);
  const ended = new Promise<Ran>((resolve) => child.on('close', (code) => resolve({ code: code ?? -1, out, err })));
  return { ended, out: () => out, err: () => err, kill: () => child.kill() };
}

/** Runs kubectl to its end with what is given as input. */
export const kubectl = (...given: Parameters<typeof startKubectl>): Promise<Ran> => startKubectl(...given).ended;

export function configOf(server: string, caPem: string, token: string): KubeConfig {
  const config = new KubeConfig();
  config.loadFromClusterAndUser(
    { name: 'test', server, caData: Buffer.from(caPem).toString('base64'), skipTLSVerify: false },
    { name: 'test', token },
  );
  return config;
}

export const DEV_IMAGE = `ghcr.io/roadstead/claude-terraform@sha256:${'a'.repeat(64)}`;

/** A pod as the agent makes seats, of an image that people work in. */
export const devPod = (name: string, container: Partial<Container> = {}, spec: Partial<PodSpec> = {}) => ({
  metadata: { name, labels: { app: name } },
  spec: {
    automountServiceAccountToken: false,
    terminationGracePeriodSeconds: 5,
    securityContext: { runAsNonRoot: true, runAsUser: 1000 },
    ...spec,
    containers: [{ name: 'dev', image: DEV_IMAGE, ...container }],
  },
});

/** Waits until all the pods are ready; for hooks, where `expect.poll` may not be used. */
export async function ready(kubeconfig: string, ...names: string[]): Promise<void> {
  const { code, err } = await kubectl(kubeconfig, [
    'wait',
    '--for=condition=Ready',
    '--timeout=20s',
    ...names.map((name) => `pod/${name}`),
  ]);
  if (code !== 0) throw new Error(err);
}
