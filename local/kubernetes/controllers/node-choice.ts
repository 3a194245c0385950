/** Which nodes to add for pods that fit nowhere: the smallest instances that hold them, within the pools' limits. Pure. */

import { allocatableOf, INSTANCE_TYPES, type InstanceType, labelsOf } from './instance-types.ts';
import { type Amounts, addAmounts, parseQuantity } from './machinery/quantity.ts';
import { requirementMatches } from './machinery/selectors.ts';
import type { NodePool, Pod } from './machinery/types.ts';
import { requestsOf, selects, unsupported, untolerated } from './scheduler/fit.ts';
import { mindsOthers, topologyKeys } from './scheduler/topology.ts';

/** The zones of the local region. */
export const ZONES = ['us-east-1a', 'us-east-1b'];

const HOSTNAME = 'kubernetes.io/hostname';

export interface Offer {
  pool: NodePool;
  type: InstanceType;
  labels: Record<string, string>;
  pods: Pod[];
  used: Amounts;
}

const fits = (wanted: Amounts, used: Amounts, type: InstanceType): boolean => {
  const room: Amounts = allocatableOf(type);
  return Object.entries(wanted).every(([name, value]) => value === 0 || value + (used[name] ?? 0) <= (room[name] ?? 0));
};

/** The labels of a node of this pool, type and zone; undefined where the pool's requirements exclude it. */
function poolLabels(pool: NodePool, type: InstanceType, zone: string): Record<string, string> | undefined {
  const { metadata, spec } = pool.spec.template;
  const own = metadata?.labels ?? {};
  const labels: Record<string, string> = {
    ...labelsOf(type, zone),
    'karpenter.sh/nodepool': pool.metadata.name,
    ...own,
  };
  const requirements = spec.requirements ?? [];
  // A requirement on a label of the pool's own invention gives the node that label.
  for (const { key, operator, values } of requirements)
    if (operator === 'In' && labels[key] === undefined && values?.[0]) labels[key] = values[0];
  return requirements.every((requirement) => requirementMatches(requirement, labels[requirement.key]))
    ? labels
    : undefined;
}

function exceeded(pool: NodePool, used: Amounts, type: InstanceType): boolean {
  const after: Amounts = {
    cpu: (used.cpu ?? 0) + type.cpu,
    memory: (used.memory ?? 0) + type.memory,
    nodes: (used.nodes ?? 0) + 1,
  };
  return Object.entries(pool.spec.limits ?? {}).some(([name, limit]) => (after[name] ?? 0) > parseQuantity(limit));
}

/** New nodes for `pods`, in order; `used` is what each pool's nodes hold already and is raised by what is offered. */
export function choose(
  pods: Pod[],
  pools: NodePool[],
  used: Map<string, Amounts>,
): { offers: Offer[]; refused: { pod: Pod; message: string }[] } {
  const offers: Offer[] = [];
  const refused: { pod: Pod; message: string }[] = [];
  const byWeight = [...pools].sort(
    (a, b) => (b.spec.weight ?? 0) - (a.spec.weight ?? 0) || a.metadata.name.localeCompare(b.metadata.name),
  );
  const accepts = (pod: Pod, pool: NodePool, labels: Record<string, string>) =>
    selects(pod.spec, '', labels) && untolerated(pool.spec.template.spec.taints, pod.spec.tolerations) === undefined;

  for (const pod of pods) {
    if (unsupported(pod.spec)) continue;
    const beyond = topologyKeys(pod).filter((key) => key !== HOSTNAME);
    if (beyond.length > 0) {
      const message = `Failed to schedule pod, node pools do not choose nodes by the topology of other pods ("${beyond.join('", "')}")`;
      refused.push({ pod, message });
      continue;
    }
    const wanted = requestsOf(pod.spec);
    // Who minds what runs beside it gets a node of its own.
    const shared = offers.find(
      (offer) =>
        ![pod, ...offer.pods].some(mindsOthers) &&
        accepts(pod, offer.pool, offer.labels) &&
        fits(wanted, offer.used, offer.type),
    );
    if (shared) {
      shared.pods.push(pod);
      addAmounts(shared.used, wanted);
      continue;
    }
    const overLimit: string[] = [];
    const offer = byWeight
      .flatMap((pool) =>
        INSTANCE_TYPES.flatMap((type) => ZONES.map((zone) => ({ pool, type, labels: poolLabels(pool, type, zone) }))),
      )
      .find(({ pool, type, labels }) => {
        if (labels === undefined || !accepts(pod, pool, labels) || !fits(wanted, {}, type)) return false;
        if (!exceeded(pool, used.get(pool.metadata.name) ?? {}, type)) return true;
        if (!overLimit.includes(pool.metadata.name)) overLimit.push(pool.metadata.name);
        return false;
      });
    if (offer?.labels) {
      offers.push({ ...offer, labels: offer.labels, pods: [pod], used: addAmounts({}, wanted) });
      const type = { nodes: 1, cpu: offer.type.cpu, memory: offer.type.memory };
      used.set(offer.pool.metadata.name, addAmounts(used.get(offer.pool.metadata.name) ?? {}, type));
    } else if (overLimit.length > 0) {
      refused.push({
        pod,
        message: `Failed to schedule pod, all available instance types exceed limits for nodepool: "${overLimit.join('", "')}"`,
      });
    } else {
      const names = byWeight.map(({ metadata }) => metadata.name).join('", "');
      refused.push({
        pod,
        message: `Failed to schedule pod, incompatible with nodepool "${names}": no instance type satisfies its requests, selectors and taints`,
      });
    }
  }
  return { offers, refused };
}
