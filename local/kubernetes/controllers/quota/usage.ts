/** What an object takes of a ResourceQuota, by the names that quotas use. Pure. */
import { type Exact, exact, plus, ZERO } from '../machinery/quantity-sum.ts';
import { persistentVolumeClaims, pods, type Resource, resourceKey, services } from '../machinery/resources.ts';
import type { PersistentVolumeClaim, Pod, PodSpec, ResourceQuota, Service, Stored } from '../machinery/types.ts';
import { isFinished } from '../pods.ts';

export type Usage = Record<string, Exact>;

const ONE = exact(1);
/** Core kinds that quotas name without `count/`. */
const PLAIN = new Set([
  'pods',
  'services',
  'secrets',
  'configmaps',
  'persistentvolumeclaims',
  'resourcequotas',
  'replicationcontrollers',
]);
const CLASS_INFIX = '.storageclass.storage.k8s.io/';

const add = (usage: Usage, name: string, value: Exact) => {
  usage[name] = plus(usage[name] ?? ZERO, value);
};

/** Sum of the containers, or the largest init container, plus overhead. */
function total(spec: PodSpec, of: 'requests' | 'limits'): Usage {
  const sum: Usage = {};
  const take = (list: Record<string, string> | undefined, how: (name: string, value: Exact) => void) => {
    for (const [name, value] of Object.entries(list ?? {})) how(name, exact(value));
  };
  for (const container of spec.containers) take(container.resources?.[of], (name, value) => add(sum, name, value));
  const largest: Usage = {};
  for (const init of spec.initContainers ?? []) {
    if (init.restartPolicy === 'Always') take(init.resources?.[of], (name, value) => add(sum, name, value));
    else
      take(init.resources?.[of], (name, value) => {
        if (value.nano > (largest[name] ?? ZERO).nano) largest[name] = value;
      });
  }
  for (const [name, value] of Object.entries(largest)) if (value.nano > (sum[name] ?? ZERO).nano) sum[name] = value;
  take(spec.overhead, (name, value) => add(sum, name, value));
  return sum;
}

function podUsage(pod: Pod, now: number): Usage {
  const { deletionTimestamp, deletionGracePeriodSeconds = 0 } = pod.metadata;
  // A pod whose grace is over is as good as gone; an ended one holds nothing but its object.
  const overdue =
    deletionTimestamp !== undefined && now > Date.parse(deletionTimestamp) + deletionGracePeriodSeconds * 1000;
  if (isFinished(pod) || overdue) return {};
  const usage: Usage = { pods: ONE };
  for (const [name, value] of Object.entries(total(pod.spec, 'requests'))) {
    add(usage, `requests.${name}`, value);
    if (['cpu', 'memory', 'ephemeral-storage'].includes(name) || name.startsWith('hugepages-')) add(usage, name, value);
  }
  for (const [name, value] of Object.entries(total(pod.spec, 'limits'))) add(usage, `limits.${name}`, value);
  return usage;
}

function claimUsage(claim: PersistentVolumeClaim): Usage {
  const storage = [claim.spec.resources?.requests?.storage, claim.status?.allocatedResources?.storage]
    .flatMap((text) => (text === undefined ? [] : [exact(text)]))
    .reduce((a, b) => (b.nano > a.nano ? b : a), ZERO);
  const usage: Usage = { persistentvolumeclaims: ONE, 'requests.storage': storage };
  const { storageClassName } = claim.spec;
  if (storageClassName) {
    usage[`${storageClassName}${CLASS_INFIX}persistentvolumeclaims`] = ONE;
    usage[`${storageClassName}${CLASS_INFIX}requests.storage`] = storage;
  }
  return usage;
}

function serviceUsage({ spec: { type, ports = [] } }: Service): Usage {
  const usage: Usage = { services: ONE };
  if (type === 'LoadBalancer') usage['services.loadbalancers'] = ONE;
  const nodePorts = type === 'NodePort' ? ports.length : ports.filter(({ nodePort }) => nodePort).length;
  if (type === 'NodePort' || type === 'LoadBalancer') usage['services.nodeports'] = exact(nodePorts);
  return usage;
}

const countName = ({ apiVersion, plural }: Resource): string =>
  apiVersion.includes('/') ? `count/${plural}.${apiVersion.slice(0, apiVersion.indexOf('/'))}` : `count/${plural}`;

export function usageOf(of: Resource, object: Stored, now = Date.now()): Usage {
  const usage: Usage = { [countName(of)]: ONE };
  const key = resourceKey(of);
  if (key === resourceKey(pods)) return { ...usage, ...podUsage(object as Pod, now) };
  if (key === resourceKey(persistentVolumeClaims)) return { ...usage, ...claimUsage(object as PersistentVolumeClaim) };
  if (key === resourceKey(services)) return { ...usage, ...serviceUsage(object as Service) };
  return PLAIN.has(of.plural) && of.apiVersion === 'v1' ? { ...usage, [of.plural]: ONE } : usage;
}

/** The kind whose objects a quota counts under that name: `pods.`, `leases.coordination.k8s.io`. */
export function kindOfName(name: string): string {
  if (name.startsWith('count/'))
    return name.includes('.') ? name.slice('count/'.length) : `${name.slice('count/'.length)}.`;
  if (name.startsWith('services.')) return 'services.';
  if (name === 'requests.storage' || name.includes(CLASS_INFIX)) return 'persistentvolumeclaims.';
  return PLAIN.has(name) ? `${name}.` : 'pods.';
}

const isBestEffort = (pod: Pod): boolean =>
  [...pod.spec.containers, ...(pod.spec.initContainers ?? [])].every(({ resources }) =>
    [resources?.requests, resources?.limits].every((list) => ['cpu', 'memory'].every((name) => !list?.[name])),
  );

const mindsOtherNamespaces = ({ spec: { affinity } }: Pod): boolean =>
  [affinity?.podAffinity, affinity?.podAntiAffinity].some((rules) =>
    [
      ...(rules?.requiredDuringSchedulingIgnoredDuringExecution ?? []),
      ...(rules?.preferredDuringSchedulingIgnoredDuringExecution ?? []).map(({ podAffinityTerm }) => podAffinityTerm),
    ].some((term) => term.namespaces?.length || term.namespaceSelector),
  );

/** Whether the quota's scopes take the pod in; quotas with scopes count pods only. */
export function inScope({ spec }: ResourceQuota, of: Resource, object: Stored): boolean {
  const selected = spec.scopeSelector?.matchExpressions ?? [];
  const scopes = [
    ...(spec.scopes ?? []).map((scopeName) => ({ scopeName, operator: 'Exists', values: [] as string[] })),
    ...selected,
  ];
  if (scopes.length === 0) return true;
  if (resourceKey(of) !== resourceKey(pods)) return false;
  const pod = object as Pod;
  const terminating = pod.spec.activeDeadlineSeconds !== undefined && pod.spec.activeDeadlineSeconds >= 0;
  return scopes.every(({ scopeName, operator, values = [] }) => {
    if (scopeName === 'Terminating') return terminating;
    if (scopeName === 'NotTerminating') return !terminating;
    if (scopeName === 'BestEffort') return isBestEffort(pod);
    if (scopeName === 'NotBestEffort') return !isBestEffort(pod);
    if (scopeName === 'CrossNamespacePodAffinity') return mindsOtherNamespaces(pod);
    const { priorityClassName: name = '' } = pod.spec;
    if (operator === 'In') return values.includes(name);
    if (operator === 'NotIn') return !values.includes(name);
    return operator === 'Exists' ? name !== '' : name === '';
  });
}
