/** A world with dev pods: a cluster, a control plane that lists seats, and agents that can be stopped at any point. */
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished } from 'vitest';
import { type AgentOptions, runAgent } from '#agent/agent.ts';
import { systemClock } from '#agent/clock.ts';
import { readConfig } from '#agent/config.ts';
import { connectKubernetes, hasStatus, type Item, type Kubernetes } from '#agent/kubernetes/client.ts';
import { type KindName, kinds, pathOf } from '#agent/kubernetes/kinds.ts';
import { createLog } from '#agent/log.ts';
import type { SeatPaces } from '#agent/seats/paces.ts';
import { seatsDigest } from '#agent/seats/sync.ts';
import { createVitals } from '#agent/vitals.ts';
import type { SeatRow } from '#core/contract/agent.ts';
import { type DesiredSeat, SeatSpec, type SeatStatus, type VolumeFate } from '#core/contract/seat.ts';
import { seatName, teamNamespace } from '#core/domain/seat/names.ts';
import { IMAGE, type TestCluster } from './cluster.ts';
import { type FakeControlPlane, startControlPlane } from './control-plane.ts';

const ALPHABET = '0123456789abcdefghijklmnopqrstuvwxyz';
const newId = (prefix: string) => `${prefix}_${[...randomBytes(26)].map((byte) => ALPHABET[byte % 36]).join('')}`;

/** Small enough that a test waits for behaviour, not for a clock. */
const PACES: SeatPaces = {
  backOff: { firstMs: 100, longestMs: 1_000 },
  looks: { firstMs: 100, longestMs: 400 },
  resyncMs: 60_000,
  secretsMs: 60_000,
  policyMs: 200,
  lostMs: 300,
  slowDeleteMs: 300,
};

export interface Stored extends Item {
  readonly spec?: Record<string, unknown>;
  readonly status?: Record<string, unknown>;
  readonly data?: Record<string, string>;
  readonly [field: string]: unknown;
}

export interface SeatAgent {
  readonly log: string[];
  /** `METHOD path` of each request that writes. */
  readonly writes: string[];
  /** `METHOD path?query` of all requests. */
  readonly calls: string[];
  stop(): Promise<void>;
}

export interface StartOptions {
  readonly pod?: string;
  readonly paces?: Partial<SeatPaces>;
  readonly probing?: AgentOptions['probing'];
  /** Of the agent's pod, beside the usual. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Whether the manifest gives the right to empty the cluster. */
  readonly mayDrain?: boolean;
  /** Asked before each writing request; `false`: the agent is killed just there, before the request is sent. */
  readonly mayWrite?: (method: string, path: string) => boolean;
  /** What a pod's log says; without it, what its container wrote. */
  readonly podLog?: (pod: string) => string;
}

export interface SeatsWorld {
  readonly plane: FakeControlPlane;
  readonly team: string;
  readonly namespace: string;
  /** What should be here, by id. */
  readonly seats: Map<string, DesiredSeat>;
  readonly tombstones: Map<string, { revision: number; fate: VolumeFate }>;
  /** What the API answers for a seat's secrets; `undefined`: 404. */
  secrets: (id: string) => { values: { name: string; version: number; value: string }[]; hostKey: string } | undefined;
  /** Credentials, or refusals, that were posted. */
  readonly credentials: { request: string; body: Record<string, unknown> }[];
  /** Lists a new seat; tells the agent of it. */
  want(spec?: Partial<SeatSpec>): DesiredSeat;
  /** Changes it: revision + 1; tells the agent. */
  change(id: string, spec: Partial<SeatSpec>): DesiredSeat;
  bury(id: string, fate: VolumeFate): void;
  start(options?: StartOptions): Promise<SeatAgent>;
  /** The newest report of a seat. */
  reported(id: string): SeatStatus | undefined;
  /** Waits for a report of this seat that fits. */
  until(id: string, fits: (status: SeatStatus) => boolean): Promise<SeatStatus>;
  running(id: string): Promise<SeatStatus>;
  get(kind: KindName, name: string, namespace?: string): Promise<Stored | undefined>;
  list(kind: KindName, namespace?: string): Promise<Stored[]>;
  audits(action: string): string[];
}

/** Waits for behaviour; the time is only how long a broken test takes to fail. */
export const eventually = (what: () => unknown) => expect.poll(what, { timeout: 12_000, interval: 30 });

