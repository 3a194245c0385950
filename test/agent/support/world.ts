/** A cluster with an installed agent's Secret, a control plane that knows its install token, and agents to start. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { runAgent } from '#agent/agent.ts';
import { readConfig } from '#agent/config.ts';
import { connectKubernetes } from '#agent/kubernetes/client.ts';
import { createLog } from '#agent/log.ts';
import { createVitals, type Vitals } from '#agent/vitals.ts';
import { type HeldClock, heldClock } from './clock.ts';
import { type FakeControlPlane, startControlPlane } from './control-plane.ts';
import { type FakeKubernetes, startKubernetes } from './kubernetes.ts';

export const SECRET = '/api/v1/namespaces/roadstead-system/secrets/roadstead-agent';
export const LEASE = '/apis/coordination.k8s.io/v1/namespaces/roadstead-system/leases/roadstead-agent';
export const INSTALL_TOKEN = 'rsi_the-install-token-of-this-test';

export interface RunningAgent {
  readonly vitals: Vitals;
  readonly log: string[];
  /** Ends it as SIGTERM does. */
  stop(): Promise<void>;
}

export interface World {
  readonly clock: HeldClock;
  readonly kubernetes: FakeKubernetes;
  readonly plane: FakeControlPlane;
  /** The pod's environment. */
  readonly environment: Record<string, string>;
  start(pod?: string): Promise<RunningAgent>;
  /** As the installer's server-side apply does: only its own keys. */
  install(token: string): void;
}

export const node = (name: string, more: Record<string, unknown> = {}) => ({
  metadata: { name, labels: { 'topology.kubernetes.io/region': 'eu-central-1' } },
  spec: { providerID: `aws:///eu-central-1a/${name}` },
  status: {
    allocatable: { cpu: '1930m', memory: '7220184Ki', pods: '29' },
    conditions: [{ type: 'Ready', status: 'True' }],
  },
  ...more,
});

export const buildWorld = async (random?: () => number): Promise<World> => {
  const [kubernetes, plane] = await Promise.all([startKubernetes(), startControlPlane()]);
  const clock = heldClock(() => Math.max(kubernetes.activity, plane.activity), random);
  const config = await mkdtemp(join(tmpdir(), 'roadstead-agent-config-'));
  await writeFile(join(config, 'url'), `${plane.url}\n`);
  const agents: RunningAgent[] = [];
  onTestFinished(async () => {
    await Promise.all(agents.map((agent) => agent.stop()));
    await Promise.all([kubernetes.stop(), plane.stop(), rm(config, { recursive: true })]);
  });

  const environment = {
    ROADSTEAD_CONFIG_DIR: config,
    SERVICE_ACCOUNT_DIR: kubernetes.serviceAccountDir,
    KUBERNETES_SERVICE_HOST: kubernetes.host,
    KUBERNETES_SERVICE_PORT: String(kubernetes.port),
    POD_IP: '127.0.0.1',
    POD_NAMESPACE: 'roadstead-system',
    HEALTH_PORT: '0',
    AGENT_IMAGE: `ghcr.io/roadstead/agent@sha256:${'a'.repeat(64)}`,
  };

  const install = (token: string) => {
    plane.allowInstall(token);
    const before = kubernetes.get(SECRET)?.data ?? {};
    kubernetes.put(SECRET, { data: { ...before, 'install-token': Buffer.from(token).toString('base64') } });
  };
  install(INSTALL_TOKEN);
  kubernetes.put('/api/v1/nodes/one', node('one'));

  return {
    clock,
    kubernetes,
    plane,
    environment,
    install,
    start: async (pod = 'agent-1') => {
      const stopping = new AbortController();
      const vitals = createVitals(clock);
      const log: string[] = [];
      const client = await connectKubernetes({
        host: kubernetes.host,
        port: kubernetes.port,
        serviceAccountDir: kubernetes.serviceAccountDir,
      });
      const running = runAgent({
        config: readConfig({ ...environment, POD_NAME: pod, POD_UID: `uid-of-${pod}` }),
        agentVersion: '1.2.3',
        kubernetes: client,
        vitals,
        clock,
        log: createLog((line) => log.push(line), clock.wall),
        signal: stopping.signal,
      });
      const agent: RunningAgent = {
        vitals,
        log,
        stop: async () => {
          stopping.abort();
          await running;
          client.close();
        },
      };
      agents.push(agent);
      return agent;
    },
  };
};
