/** Watches the nodes and tells the control plane what the cluster has: at each connection, and when it changed. */
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
} from './cluster-info.ts';
import type { Kubernetes } from './kubernetes/client.ts';
import { keepWatching } from './kubernetes/watch.ts';
import type { Link } from './link.ts';
import { type Log, reason } from './log.ts';

/** Nodes come in groups: what changes within this is told once. */
const DEBOUNCE_MS = 2_000;
/** Pods are not watched (kubernetes.md finding 11); their requests are summed up again at this pace. */
const RECOUNT_MS = 300_000;

export interface ObserveOptions {
  readonly kubernetes: Kubernetes;
  readonly clock: Clock;
  readonly log: Log;
  readonly signal: AbortSignal;
}

export interface Observer {
  /** Tells this link, now and at each change, until it ends. */
  tell(link: Link): void;
}

export const observeCluster = ({ kubernetes, clock, log, signal }: ObserveOptions): Observer => {
  const nodes = new Map<string, NodeFacts>();
  let changed = new AbortController();
  let known: ClusterInfo | undefined;

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

  const requested = async () => {
    let sum: Amount = NOTHING;
    for await (const page of kubernetes.pages<PodObject>('/api/v1/pods', signal)) {
      sum = page.items.map(podRequests).reduce(add, sum);
    }
    return sum;
  };

  /** `told`: what this link knows. Answers what it knows afterwards. */
  const tellOnce = async (link: Link, told: string): Promise<string> => {
    // The agent itself runs on a node: none at all means "not known", and must not overwrite what is known.
    if (nodes.size === 0) return told;
    const info = clusterInfo([...nodes.values()], await requested(), known);
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

  return { tell: (link) => void keepTelling(link) };
};
