/** 500 dev pods through one agent on the embedded cluster: how long, how much memory and CPU, how many calls for each. */
import { type ChildProcess, fork } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { build } from 'esbuild';
import { connectKubernetes, type Item, type Kubernetes } from '#agent/kubernetes/client.ts';
import { kinds, pathOf } from '#agent/kubernetes/kinds.ts';
import { specHash } from '#agent/seats/facts.ts';
import { SeatSpec } from '#core/contract/seat.ts';
import { LEAN_ENVIRONMENT } from '#core/domain/agent-manifest.ts';
import { renderCrds } from '#core/domain/seat/crds.ts';
import { teamLabels } from '#core/domain/seat/labels.ts';
import { DEPLOYMENT_LABEL, seatName, TEAM_LABEL, teamNamespace } from '#core/domain/seat/names.ts';
import { startCluster } from '#local/kubernetes/cluster.ts';
import type { Counted } from './agent-seats-main.ts';
import type { Bench } from './bench.ts';
import { cpuMs, residentMiB } from './processes.ts';
import { figureRow, type Row } from './row.ts';

const SEATS = 500;
const QUICK = 50;
/** Seats of one team. */
const TEAM_SIZE = 50;
const DEPLOYMENT = 'bench';
const PATIENCE_MS = 300_000;

const numbered = (prefix: string, n: number) => `${prefix}_${String(n).padStart(26, '0')}`;
const teamOf = (n: number) => numbered('team', Math.floor(n / TEAM_SIZE));

const specOf = (id: string) =>
  SeatSpec.parse({
    origin: 'ControlPlane',
    id,
    revision: 1,
    owner: 'acc_bench',
    runState: 'Running',
    template: { name: 'node', version: '1' },
    image: 'registry.test/bench:1',
    resources: { requests: { cpu: '10m', memory: '16Mi' }, limits: { cpu: '1', memory: '1Gi' } },
    volumes: [{ name: 'home', size: '1Gi', mounts: [{ mountPath: '/home/node' }] }],
  });

const apply = (kubernetes: Kubernetes, path: string, body: unknown) =>
  kubernetes.request('PATCH', path, {
    query: { fieldManager: 'bench', force: true },
    contentType: 'application/apply-patch+yaml',
    body,
  });

/** Definitions, one node with room for all, a storage class, the record and the token of an agent that was connected before. */
const prepare = async (kubernetes: Kubernetes) => {
  for (const crd of renderCrds({})) {
    await apply(kubernetes, `/apis/apiextensions.k8s.io/v1/customresourcedefinitions/${crd.metadata.name}`, crd);
  }
  const room = { cpu: '1000', memory: '1000Gi', pods: '2000', 'ephemeral-storage': '10Ti' };
  const node = { apiVersion: 'v1', kind: 'Node', metadata: { name: 'large' } };
  await kubernetes.request('POST', '/api/v1/nodes', {
    body: { ...node, status: { capacity: room, allocatable: room } },
  });
  await apply(kubernetes, '/apis/storage.k8s.io/v1/storageclasses/folders', {
    apiVersion: 'storage.k8s.io/v1',
    kind: 'StorageClass',
    metadata: { name: 'folders', annotations: { 'storageclass.kubernetes.io/is-default-class': 'true' } },
    provisioner: 'folders.bench',
    volumeBindingMode: 'WaitForFirstConsumer',
  });
  await apply(kubernetes, '/api/v1/namespaces/roadstead-system', {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name: 'roadstead-system' },
  });
  await apply(kubernetes, '/api/v1/namespaces/roadstead-system/secrets/roadstead-agent', {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'roadstead-agent' },
    data: { 'agent-token': Buffer.from('rsc_bench').toString('base64') },
  });
  for (let attempt = 0; ; attempt++) {
    try {
      return await apply(kubernetes, pathOf(kinds.Cluster, undefined, 'roadstead'), {
        apiVersion: 'roadstead.dev/v1alpha1',
        kind: 'Cluster',
        metadata: {
          name: 'roadstead',
          labels: { [DEPLOYMENT_LABEL]: DEPLOYMENT },
          annotations: { 'roadstead.dev/epoch': '1' },
        },
        spec: { origin: 'ControlPlane', id: numbered('clu', 0) },
      });
    } catch (error) {
      // The definition is served a moment after it was made.
      if (attempt > 100) throw error;
      await sleep(50);
    }
  }
};

/** Workspaces as an agent wrote them that was told of them: what is measured is what becomes of them. */
const writeSeats = async (kubernetes: Kubernetes, count: number) => {
  for (let n = 0; n < count; n += TEAM_SIZE) {
    const labels = teamLabels(teamOf(n), DEPLOYMENT);
    const metadata = { name: teamNamespace(teamOf(n)), labels };
    await kubernetes.request('POST', '/api/v1/namespaces', { body: { apiVersion: 'v1', kind: 'Namespace', metadata } });
  }
  let next = 0;
  const worker = async () => {
    while (next < count) {
      const n = next++;
      const id = numbered('wsp', n);
      const spec = specOf(id);
      await kubernetes.request('POST', pathOf(kinds.Workspace, teamNamespace(teamOf(n))), {
        body: {
          apiVersion: 'roadstead.dev/v1alpha1',
          kind: 'Workspace',
          metadata: {
            name: seatName(id),
            labels: { ...teamLabels(teamOf(n), DEPLOYMENT), [TEAM_LABEL]: teamOf(n) },
            annotations: { 'roadstead.dev/given': specHash(spec) },
          },
          spec,
        },
      });
    }
  };
  await Promise.all(Array.from({ length: 8 }, worker));
};