/** How many writes there were when they had ended for a moment. */
export const quiet = async (writes: readonly string[]): Promise<number> => {
  for (let before = -1; before !== writes.length; await new Promise((resolve) => setTimeout(resolve, 80))) {
    before = writes.length;
  }
  return writes.length;
};

export const seatSpec = (id: string | undefined, more: Partial<SeatSpec> = {}): SeatSpec =>
  SeatSpec.parse({
    origin: id === undefined ? 'Cluster' : 'ControlPlane',
    ...(id === undefined ? {} : { id, revision: 1 }),
    owner: 'acc_ada',
    runState: 'Running',
    template: { name: 'node', version: '1' },
    image: IMAGE,
    resources: { requests: { cpu: '10m', memory: '16Mi' }, limits: { cpu: '1', memory: '1Gi' } },
    volumes: [{ name: 'home', size: '1Gi', mounts: [{ mountPath: '/home/node' }] }],
    ...more,
  });

export const seatsWorld = async (cluster: TestCluster): Promise<SeatsWorld> => {
  const plane = await startControlPlane();
  const { admin, ...place } = cluster;
  const deploymentId = `test-${randomBytes(6).toString('hex')}`;
  plane.source = { deploymentId, epoch: 1 };
  const team = newId('team');
  const namespace = teamNamespace(team);
  const config = await mkdtemp(join(tmpdir(), 'roadstead-agent-config-'));
  await writeFile(join(config, 'url'), plane.url);
  await writeFile(join(config, 'api'), plane.url.replace('ws:', 'http:').replace(/\/agent$/, ''));
  const installToken = `rsi_${randomBytes(16).toString('hex')}`;
  plane.allowInstall(installToken);
  const agents: SeatAgent[] = [];

  const remove = (path: string) =>
    admin.request('DELETE', path).catch((error: unknown) => {
      if (!hasStatus(error, 404)) throw error;
    });
  await remove(pathOf(kinds.Cluster, undefined, 'roadstead'));
  await remove('/api/v1/namespaces/roadstead-system/secrets/roadstead-agent');
  await admin.request('POST', '/api/v1/namespaces/roadstead-system/secrets', {
    body: {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'roadstead-agent' },
      data: { 'install-token': Buffer.from(installToken).toString('base64') },
    },
  });
  onTestFinished(async () => {
    await Promise.all(agents.map((agent) => agent.stop()));
    await Promise.all([
      plane.stop(),
      rm(config, { recursive: true }),
      remove(pathOf(kinds.Namespace, undefined, namespace)),
    ]);
  });

  const rows = (): SeatRow[] => [
    ...[...world.seats.values()].map(({ id, spec }) => ({ id, revision: spec.revision ?? 1 })),
    ...[...world.tombstones].map(([id, { revision, fate }]) => ({ id, revision, tombstone: fate })),
  ];
  plane.seats = () => seatsDigest(rows());
  plane.answer = (message) => {
    if (message.type === 'sync') {
      const digest = seatsDigest(rows());
      const unchanged = message.payload.digest === digest;
      return { type: 'sync.page', payload: { ...plane.source, digest, unchanged, rows: unchanged ? [] : rows() } };
    }
    if (message.type === 'seats.get') {
      const seats = message.payload.ids.flatMap((id) => world.seats.get(id) ?? []);
      return { type: 'seats', payload: { seats } };
    }
    if (message.type === 'workspace.gone') world.tombstones.delete(message.payload.id);
    return undefined;
  };
  plane.api = (_, path, __, body) => {
    const [, , , , what, id = '', rest] = path.split('/');
    if (what === 'workspaces' && rest === 'secrets') {
      const secrets = world.secrets(id);
      return secrets ? { status: 200, body: { revision: 1, ...secrets } } : { status: 404 };
    }
    if (what !== 'credentials') return { status: 404 };
    world.credentials.push({ request: id, body: body as Record<string, unknown> });
    return { status: 204 };
  };

  const tell = (seat: DesiredSeat) => {
    for (const link of plane.live()) link.push({ type: 'workspace.apply', payload: { seat } });
  };

  const world: SeatsWorld = {
    plane,
    team,
    namespace,
    seats: new Map(),
    tombstones: new Map(),
    secrets: () => ({ values: [], hostKey: 'a private key' }),
    credentials: [],
    want: (spec) => {
      const id = newId('wsp');
      const seat = { id, name: 'desk', team, spec: seatSpec(id, spec) };
      world.seats.set(id, seat);
      tell(seat);
      return seat;
    },
    change: (id, spec) => {
      const before = world.seats.get(id);
      if (!before) throw new Error(`no seat ${id}`);
      const seat = { ...before, spec: { ...before.spec, ...spec, revision: (before.spec.revision ?? 1) + 1 } };
      world.seats.set(id, seat);
      tell(seat);
      return seat;
    },
    bury: (id, fate) => {
      const revision = (world.seats.get(id)?.spec.revision ?? 1) + 1;
      world.seats.delete(id);
      world.tombstones.set(id, { revision, fate });
      for (const link of plane.live())
        link.push({ type: 'workspace.delete', payload: { id, revision, volumes: fate } });
    },
    start: async (given = {}) => {
      const { pod = 'agent-1', paces = {}, probing = {}, environment = {}, podLog } = given;
      const { mayDrain = true, mayWrite = () => true } = given;
      const stopping = new AbortController();
      const log: string[] = [];
      const [writes, calls]: string[][] = [[], []];
      const client = await connectKubernetes(place);
      const note = (method: string, path: string) => {
        calls?.push(`${method} ${path}`);
        if (method === 'GET') return;
        if (!mayWrite(method, path)) stopping.abort();
        if (stopping.signal.aborted && !path.includes('/leases/')) throw new Error('killed');
        writes?.push(`${method} ${path}`);
      };
      const watched: Kubernetes = {
        ...client,
        request: async (method, path, options) => {
          note(method, path);
          if (path.endsWith('/selfsubjectaccessreviews')) return { status: { allowed: mayDrain } } as never;
          return client.request(method, path, options);
        },
        text: async (path, options) => {
          note('GET', path);
          const [, pod] = /\/pods\/([^/]+)\/log$/.exec(path) ?? [];
          return podLog && pod !== undefined ? podLog(pod) : client.text(path, options);
        },
      };
      const running = runAgent({
        config: readConfig({
          ROADSTEAD_CONFIG_DIR: config,
          SERVICE_ACCOUNT_DIR: place.serviceAccountDir,
          KUBERNETES_SERVICE_HOST: place.host,
          KUBERNETES_SERVICE_PORT: String(place.port),
          POD_IP: '127.0.0.1',
          POD_NAME: pod,
          POD_NAMESPACE: 'roadstead-system',
          POD_UID: `uid-of-${pod}`,
          ...environment,
        }),
        agentVersion: '1.2.3',
        kubernetes: watched,
        vitals: createVitals(systemClock),
        clock: systemClock,
        log: createLog((line) => log.push(line), systemClock.wall),
        paces: { ...PACES, ...paces },
        probing,
        signal: stopping.signal,
      });
      const agent: SeatAgent = {
        log,
        writes: writes ?? [],
        calls: calls ?? [],
        stop: async () => {
          stopping.abort();
          await running;
          client.close();
        },
      };
      agents.push(agent);
      return agent;
    },
    reported: (id) => plane.received('workspace.status').findLast(({ payload }) => payload.id === id)?.payload.status,
    until: async (id, fits) => {
      await eventually(() => {
        const status = world.reported(id);
        return status !== undefined && fits(status) ? 'fits' : JSON.stringify(status);
      }).toBe('fits');
      return world.reported(id) as SeatStatus;
    },
    running: (id) =>
      world.until(
        id,
        ({ phase, observedRevision }) => phase === 'Running' && observedRevision === world.seats.get(id)?.spec.revision,
      ),
    get: (kind, name, where = namespace) =>
      admin.request<Stored>('GET', pathOf(kinds[kind], where, name)).catch((error: unknown) => {
        if (hasStatus(error, 404)) return undefined;
        throw error;
      }),
    list: async (kind, where = namespace) => {
      const { items } = await admin.request<{ items: Stored[] }>('GET', pathOf(kinds[kind], where));
      return items;
    },
    audits: (action) =>
      plane
        .received('audit')
        .filter(({ payload }) => payload.action === action)
        .map(({ payload }) => payload.resource),
  };
  return world;
};

export { seatName };
