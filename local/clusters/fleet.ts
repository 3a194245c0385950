/** The embedded clusters behind the EKS endpoint: started, resumed after a restart, stopped and removed, each at its own time. */
import { randomBytes } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type Access, call, ensure } from './kube.ts';
import { autoModeKinds, builtInPools, NODEGROUP_LABEL, nodeOf, type Planned, policyBinding } from './objects.ts';
import type { ClusterRecord, LeftoverRecord, NodegroupRecord, Store } from './store.ts';

/** What starts an embedded cluster (`startCluster` of `local/kubernetes`). */
export type StartCluster = (options: {
  dir: string;
  name: string;
  version: string;
  podNetwork: string;
  images: Record<string, { command: string[] }>;
  tokenWebhook?: string;
  /** Ends a start that is under way: it rejects, and no process is left. */
  signal?: AbortSignal;
  log?: (line: string) => void;
}) => Promise<{
  readonly server: string;
  readonly caPem: string;
  readonly adminToken: string;
  /** Resolves when its process has ended, for whatever reason. */
  readonly exited: Promise<unknown>;
  stop(): Promise<unknown>;
}>;

/** What the fleet needs. */
export interface FleetDeps {
  /** A folder a cluster is made in it. */
  readonly dir: string;
  readonly store: Store;
  readonly startCluster: StartCluster;
  readonly images: Record<string, { command: string[] }>;
  /** Where a cluster asks whose token it was given. */
  tokenWebhook(cluster: string): string;
  log(line: string): void;
}

/** The clusters that run. */
export interface Fleet {
  /** Goes on with everything that the store says: starts clusters, ends deletions, makes and removes nodes. */
  start(): void;
  /** Works on one cluster after its record changed. */
  changed(name: string): void;
  /** Makes the rights of an access policy. */
  bind(name: string, policy: string): Promise<void>;
  /** Resolves when nothing is under way; for tests and a clean stop. */
  settled(): Promise<void>;
  stop(): Promise<void>;
}

/** The tag that AWS puts on what Auto Mode makes for a cluster. */
const CLUSTER_TAG = 'eks:eks-cluster-name';
/** A minute on a real node: here somebody waits for a new value of a secret. */
const REFRESH_MS = 5000;

interface Member extends Access {
  stop(): Promise<unknown>;
}

const isAuto = (record: ClusterRecord): boolean => record.request.computeConfig?.enabled === true;

/** What a deleted cluster leaves in EC2, as AWS may: a security group and the volume of a claim. */
function leaveBehind(store: Store, name: string): void {
  const leave = (kind: LeftoverRecord['kind'], prefix: string, tags: LeftoverRecord['tags']): void => {
    const id = `${prefix}-${randomBytes(9).toString('hex').slice(0, 17)}`;
    store.leftovers.put(id, { id, kind, createdAt: Date.now(), tags: { [CLUSTER_TAG]: name, ...tags } });
  };
  leave('security-group', 'sg', { Name: `eks-${name}-load-balancer` });
  leave('volume', 'vol', { 'kubernetes.io/created-for/pvc/name': 'data' });
}

