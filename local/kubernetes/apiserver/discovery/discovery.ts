/** Which groups, versions, kinds and verbs there are: the plain and the aggregated form. */
import type { Json } from '../json.ts';
import { apiVersionOf, type Kind } from '../kinds/kind.ts';
import type { Registry } from '../kinds/registry.ts';

interface Sub {
  name: string;
  verbs: string[];
  kind: string;
  group?: string;
  version?: string;
}

/** Groups in the order in which a real server lists them; others follow. */
const ORDER = [
  '',
  'apps',
  'events.k8s.io',
  'authentication.k8s.io',
  'authorization.k8s.io',
  'networking.k8s.io',
  'policy',
  'rbac.authorization.k8s.io',
  'storage.k8s.io',
  'apiextensions.k8s.io',
  'scheduling.k8s.io',
  'coordination.k8s.io',
  'discovery.k8s.io',
];

/** Refused here in plain words, but there to be asked. */
const PROXIED = ['create', 'delete', 'get', 'patch', 'update'];

function subresourcesOf(kind: Kind): Sub[] {
  const found: Sub[] = [];
  if (kind.status) found.push({ name: 'status', verbs: ['get', 'patch', 'update'], kind: kind.kind });
  if (kind.scale)
    found.push({
      name: 'scale',
      verbs: ['get', 'patch', 'update'],
      kind: 'Scale',
      group: 'autoscaling',
      version: 'v1',
    });
  if (kind.group !== '') return found;
  if (kind.resource === 'namespaces') found.push({ name: 'finalize', verbs: ['update'], kind: 'Namespace' });
  if (kind.resource === 'serviceaccounts')
    found.push({
      name: 'token',
      verbs: ['create'],
      kind: 'TokenRequest',
      group: 'authentication.k8s.io',
      version: 'v1',
    });
  if (kind.resource === 'services') found.push({ name: 'proxy', verbs: PROXIED, kind: 'ServiceProxyOptions' });
  if (kind.resource === 'nodes') found.push({ name: 'proxy', verbs: PROXIED, kind: 'NodeProxyOptions' });
  if (kind.resource === 'pods') {
    found.push(
      { name: 'attach', verbs: ['create', 'get'], kind: 'PodAttachOptions' },
      { name: 'binding', verbs: ['create'], kind: 'Binding' },
      { name: 'ephemeralcontainers', verbs: ['get', 'patch', 'update'], kind: 'Pod' },
      { name: 'eviction', verbs: ['create'], kind: 'Eviction', group: 'policy', version: 'v1' },
      { name: 'exec', verbs: ['create', 'get'], kind: 'PodExecOptions' },
      { name: 'log', verbs: ['get'], kind: 'Pod' },
      { name: 'portforward', verbs: ['create', 'get'], kind: 'PodPortForwardOptions' },
      { name: 'proxy', verbs: PROXIED, kind: 'PodProxyOptions' },
      { name: 'resize', verbs: ['get', 'patch', 'update'], kind: 'Pod' },
    );
  }
  return found.sort((a, b) => (a.name < b.name ? -1 : 1));
}

const kindsOf = (registry: Registry, group: string, version: string): Kind[] =>
  registry
    .all()
    .filter((kind) => kind.group === group && kind.version === version)
    .sort((a, b) => (a.resource < b.resource ? -1 : 1));

export function apiResourceList(registry: Registry, group: string, version: string): Json {
  const resources: Json[] = kindsOf(registry, group, version).flatMap((kind) => [
    {
      name: kind.resource,
      singularName: kind.singular,
      namespaced: kind.namespaced,
      kind: kind.kind,
      verbs: kind.verbs,
      ...(kind.shortNames?.length && { shortNames: kind.shortNames }),
      ...(kind.categories?.length && { categories: kind.categories }),
    },
    ...subresourcesOf(kind).map((sub) => ({
      name: `${kind.resource}/${sub.name}`,
      singularName: '',
      namespaced: kind.namespaced,
      ...(sub.group && { group: sub.group, version: sub.version }),
      kind: sub.kind,
      verbs: sub.verbs,
    })),
  ]);
  if (group === '')
    resources.unshift({
      name: 'bindings',
      singularName: 'binding',
      namespaced: true,
      kind: 'Binding',
      verbs: ['create'],
    });
  return {
    kind: 'APIResourceList',
    ...(group && { apiVersion: 'v1' }),
    groupVersion: apiVersionOf({ group, version }),
    resources,
  };
}

export function apiGroup(registry: Registry, group: string): Json {
  const versions = registry
    .versionsOf(group)!
    .map((version) => ({ groupVersion: apiVersionOf({ group, version }), version }));
  return { name: group, versions, preferredVersion: versions[0] };
}

const sorted = (registry: Registry): string[] => {
  const rank = (group: string) => (ORDER.includes(group) ? ORDER.indexOf(group) : ORDER.length);
  return registry.groups().sort((a, b) => rank(a) - rank(b) || (a < b ? -1 : 1));
};

export const apiGroupList = (registry: Registry): Json => ({
  kind: 'APIGroupList',
  apiVersion: 'v1',
  groups: sorted(registry)
    .filter(Boolean)
    .map((group) => apiGroup(registry, group)),
});

const scopeOf = ({ namespaced }: Kind) => (namespaced ? 'Namespaced' : 'Cluster');

/** One document with everything, of the core group or of all others. */
export function aggregated(registry: Registry, core: boolean, version: string): Json {
  const groups = core ? [''] : sorted(registry).filter(Boolean);
  return {
    kind: 'APIGroupDiscoveryList',
    apiVersion: `apidiscovery.k8s.io/${version}`,
    metadata: {},
    items: groups.map((group) => ({
      metadata: group ? { name: group } : {},
      versions: registry.versionsOf(group)!.map((one) => ({
        version: one,
        resources: [...(group === '' ? [bindings] : []), ...kindsOf(registry, group, one).map(entry)],
        freshness: 'Current',
      })),
    })),
  };
}

const bindings: Json = {
  resource: 'bindings',
  responseKind: { group: '', version: '', kind: 'Binding' },
  scope: 'Namespaced',
  singularResource: 'binding',
  verbs: ['create'],
};

function entry(kind: Kind): Json {
  const subresources = subresourcesOf(kind);
  const own = { group: '', version: '' };
  const custom = { group: kind.group, version: kind.version };
  return {
    resource: kind.resource,
    responseKind: { ...(kind.custom ? custom : own), kind: kind.kind },
    scope: scopeOf(kind),
    singularResource: kind.singular,
    verbs: kind.verbs,
    ...(kind.shortNames?.length && { shortNames: kind.shortNames }),
    ...(kind.categories?.length && { categories: kind.categories }),
    ...(subresources.length && {
      subresources: subresources.map((sub) => ({
        subresource: sub.name,
        responseKind: {
          ...(sub.group ? { group: sub.group, version: sub.version } : kind.custom ? custom : own),
          kind: sub.kind,
        },
        verbs: sub.verbs,
      })),
    }),
  };
}
