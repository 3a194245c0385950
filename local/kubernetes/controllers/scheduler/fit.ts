/** Whether a pod fits on a node by what the node itself is and has: name, taints, labels, ports, room. Pure. */
import { type Amounts, addAmounts, amounts } from '../machinery/quantity.ts';
import { mapMatches, nodeTermsMatch } from '../machinery/selectors.ts';
import type { Node, Pod, PodSpec, Taint, Toleration } from '../machinery/types.ts';
import { fullOf, type Misfit, never } from './misfit.ts';

/** The answer of `of`, kept as long as what it was asked about: objects of a cache never change, they are replaced. */
function remembered<K extends object, V>(of: (key: K) => V): (key: K) => V {
  const known = new WeakMap<K, V>();
  return (key) => {
    const value = known.get(key) ?? of(key);
    known.set(key, value);
    return value;
  };
}

/** What a pod asks of a node: the sum of its containers, or its largest init container, plus overhead. Not to be changed. */
export const requestsOf: (spec: PodSpec) => Readonly<Amounts> = remembered((spec) => {
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
});

const allocatableOf = remembered((node: Node): Readonly<Amounts> => amounts(node.status?.allocatable));

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
export const unsupported = (spec: PodSpec): string | undefined =>
  spec.resourceClaims?.length ? 'resource claims are not supported by the embedded scheduler' : undefined;

/** The ports of the node that the pod takes: `TCP 0.0.0.0 80`. */
export const hostPorts = (spec: PodSpec): string[] =>
  spec.containers.flatMap((container) =>
    (container.ports ?? [])
      .filter(({ hostPort }) => hostPort)
      .map(({ protocol, hostIP, hostPort }) => `${protocol ?? 'TCP'} ${hostIP || '0.0.0.0'} ${hostPort}`),
  );

const portsClash = (a: string, b: string): boolean => {
  const [protocolA, ipA, portA] = a.split(' ');
  const [protocolB, ipB, portB] = b.split(' ');
  return protocolA === protocolB && portA === portB && (ipA === ipB || ipA === '0.0.0.0' || ipB === '0.0.0.0');
};

/** Reasons against the node, those of the first check that fails; none: it fits. `used` is what its pods request already, `ports` what they hold. */
export function misfits(pod: Pod, node: Node, used: Amounts, ports: readonly string[] = []): Misfit[] {
  const { spec } = pod;
  const cordoned = { key: 'node.kubernetes.io/unschedulable', effect: 'NoSchedule' };
  const takesCordoned = (spec.tolerations ?? []).some((toleration) => tolerates(toleration, cordoned));
  if (node.metadata.deletionTimestamp || (node.spec?.unschedulable && !takesCordoned))
    return [never('node(s) were unschedulable')];
  if (spec.nodeName && spec.nodeName !== node.metadata.name)
    return [never("node(s) didn't match the requested node name")];
  if (untolerated(node.spec?.taints, spec.tolerations)) return [never('node(s) had untolerated taint(s)')];
  if (!selects(spec, node.metadata.name, node.metadata.labels))
    return [never("node(s) didn't match Pod's node affinity/selector")];
  if (hostPorts(spec).some((wanted) => ports.some((held) => portsClash(wanted, held))))
    return [fullOf("node(s) didn't have free ports for the requested pod ports")];
  const allocatable = allocatableOf(node);
  return Object.entries(requestsOf(spec))
    .filter(([name, wanted]) => wanted > 0 && wanted + (used[name] ?? 0) > (allocatable[name] ?? 0) + 1e-9)
    .map(([name, wanted]) => {
      const reason = name === 'pods' ? 'Too many pods' : `Insufficient ${name}`;
      return wanted > (allocatable[name] ?? 0) + 1e-9 ? never(reason) : fullOf(reason);
    });
}

/** Share of the node that stays free: the emptiest node is taken. */
export function freeShare(node: Node, used: Amounts): number {
  const share = (name: string) => {
    const all = allocatableOf(node)[name] ?? 0;
    return all === 0 ? 0 : 1 - (used[name] ?? 0) / all;
  };
  return (share('cpu') + share('memory')) / 2;
}