/** Makes a fleet over the records; one step at a time for each cluster. */
export function createFleet({ dir, store, startCluster, images, tokenWebhook, log }: FleetDeps): Fleet {
  const members = new Map<string, Promise<Member>>();
  /** Processes that run, also of a cluster that is not a member (yet). */
  const processes = new Set<{ stop(): Promise<unknown> }>();
  const working = new Map<string, Promise<void>>();
  const stopping = new AbortController();

  const make = async (access: Access, planned: readonly Planned[]): Promise<void> => {
    for (const { collection, object } of planned) await ensure(access, collection, object);
  };
  /** Waits until `at`, or until the runtime stops. */
  const until = (at: number): Promise<void> =>
    new Promise((resolve) => {
      const end = () => {
        clearTimeout(timer);
        stopping.signal.removeEventListener('abort', end);
        resolve();
      };
      const timer = setTimeout(end, Math.max(0, at - Date.now()));
      stopping.signal.addEventListener('abort', end);
    });

  async function launch(record: ClusterRecord): Promise<Member> {
    const options = {
      dir: join(dir, record.name),
      name: record.name,
      version: record.version,
      podNetwork: record.podNetwork,
      images,
      tokenWebhook: tokenWebhook(record.name),
      refreshMs: REFRESH_MS,
      signal: stopping.signal,
      log: (line: string) => log(`${record.name}: ${line}`),
    };
    const started = await startCluster(options);
    processes.add(started);
    void started.exited.then(() => {
      processes.delete(started);
      return lost(record.name);
    });
    const access = { server: started.server, caPem: started.caPem, token: started.adminToken };
    try {
      if (isAuto(record)) {
        const { nodePools = [], nodeRoleArn = '' } = record.request.computeConfig;
        await make(access, [...autoModeKinds, ...builtInPools(nodePools, nodeRoleArn.split('/').at(-1))]);
      }
      for (const entry of store.entries.list(`${record.name}/`))
        await make(access, Object.keys(entry.policies).map(policyBinding));
    } catch (error) {
      await started.stop();
      throw error;
    }
    return { ...access, stop: () => started.stop() };
  }
  /** A process that ended unasked is started again after a second. */
  async function lost(name: string): Promise<void> {
    if (stopping.signal.aborted || store.clusters.get(name)?.status !== 'ACTIVE') return;
    log(`cluster ${name}: its process ended; starting it again`);
    members.delete(name);
    await until(Date.now() + 1000);
    changed(name);
  }
  const member = (record: ClusterRecord): Promise<Member> => {
    const known = members.get(record.name);
    if (known) return known;
    const starting = launch(record);
    members.set(record.name, starting);
    starting.catch(() => members.delete(record.name));
    return starting;
  };

  async function provision(record: ClusterRecord): Promise<void> {
    try {
      const { server, caPem } = await member(record);
      await until(record.dueAt);
      const now = store.clusters.get(record.name);
      if (now?.status !== 'CREATING' || stopping.signal.aborted) return;
      store.clusters.put(record.name, {
        ...now,
        status: 'ACTIVE',
        endpoint: server,
        caPem,
      });
    } catch (error) {
      // A start that we ended ourselves goes on when the runtime is up again.
      if (stopping.signal.aborted) return;
      const now = store.clusters.get(record.name);
      log(`cluster ${record.name} did not start: ${(error as Error).message}`);
      if (now?.status === 'CREATING')
        store.clusters.put(record.name, { ...now, status: 'FAILED', problem: (error as Error).message });
    }
  }

  async function remove(record: ClusterRecord): Promise<void> {
    const running = await members.get(record.name)?.catch(() => undefined);
    await running?.stop();
    members.delete(record.name);
    await until(record.dueAt);
    if (stopping.signal.aborted) return;
    await rm(join(dir, record.name), { recursive: true, force: true });
    for (const entry of store.entries.list(`${record.name}/`))
      store.entries.remove(`${record.name}/${entry.principalArn}`);
    for (const addon of store.addons.list(`${record.name}/`)) store.addons.remove(`${record.name}/${addon.name}`);
    if (record.endpoint) leaveBehind(store, record.name);
    store.clusters.remove(record.name);
  }

  async function scale(access: Access, group: NodegroupRecord): Promise<void> {
    const key = `${group.cluster}/${group.name}`;
    const selector = encodeURIComponent(`${NODEGROUP_LABEL}=${group.name}`);
    const listed = await call(access, 'GET', `/api/v1/nodes?labelSelector=${selector}`);
    const nodes = (listed.body?.items ?? []) as { metadata: { name: string } }[];
    if (group.status === 'DELETING') {
      for (const node of nodes) await call(access, 'DELETE', `/api/v1/nodes/${node.metadata.name}`);
      await until(group.dueAt);
      if (!stopping.signal.aborted) store.nodegroups.remove(key);
      return;
    }
    const wanted = Number(group.request.scalingConfig?.desiredSize ?? 2);
    await make(
      access,
      Array.from({ length: Math.max(0, wanted - nodes.length) }, (_, i) => nodeOf(group, nodes.length + i)),
    );
    await until(group.dueAt);
    const now = store.nodegroups.get(key);
    if (now?.status === 'CREATING' && !stopping.signal.aborted) store.nodegroups.put(key, { ...now, status: 'ACTIVE' });
  }

  /** `scale` of a new group: when the cluster refuses its nodes, the group says so. */
  async function populate(access: Access, group: NodegroupRecord): Promise<void> {
    try {
      await scale(access, group);
    } catch (error) {
      // Not reached: it is started again, and so is this.
      if ((error as NodeJS.ErrnoException).code !== undefined) throw error;
      const key = `${group.cluster}/${group.name}`;
      const now = store.nodegroups.get(key);
      if (now?.status !== 'CREATING' || stopping.signal.aborted) return;
      log(`node group ${key} has no nodes: ${(error as Error).message}`);
      store.nodegroups.put(key, { ...now, status: 'CREATE_FAILED', problem: (error as Error).message });
    }
  }

  async function work(name: string): Promise<void> {
    const record = store.clusters.get(name);
    if (!record || stopping.signal.aborted) return;
    if (record.status === 'DELETING') return remove(record);
    if (record.status === 'CREATING') return provision(record);
    if (record.status !== 'ACTIVE') return;
    const access = await member(record);
    const { server, caPem } = access;
    if (server !== record.endpoint) store.clusters.put(name, { ...record, endpoint: server, caPem });
    for (const group of store.nodegroups.list(`${name}/`)) {
      if (group.status === 'CREATING') await populate(access, group);
      if (group.status === 'DELETING') await scale(access, group);
    }
  }

  const changed = (name: string): void => {
    const before = working.get(name) ?? Promise.resolve();
    const after = before.then(() => work(name)).catch((error: Error) => log(`cluster ${name}: ${error.message}`));
    working.set(name, after);
    void after.finally(() => working.get(name) === after && working.delete(name));
  };

  return {
    start: () => {
      for (const { name } of store.clusters.list()) changed(name);
    },
    changed,
    async bind(name, policy) {
      const record = store.clusters.get(name);
      if (record) await make(await member(record), [policyBinding(policy)]);
    },
    async settled() {
      while (working.size > 0) await Promise.all(working.values());
    },
    async stop() {
      stopping.abort();
      // First the processes: work that waits for one of them goes on, or fails, at once.
      await Promise.all([...processes].map((it) => it.stop()));
      await Promise.all(working.values());
      await Promise.all([...processes].map((it) => it.stop()));
    },
  };
}
