/** The probe of network policies with the agent's own rights, on a cluster that runs its pod: the manifest, the fence and Pod Security are the real ones. */
import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { systemClock } from '#agent/clock.ts';
import { connectKubernetes, hasStatus, type Item, type Kubernetes } from '#agent/kubernetes/client.ts';
import { createLog } from '#agent/log.ts';
import { canConnect, type Reach } from '#agent/probe/connect.ts';
import { ALLOWED_PORT, probePod, probePolicy } from '#agent/probe/objects.ts';
import { type ProbeOptions, probeEnforcement } from '#agent/probe/probe.ts';
import { apply, type TestCluster, testCluster } from './support/cluster.ts';
import { manifestOf, placeOf } from './support/fenced.ts';
import { eventually, seatsWorld } from './support/seats.ts';

const IMAGE = 'registry.test/agent:1';
const PODS = '/api/v1/namespaces/roadstead-system/pods';
const PROBE_POD = `${PODS}/roadstead-probe`;
const POLICIES = '/apis/networking.k8s.io/v1/namespaces/roadstead-system/networkpolicies';
const PROBE_POLICY = `${POLICIES}/roadstead-probe`;

/** Short where nothing but time passes. */
const LIMITS = { lookMs: 50, enforceMs: 600, startMs: 20_000, openMs: 20_000, goneMs: 20_000 };

const main = join(import.meta.dirname, '..', '..', 'agent', 'main.ts');
const cluster = testCluster('127.70', { [IMAGE]: { command: [process.execPath, main] } });
let folder: string;
let asAgent: TestCluster;
let agent: Kubernetes;
let config: ProbeOptions['config'];

/** What a service account of the agent's namespace is given, with its token. */
const placeOfAccount = async (account: string): Promise<TestCluster> => {
  const { status } = await cluster().admin.request<{ status: { token: string } }>(
    'POST',
    `/api/v1/namespaces/roadstead-system/serviceaccounts/${account}/token`,
    { body: { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: { expirationSeconds: 3600 } } },
  );
  const serviceAccountDir = await mkdtemp(join(folder, 'account-'));
  await copyFile(join(cluster().serviceAccountDir, 'ca.crt'), join(serviceAccountDir, 'ca.crt'));
  await writeFile(join(serviceAccountDir, 'token'), status.token);
  return { ...cluster(), serviceAccountDir };
};

beforeAll(async () => {
  for (const object of manifestOf().filter(({ kind }) => kind !== 'Deployment')) {
    await apply(cluster().admin, placeOf(object), object);
  }
  folder = await mkdtemp(join(tmpdir(), 'roadstead-probe-'));
  asAgent = await placeOfAccount('roadstead-agent');
  agent = await connectKubernetes(asAgent);
  config = { AGENT_IMAGE: IMAGE, ...(await agentPod('roadstead-agent-0')) };
  return async () => {
    agent.close();
    await rm(folder, { recursive: true });
  };
});

/** A pod that stands for the agent's own, which owns what it makes; nobody runs it. */
const agentPod = async (name: string) => {
  const own = { POD_NAME: name, POD_NAMESPACE: 'roadstead-system', POD_UID: '' };
  const { spec } = probePod(own, IMAGE);
  const body = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name },
    spec: { ...(spec as object), schedulerName: 'none' },
  };
  const { metadata } = await cluster().admin.request<Item>('POST', PODS, { body });
  return { ...own, POD_UID: metadata.uid };
};

const probe = (more: Partial<ProbeOptions> = {}, log: string[] = []) =>
  probeEnforcement({
    kubernetes: agent,
    config,
    limits: LIMITS,
    clock: systemClock,
    log: createLog((line) => log.push(line), systemClock.wall),
    signal: new AbortController().signal,
    ...more,
  });

const get = <T extends Item>(path: string) =>
  cluster()
    .admin.request<T>('GET', path)
    .catch((error: unknown) => {
      if (!hasStatus(error, 404)) throw error;
    });
