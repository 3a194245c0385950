/** Watches the nodes and tells the control plane what the cluster has: at each connection, and when it changed. */
import { WORKSPACE_LABEL } from '#core/domain/seat/names.ts';
import type { Policy } from '#core/domain/seat/policy.ts';
import type { Clock } from './clock.ts';
import {
  type Amount,
  add,
  type ClusterInfo,
  clusterInfo,
  NOTHING,
  type NodeFacts,
  type NodeObject,
  nodeFacts,
  type PodObject,
  podRequests,
  type Requested,
  type RoomOn,
} from './cluster-info.ts';
import { type Kubernetes, KubernetesError } from './kubernetes/client.ts';
import { keepWatching } from './kubernetes/watch.ts';
import type { Link } from './link.ts';
import { type Log, reason } from './log.ts';
import { roomFor } from './node-room.ts';
import type { Enforced } from './probe/keep.ts';
import { isTeamNamespace } from './seats/names.ts';

/** Nodes come in groups: what changes within this is told once. */
const DEBOUNCE_MS = 2_000;
/** Pods are not watched (kubernetes.md finding 11); their requests are summed up again at this pace. */
const RECOUNT_MS = 300_000;
const DEFAULT_CLASS = 'storageclass.kubernetes.io/is-default-class';

export interface ObserveOptions {
  readonly kubernetes: Kubernetes;
  /** A pod that is no seat's is in a namespace of a team; told once a pod. */
  readonly onForeignPod: (namespace: string, name: string) => void;
  /** What pods may be here: it says which nodes are room for them. */
  readonly profiles: () => Policy['profiles'] | undefined;
  readonly clock: Clock;
  readonly log: Log;
  readonly signal: AbortSignal;
}

export interface Observer {
  /** By name. */
  readonly nodes: ReadonlyMap<string, NodeFacts>;
  /** Tells this link, now and at each change, until it ends. */
  tell(link: Link): void;
  /** Whether network policies are enforced, as a probe found; told when it changed. */
  enforced(found: Enforced): void;
  /** The profiles may have changed: it is counted again. */
  recount(): void;
}

export const observeCluster = ({
  kubernetes,
  onForeignPod,
  profiles,
  clock,
  log,
  signal,
}: ObserveOptions): Observer => {
  const nodes = new Map<string, NodeFacts>();
  let changed = new AbortController();
  let known: ClusterInfo | undefined;
  let enforced: Enforced = 'unknown';

  const touch = () => {
    const before = changed;
    changed = new AbortController();
    before.abort();
  };

  void keepWatching<NodeObject, NodeFacts>({
    kubernetes,
    path: '/api/v1/nodes',
    compact: nodeFacts,
    into: {
      replace: (all) => {
        nodes.clear();
        for (const node of all) nodes.set(node.name, node);
        touch();
      },
      put: (node) => {
        // The kubelet reports each node every few minutes at least; only what we tell of it counts as a change.
        if (JSON.stringify(nodes.get(node.name)) === JSON.stringify(node)) return;
        nodes.set(node.name, node);
        touch();
      },
      remove: (node) => {
        nodes.delete(node.name);
        touch();
      },
    },
    clock,
    log,
    signal,
  });

  const seen = new Set<string>();
  /** Policies can be got round by a pod that none of them selects (kubernetes.md finding 3). */
  const lookForForeign = ({ metadata: { namespace = '', name, uid, labels } }: PodObject) => {
    if (!isTeamNamespace(namespace) || labels?.[WORKSPACE_LABEL] !== undefined || seen.has(uid)) return;
    seen.add(uid);
    onForeignPod(namespace, name);
  };

  /** Absent where it may not be read. */
  const hasStorageClass = async () => {
    try {
      for await (const page of kubernetes.pages('/apis/storage.k8s.io/v1/storageclasses', signal)) {
        if (page.items.some(({ metadata }) => metadata.annotations?.[DEFAULT_CLASS] === 'true')) return true;
      }
      return false;
    } catch (error) {
      if (error instanceof KubernetesError) return undefined;
      throw error;
    }
  };

  const requested = async (room: RoomOn): Promise<Requested> => {
    // Over the same room as what is allocatable: what runs on a cordoned node takes nothing of it.
    const taken = (pod: PodObject): Amount => room(nodes.get(pod.spec?.nodeName ?? ''), podRequests(pod));
    let all: Amount = NOTHING;
    let seats: Amount = NOTHING;
    for await (const page of kubernetes.pages<PodObject>('/api/v1/pods', signal)) {
      all = page.items.map(taken).reduce(add, all);
      const isSeat = ({ metadata }: PodObject) => metadata.labels?.[WORKSPACE_LABEL] !== undefined;
      seats = page.items.filter(isSeat).map(taken).reduce(add, seats);
      for (const pod of page.items) lookForForeign(pod);
    }
    const storageClass = await hasStorageClass();
    return { all, seats, ...(storageClass === undefined ? {} : { storageClass }) };
  };

  /** `told`: what this link knows. Answers what it knows afterwards. */
  const tellOnce = async (link: Link, told: string): Promise<string> => {
    // The agent itself runs on a node: none at all means "not known", and must not overwrite what is known.
    if (nodes.size === 0) return told;
    const room = roomFor(profiles());
    const sums = { ...(await requested(room)), networkPolicyEnforced: enforced };
    const info = clusterInfo([...nodes.values()], sums, room, known);
    const text = JSON.stringify(info);
    if (text === told) return told;
    await link.ask('cluster.info', info);
    known = info;
    return text;
  };

  const keepTelling = async (link: Link) => {
    let told = '';
    while (!link.signal.aborted && !signal.aborted) {
      const change = changed.signal;
      try {
        told = await tellOnce(link, told);
      } catch (error) {
        if (link.signal.aborted || signal.aborted) return;
        log('warn', 'the state of the cluster was not told', { reason: reason(error) });
      }
      await clock.sleep(RECOUNT_MS, AbortSignal.any([link.signal, signal, change]));
      if (told !== '') await clock.sleep(DEBOUNCE_MS, AbortSignal.any([link.signal, signal]));
    }
  };

  return {
    nodes,
    tell: (link) => void keepTelling(link),
    enforced: (found) => {
      if (found === enforced) return;
      enforced = found;
      touch();
    },
    recount: touch,
  };
};