/** A control plane whose socket is closed and whose API answers secrets: the agent works from what it recorded. */
const serveSecrets = async (defer: (end: () => void) => void) => {
  const server = createServer((_request, response) => {
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ revision: 1, values: [], hostKey: 'a private key' }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  defer(() => {
    server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
};

const counted = (child: ChildProcess) =>
  new Promise<Counted>((resolve) => {
    child.once('message', (message) => resolve(message as Counted));
    child.send('count');
  });

const running = async (kubernetes: Kubernetes): Promise<number> => {
  let count = 0;
  for await (const page of kubernetes.pages<Item & { status?: { phase?: string } }>(pathOf(kinds.Workspace))) {
    count += page.items.filter(({ status }) => status?.phase === 'Running').length;
  }
  return count;
};

const untilRunning = async (kubernetes: Kubernetes, count: number) => {
  const begun = performance.now();
  while ((await running(kubernetes)) < count) {
    if (performance.now() - begun > PATIENCE_MS) throw new Error(`not all of ${count} seats run after 5 minutes`);
    await sleep(500);
  }
  return (performance.now() - begun) / 1000;
};

/** Until nothing was written for a while. */
const quiet = async (child: ChildProcess) => {
  for (let last = -1; ; ) {
    const { writes } = await counted(child);
    if (writes === last) return;
    last = writes;
    await sleep(2000);
  }
};

export const agentSeats: Bench = {
  name: 'agent-seats',
  async run({ quick, defer }) {
    const count = quick ? QUICK : SEATS;
    const dir = mkdtempSync(join(tmpdir(), 'roadstead-bench-seats-'));
    defer(() => rmSync(dir, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 }));
    const bundle = join(dir, 'agent.mjs');
    await build({
      entryPoints: [new URL('./agent-seats-main.ts', import.meta.url).pathname],
      outfile: bundle,
      bundle: true,
      platform: 'node',
      target: 'node24',
      format: 'esm',
      minify: true,
      mainFields: ['module', 'main'],
      banner: { js: "import{createRequire}from'node:module';const require=createRequire(import.meta.url);" },
    });
    const cluster = await startCluster({
      dir: join(dir, 'cluster'),
      name: 'bench',
      version: '1.35',
      podNetwork: '127.78',
      images: {},
    });
    defer(() => cluster.stop());
    const config = join(dir, 'config');
    mkdirSync(config);
    const port = await serveSecrets(defer);
    for (const [file, text] of Object.entries({
      url: `ws://127.0.0.1:${port}/agent`,
      api: `http://127.0.0.1:${port}`,
      'ca.crt': cluster.caPem,
      token: cluster.adminToken,
    })) {
      writeFileSync(join(config, file), text);
    }
    const { hostname, port: apiPort } = new URL(cluster.server);
    const kubernetes = await connectKubernetes({ host: hostname, port: Number(apiPort), serviceAccountDir: config });
    defer(() => kubernetes.close());
    await prepare(kubernetes);
    await writeSeats(kubernetes, count);

    const agent = fork(bundle, [], {
      execArgv: [],
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
      env: {
        ROADSTEAD_CONFIG_DIR: config,
        SERVICE_ACCOUNT_DIR: config,
        KUBERNETES_SERVICE_HOST: hostname,
        KUBERNETES_SERVICE_PORT: apiPort,
        POD_IP: '127.0.0.1',
        POD_NAME: 'agent',
        POD_NAMESPACE: 'roadstead-system',
        POD_UID: 'bench',
        ...LEAN_ENVIRONMENT,
      },
    });
    defer(() => void agent.kill('SIGKILL'));
    const pid = agent.pid ?? 0;
    const seconds = await untilRunning(kubernetes, count);
    const peak = residentMiB(pid);
    await quiet(agent);
    const [made, used] = [await counted(agent), cpuMs(pid)];
    const rest = quick ? 3000 : 10_000;
    await sleep(rest);
    const idle = await counted(agent);
    const rows: Row[] = [
      figureRow(`agent: ${count} dev pods to Running`, seconds, 's', {
        note: 'the embedded cluster on the same cores takes most of it',
      }),
      figureRow(`agent: resident memory with ${count} dev pods`, residentMiB(pid), 'MiB', {
        most: 100,
        note: `${peak.toFixed(0)} when the last came to run`,
      }),
      figureRow('agent: CPU for each dev pod', used / count, 'ms'),
      figureRow('agent: calls of the Kubernetes API for each dev pod', made.calls / count, ''),
      figureRow('agent: writes for each dev pod', made.writes / count, ''),
      figureRow(`agent: CPU while ${count} dev pods run and nothing happens`, (cpuMs(pid) - used) / (rest / 100), '%', {
        note: `of one core; ${idle.writes - made.writes} writes in ${rest / 1000} s: the lease, and looking for the control plane`,
      }),
    ];
    agent.send('stop');
    return rows;
  },
};
