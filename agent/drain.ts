/** Empties a cluster before it is deleted of what would outlive it in the cloud: load balancers, ingresses, volumes (DESIGN §4 EKS). */
import type { AgentMessage } from '#core/contract/agent.ts';
import type { Clock } from './clock.ts';
import { hasStatus, type Item, type Kubernetes } from './kubernetes/client.ts';
import type { Log } from './log.ts';

export type Drained = Extract<AgentMessage, { type: 'cluster.drained' }>['payload'];

const REVIEW = {
  apiVersion: 'authorization.k8s.io/v1',
  kind: 'SelfSubjectAccessReview',
  spec: { resourceAttributes: { verb: 'delete', resource: 'persistentvolumeclaims' } },
};

/** Only clusters that we made are installed with the right to empty them. */
export const mayDrain = async (kubernetes: Kubernetes, signal: AbortSignal): Promise<boolean> => {
  const path = '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews';
  const review = await kubernetes.request<{ status?: { allowed?: boolean } }>('POST', path, { body: REVIEW, signal });
  return review.status?.allowed ?? false;
};

/** Under the control plane's own deadline (120 s), so that what remains is told in time. */
const WAIT_MS = 90_000;
const LOOK_MS = 2_000;

interface ServiceItem extends Item {
  readonly spec?: { readonly type?: string };
}

const KINDS = [
  { word: 'services', group: '/api/v1', counts: (item: ServiceItem) => item.spec?.type === 'LoadBalancer' },
  { word: 'ingresses', group: '/apis/networking.k8s.io/v1', counts: () => true },
  { word: 'claims', group: '/api/v1', resource: 'persistentvolumeclaims', counts: () => true },
] as const;

/** The cluster's own parts go with the cluster; taking their services away would only break the way down. */
const isSystem = (item: Item) => item.metadata.namespace?.startsWith('kube-') ?? true;

/**
 * Deletes and waits, bounded, until nothing remains. Counts what was deleted. Throws KubernetesError (403 where the ClusterRole
 * `roadstead-drain` is not installed).
 */
export const drainCluster = async (
  kubernetes: Kubernetes,
  clock: Clock,
  log: Log,
  signal: AbortSignal,
): Promise<Drained> => {
  const deleted = { services: new Set<string>(), ingresses: new Set<string>(), claims: new Set<string>() };
  const until = clock.now() + WAIT_MS;

  /** One look at one kind: deletes what is new, answers how many are still there. */
  const look = async (kind: (typeof KINDS)[number]): Promise<number> => {
    const resource = 'resource' in kind ? kind.resource : kind.word;
    let remaining = 0;
    try {
      for await (const page of kubernetes.pages<ServiceItem>(`${kind.group}/${resource}`, signal)) {
        for (const item of page.items.filter((one) => !isSystem(one) && kind.counts(one))) {
          const { name, namespace, uid, deletionTimestamp } = item.metadata;
          remaining++;
          if (deletionTimestamp !== undefined || deleted[kind.word].has(uid)) continue;
          const path = `${kind.group}/namespaces/${namespace}/${resource}/${name}`;
          await kubernetes.request('DELETE', path, { signal }).catch((error: unknown) => {
            if (!hasStatus(error, 404)) throw error;
          });
          deleted[kind.word].add(uid);
        }
      }
    } catch (error) {
      // An API server may serve no ingresses: then there are none to wait for.
      if (!hasStatus(error, 404)) throw error;
    }
    return remaining;
  };

  for (;;) {
    let remaining = 0;
    for (const kind of KINDS) remaining += await look(kind);
    if (remaining === 0 || clock.now() >= until || signal.aborted) {
      const { services, ingresses, claims } = deleted;
      const counts = { services: services.size, ingresses: ingresses.size, claims: claims.size, remaining };
      log('info', 'the cluster was drained', counts);
      return counts;
    }
    await clock.sleep(LOOK_MS, signal);
  }
};