const left = async () => [await get(PROBE_POD), await get(PROBE_POLICY)].filter((object) => object !== undefined);

interface Policy extends Item {
  readonly spec: { readonly ingress: readonly { readonly ports: readonly { readonly port: number }[] }[] };
}
/** A network that keeps to the probe's policy, which the embedded one does not. */
const enforcing: Reach = async (host, port) => {
  const policy = await get<Policy>(PROBE_POLICY);
  const open = policy?.spec.ingress.some(({ ports }) => ports.some((allowed) => allowed.port === port)) ?? true;
  return open && canConnect(host, port);
};

test('pods that share one network are found not to be kept apart, and nothing is left of the probe', async () => {
  expect(await probe()).toBe('false');
  expect(await left()).toEqual([]);
});

test('a network that keeps to the policy is found to enforce it', async () => {
  expect(await probe({ reach: enforcing })).toBe('true');
  expect(await left()).toEqual([]);
});

test('ports that were never reached prove nothing', async () => {
  const reach: Reach = async (host, port) => port === ALLOWED_PORT && canConnect(host, port);
  await expect(probe({ reach, limits: { ...LIMITS, openMs: 1_000 } })).rejects.toThrow('was not reached within 1 s');
  expect(await left()).toEqual([]);
});

test('what an earlier agent left is taken away first', async () => {
  const { admin } = cluster();
  const old = await agentPod('roadstead-agent-old');
  const [pod, policy] = [probePod(old, IMAGE), probePolicy(old, [])];
  await admin.request('POST', PODS, { body: pod });
  await admin.request('POST', POLICIES, { body: policy });
  expect(await probe({ reach: enforcing })).toBe('true');
  expect(await left()).toEqual([]);
});

test('a pod that does not run is said with its reason, and taken away', async () => {
  const found = probe({
    config: { ...config, AGENT_IMAGE: 'registry.test/missing:1' },
    limits: { ...LIMITS, startMs: 1_500 },
  });
  await expect(found).rejects.toThrow(/did not run within 1.5 s: (ErrImagePull|ImagePullBackOff)/);
  expect(await left()).toEqual([]);
});

test('an agent that is stopped in the middle takes everything away', async () => {
  const stopping = new AbortController();
  const reach: Reach = async () => {
    stopping.abort(new Error('stopped'));
    return true;
  };
  await expect(probe({ reach, signal: stopping.signal })).rejects.toThrow('stopped');
  await eventually(left).toEqual([]);
});

test('what an agent left that never comes back is collected with its pod', async () => {
  const { admin } = cluster();
  const own = await agentPod('roadstead-agent-dead');
  await agent.request('POST', POLICIES, { body: probePolicy(own, [ALLOWED_PORT]) });
  await agent.request('POST', PODS, { body: probePod(own, IMAGE) });
  await admin.request('DELETE', `${PODS}/roadstead-agent-dead`);
  await eventually(left).toEqual([]);
});

test('without the rights for it, or without an image, it is refused before anything is made', async () => {
  const nobody = await connectKubernetes(await placeOfAccount('default'));
  await expect(probe({ kubernetes: nobody })).rejects.toThrow('forbidden');
  nobody.close();
  const { AGENT_IMAGE: _, ...without } = config;
  await expect(probe({ config: without })).rejects.toThrow('AGENT_IMAGE is not set');
});

test('an agent tells what it found with the state of its cluster', async () => {
  const world = await seatsWorld(asAgent);
  const running = await world.start({
    pod: config.POD_NAME,
    environment: { AGENT_IMAGE: IMAGE, POD_UID: config.POD_UID },
    probing: LIMITS,
  });
  const told = () => world.plane.received('cluster.info').map(({ payload }) => payload.networkPolicyEnforced);
  await eventually(() => told().at(-1)).toBe('false');
  expect(new Set(told())).toEqual(new Set(['unknown', 'false']));
  expect(await left()).toEqual([]);
  expect(running.log.join('')).toContain('"network policies were probed","enforced":"false"');
});
