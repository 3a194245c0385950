/** Whether a pod fits on a node, and if not, why, in the words of kube-scheduler. Pure. */
import { type Amounts, addAmounts, amounts, parseQuantity } from './machinery/quantity.ts';
import { mapMatches, nodeTermsMatch } from './machinery/selectors.ts';
import type { Node, Pod, PodSpec, Taint, Toleration } from './machinery/types.ts';

/** What a pod asks of a node: the sum of its containers, or its largest init container, plus overhead. */
export function requestsOf(spec: PodSpec): Amounts {
  const total = spec.containers.reduce<Amounts>(
    (sum, container) => addAmounts(sum, amounts(container.resources?.requests)),
    {},
  );
  for (const init of spec.initContainers ?? []) {
    const wants = amounts(init.resources?.requests);
    if (init.restartPolicy === 'Always') addAmounts(total, wants);
    else for (const [name, value] of Object.entries(wants)) total[name] = Math.max(total[name] ?? 0, value);
  }
  addAmounts(total, amounts(spec.overhead));
  return addAmounts(total, { pods: 1 });
}

export const tolerates = (toleration: Toleration, taint: Pick<Taint, 'key' | 'value' | 'effect'>): boolean =>
  (!toleration.effect || toleration.effect === taint.effect) &&
  (toleration.key ? toleration.key === taint.key : toleration.operator === 'Exists') &&
  (toleration.operator === 'Exists' || (toleration.value ?? '') === (taint.value ?? ''));

/** The first taint that keeps the pod away. */
export const untolerated = (taints: Taint[] | undefined, tolerations: Toleration[] | undefined): Taint | undefined =>
  (taints ?? []).find(
    (taint) =>
      taint.effect !== 'PreferNoSchedule' && !(tolerations ?? []).some((toleration) => tolerates(toleration, taint)),
  );

/** Whether the node's labels are what the pod selects. */
export function selects(spec: PodSpec, name: string, labels: Record<string, string> | undefined): boolean {
  const required = spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  return (
    mapMatches(spec.nodeSelector, labels) &&
    (required === undefined || nodeTermsMatch(required.nodeSelectorTerms, name, labels))
  );
}

/** What this scheduler does not know and so must not pretend to have kept. */
export function unsupported(spec: PodSpec): string | undefined {
  const { podAffinity, podAntiAffinity } = spec.affinity ?? {};
  if (podAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.length)
    return 'required pod affinity is not supported by the embedded scheduler';
  if (podAntiAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.length) {
    return 'required pod anti-affinity is not supported by the embedded scheduler';
  }
  if (spec.topologySpreadConstraints?.some(({ whenUnsatisfiable }) => whenUnsatisfiable === 'DoNotSchedule')) {
    return 'topology spread with DoNotSchedule is not supported by the embedded scheduler';
  }
  if (spec.resourceClaims?.length) return 'resource claims are not supported by the embedded scheduler';
  return undefined;
}

/** Reasons against the node; none: it fits. `used` is what its pods request already. */
export function misfits(pod: Pod, node: Node, used: Amounts): string[] {
  const { spec } = pod;
  if (node.spec?.unschedulable && !untoleratedOnlyUnschedulable(spec)) return ['node(s) were unschedulable'];
  if (spec.nodeName && spec.nodeName !== node.metadata.name) return ["node(s) didn't match the requested node name"];
  if (!selects(spec, node.metadata.name, node.metadata.labels))
    return ["node(s) didn't match Pod's node affinity/selector"];
  const taint = untolerated(node.spec?.taints, spec.tolerations);
  if (taint) return ['node(s) had untolerated taint(s)'];
  const allocatable = amounts(node.status?.allocatable);
  return Object.entries(requestsOf(spec))
    .filter(([name, wanted]) => wanted > 0 && wanted + (used[name] ?? 0) > (allocatable[name] ?? 0) + 1e-9)
    .map(([name]) => (name === 'pods' ? 'Too many pods' : `Insufficient ${name}`));
}

const untoleratedOnlyUnschedulable = (spec: PodSpec): boolean =>
  (spec.tolerations ?? []).some((toleration) =>
    tolerates(toleration, { key: 'node.kubernetes.io/unschedulable', effect: 'NoSchedule' }),
  );

/** Share of the node that stays free: the emptiest node is taken. */
export function freeShare(node: Node, used: Amounts): number {
  const share = (name: string) => {
    const all = parseQuantity(node.status?.allocatable?.[name] ?? 0);
    return all === 0 ? 0 : 1 - (used[name] ?? 0) / all;
  };
  return (share('cpu') + share('memory')) / 2;
}

/** `0/2 nodes are available: 1 Insufficient cpu, 1 node(s) were unschedulable.` */
export function explain(total: number, reasons: string[]): string {
  if (total === 0) return 'no nodes available to schedule pods';
  const counts = new Map<string, number>();
  for (const reason of reasons) counts.set(reason, (counts.get(reason) ?? 0) + 1);
  const list = [...counts].map(([reason, count]) => `${count} ${reason}`).sort();
  return `0/${total} nodes are available: ${list.join(', ')}.`;
}
