/** Rules about other pods: required affinity and anti-affinity, and spread with DoNotSchedule. Pure. */
import { selectorMatches } from '../machinery/selectors.ts';
import type { LabelSelector, Node, Pod } from '../machinery/types.ts';
import { isTerminating } from '../pods.ts';
import { selects } from './fit.ts';
import { fullOf, type Misfit, never } from './misfit.ts';

type Terms = NonNullable<
  NonNullable<NonNullable<Pod['spec']['affinity']>['podAffinity']>['requiredDuringSchedulingIgnoredDuringExecution']
>;
type Term = Terms[number];

export interface Placed {
  pod: Pod;
  node: string;
}

export interface Around {
  nodes: ReadonlyMap<string, Node>;
  placed: Iterable<Placed>;
  /** Labels of a namespace, for terms that select namespaces. */
  namespaceLabels(name: string): Record<string, string> | undefined;
}

const affinityOf = (pod: Pod): Terms =>
  pod.spec.affinity?.podAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? [];
const antiAffinityOf = (pod: Pod): Terms =>
  pod.spec.affinity?.podAntiAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? [];
const spreadOf = (pod: Pod) =>
  (pod.spec.topologySpreadConstraints ?? []).filter(({ whenUnsatisfiable }) => whenUnsatisfiable === 'DoNotSchedule');

/** Whether the pod's place depends on other pods at all. */
export const mindsOthers = (pod: Pod): boolean =>
  affinityOf(pod).length + antiAffinityOf(pod).length + spreadOf(pod).length > 0;

/** The topologies of the pod's rules; required affinity counts whatever its key, as a new node has no pods to join. */
export const topologyKeys = (pod: Pod): string[] => [
  ...affinityOf(pod).map(({ topologyKey }) => `${topologyKey} of other pods`),
  ...[...antiAffinityOf(pod), ...spreadOf(pod)].map(({ topologyKey }) => topologyKey),
];

export const keepsOthersAway = (pod: Pod): boolean => antiAffinityOf(pod).length > 0;

/** The selector with the values that `owner` has for the named keys. */
function narrowed(selector: LabelSelector | undefined, owner: Pod, same: string[] = [], other: string[] = []) {
  const pick = (keys: string[], operator: string) =>
    keys.flatMap((key) => {
      const value = owner.metadata.labels?.[key];
      return value === undefined ? [] : [{ key, operator, values: [value] }];
    });
  const more = [...pick(same, 'In'), ...pick(other, 'NotIn')];
  return more.length === 0
    ? selector
    : { ...selector, matchExpressions: [...(selector?.matchExpressions ?? []), ...more] };
}

/** Whether a term of `owner` means `other`. */
function means(term: Term, owner: Pod, other: Pod, namespaceLabels: Around['namespaceLabels']): boolean {
  const { namespace = '' } = other.metadata;
  const named = term.namespaces?.length
    ? term.namespaces.includes(namespace)
    : term.namespaceSelector === undefined && namespace === owner.metadata.namespace;
  const selected =
    term.namespaceSelector !== undefined && selectorMatches(term.namespaceSelector, namespaceLabels(namespace) ?? {});
  const selector = narrowed(term.labelSelector, owner, term.matchLabelKeys, term.mismatchLabelKeys);
  return (named || selected) && selectorMatches(selector, other.metadata.labels);
}

/** Reasons against a node by what runs elsewhere. Made once for a pod, asked for each node. */
export function topologyRules(pod: Pod, around: Around): (node: Node) => Misfit[] {
  const { nodes, namespaceLabels } = around;
  const labelAt = (node: string, key: string) => nodes.get(node)?.metadata.labels?.[key];
  const affinity = affinityOf(pod);
  const anti = antiAffinityOf(pod);
  const spread = spreadOf(pod).map((constraint) => ({
    ...constraint,
    selector: narrowed(constraint.labelSelector, pod, constraint.matchLabelKeys),
    counts: new Map<string, number>(),
  }));
  /** `key=value` of the topologies that are wanted, those the pod keeps away from, and those that keep it away. */
  const wanted = new Set<string>();
  const avoided = new Set<string>();
  const barred = new Set<string>();

  const hasKeys = (node: Node) => spread.every(({ topologyKey }) => node.metadata.labels?.[topologyKey] !== undefined);
  const counts = (node: Node, policy?: string) =>
    hasKeys(node) && (policy === 'Ignore' || selects(pod.spec, node.metadata.name, node.metadata.labels));
  for (const constraint of spread) {
    for (const node of nodes.values()) {
      const value = node.metadata.labels?.[constraint.topologyKey];
      if (value !== undefined && counts(node, constraint.nodeAffinityPolicy)) constraint.counts.set(value, 0);
    }
  }
  for (const { pod: other, node } of around.placed) {
    if (other.metadata.uid === pod.metadata.uid) continue;
    if (affinity.length > 0 && affinity.every((term) => means(term, pod, other, namespaceLabels)))
      for (const { topologyKey } of affinity) wanted.add(`${topologyKey}=${labelAt(node, topologyKey)}`);
    for (const term of anti)
      if (means(term, pod, other, namespaceLabels))
        avoided.add(`${term.topologyKey}=${labelAt(node, term.topologyKey)}`);
    for (const term of antiAffinityOf(other))
      if (means(term, other, pod, namespaceLabels))
        barred.add(`${term.topologyKey}=${labelAt(node, term.topologyKey)}`);
    if (other.metadata.namespace !== pod.metadata.namespace || isTerminating(other)) continue;
    for (const { topologyKey, selector, counts: counted } of spread) {
      const value = labelAt(node, topologyKey) ?? '';
      const count = counted.get(value);
      if (count !== undefined && selectorMatches(selector, other.metadata.labels)) counted.set(value, count + 1);
    }
  }
  // The first of a group that wants to be together has nobody to join yet.
  const first = wanted.size === 0 && affinity.every((term) => means(term, pod, pod, namespaceLabels));

  return (node) => {
    const labels = node.metadata.labels ?? {};
    for (const { topologyKey, selector, maxSkew, minDomains, counts: counted } of spread) {
      const value = labels[topologyKey];
      if (value === undefined)
        return [never("node(s) didn't match pod topology spread constraints (missing required label)")];
      const least = counted.size < (minDomains ?? 1) ? 0 : Math.min(...counted.values());
      const self = selectorMatches(selector, pod.metadata.labels) ? 1 : 0;
      if ((counted.get(value) ?? 0) + self - least > maxSkew)
        return [fullOf("node(s) didn't match pod topology spread constraints")];
    }
    const at = ({ topologyKey }: Term) => `${topologyKey}=${labels[topologyKey]}`;
    const joins = affinity.every((term) => labels[term.topologyKey] !== undefined && (first || wanted.has(at(term))));
    if (!joins) return [never("node(s) didn't match pod affinity rules")];
    if (anti.some((term) => labels[term.topologyKey] !== undefined && avoided.has(at(term))))
      return [fullOf("node(s) didn't match pod anti-affinity rules")];
    if ([...barred].some((pair) => labels[pair.slice(0, pair.indexOf('='))] === pair.slice(pair.indexOf('=') + 1)))
      return [fullOf("node(s) didn't satisfy existing pods anti-affinity rules")];
    return [];
  };
}
