/** What an object counts for in a quota, by the names that quotas use. */
import type { Json, Obj } from '../../json.ts';
import { pieces, podNeeds, type Quantities, quantityOf } from '../quantities.ts';

interface Resource {
  group: string;
  resource: string;
}

/** Kinds of the core group whose plural alone is a name in quotas. */
const NAMED = new Set([
  'configmaps',
  'persistentvolumeclaims',
  'pods',
  'replicationcontrollers',
  'resourcequotas',
  'secrets',
  'services',
]);
/** What a pod may ask for without the words `requests.` and is counted as that too. */
const PLAIN = new Set(['cpu', 'memory', 'ephemeral-storage']);
const CLASS = '.storageclass.storage.k8s.io';

export function usageOf({ group, resource }: Resource, object: Obj): Quantities {
  const usage: Quantities = new Map([[`count/${resource}${group && `.${group}`}`, pieces(1)]]);
  if (group !== '') return usage;
  if (resource === 'pods') return ended(object) ? usage : podUsage(usage, object.spec);
  if (NAMED.has(resource)) usage.set(resource, pieces(1));
  if (resource === 'services') serviceUsage(usage, object.spec);
  if (resource === 'persistentvolumeclaims') claimUsage(usage, object);
  return usage;
}

/** A pod that is through, or whose time to go is over, uses nothing any more. */
function ended({ metadata, status }: Obj): boolean {
  if (status?.phase === 'Succeeded' || status?.phase === 'Failed') return true;
  return metadata.deletionTimestamp !== undefined && Date.parse(metadata.deletionTimestamp) < Date.now();
}

function podUsage(usage: Quantities, spec: Json): Quantities {
  usage.set('pods', pieces(1));
  for (const [name, quantity] of podNeeds(spec, 'requests')) {
    usage.set(`requests.${name}`, quantity);
    if (PLAIN.has(name) || name.startsWith('hugepages-')) usage.set(name, quantity);
  }
  for (const [name, quantity] of podNeeds(spec, 'limits')) usage.set(`limits.${name}`, quantity);
  return usage;
}

function serviceUsage(usage: Quantities, spec: Json): void {
  const { type, ports = [], allocateNodePorts } = spec ?? {};
  if (type === 'NodePort' || (type === 'LoadBalancer' && allocateNodePorts !== false))
    usage.set('services.nodeports', pieces(ports.length));
  if (type === 'LoadBalancer') usage.set('services.loadbalancers', pieces(1));
}

function claimUsage(usage: Quantities, { metadata, spec, status }: Obj): void {
  const asked = quantityOf(spec?.resources?.requests?.storage);
  // While a volume grows or shrinks, the greater size counts.
  const given = quantityOf(status?.allocatedResources?.storage);
  const storage = given.nano > asked.nano ? given : asked;
  usage.set('requests.storage', storage);
  const name = metadata.annotations?.['volume.beta.kubernetes.io/storage-class'] ?? spec?.storageClassName;
  if (!name) return;
  usage.set(`${name}${CLASS}/persistentvolumeclaims`, pieces(1));
  usage.set(`${name}${CLASS}/requests.storage`, storage);
}

/** What a pod must name in a namespace whose quota limits it: each container, or the pod itself. */
export function unnamed(spec: Json, hard: readonly string[]): Map<string, string[]> {
  const missing = new Map<string, string[]>();
  const containers: Json[] = [...(spec.containers ?? []), ...(spec.initContainers ?? [])];
  for (const limited of [...hard].sort()) {
    const [, kind = 'requests', plain] = /^(?:(requests|limits)\.)?(cpu|memory)$/.exec(limited) ?? [];
    if (plain === undefined || spec.resources?.[kind]?.[plain] !== undefined) continue;
    const silent = containers.filter(({ resources }) => resources?.[kind]?.[plain] === undefined);
    if (silent.length) missing.set(limited, silent.map(({ name }) => name).sort());
  }
  return missing;
}
