/** The kinds of the core group. */
import { limitRangeDefaults, limitRangeFaults } from '../admission/limit-ranges/kind.ts';
import { quotaFaults, quotaUpdateFaults } from '../admission/quota/kind.ts';
import { at, type Json, type Obj } from '../json.ts';
import { AGE, CREATED_AT, column, NAME, text, wide } from './columns.ts';
import { configmaps, secrets } from './configuration.ts';
import { define } from './define.ts';
import { endpointsFaults } from './endpoint-validation.ts';
import { EVENT_COLUMNS, eventFaults } from './events.ts';
import { ALL_VERBS, type Kind } from './kind.ts';
import { pods } from './pods.ts';
import { services } from './services.ts';
import { persistentvolumeclaims, persistentvolumes } from './volumes.ts';

const PKG = 'io.k8s.api.core.v1';
const core = (kind: string, resource: string, own: Parameters<typeof define>[5] = {}): Kind =>
  define('', 'v1', PKG, kind, resource, own);

const namespaces = core('Namespace', 'namespaces', {
  shortNames: ['ns'],
  namespaced: false,
  nameRule: 'label',
  status: true,
  verbs: ALL_VERBS.filter((verb) => verb !== 'deletecollection'),
  deleteAnswersObject: true,
  columns: [NAME, column('Status', text('status.phase')), AGE],
  fields: { 'status.phase': (namespace) => at(namespace, 'status.phase') ?? '' },
  defaults(namespace) {
    const { metadata } = namespace;
    if (metadata?.name) metadata.labels = { ...metadata.labels, 'kubernetes.io/metadata.name': metadata.name };
  },
  prepareCreate(namespace) {
    const finalizers: string[] = namespace.spec?.finalizers ?? [];
    namespace.spec = { finalizers: finalizers.includes('kubernetes') ? finalizers : [...finalizers, 'kubernetes'] };
    namespace.status = { phase: 'Active' };
  },
  prepareUpdate(next, old) {
    next.spec = old.spec;
  },
});

const roles = (node: Obj): string => {
  const found = Object.entries(node.metadata.labels ?? {}).flatMap(([key, value]) =>
    key.startsWith('node-role.kubernetes.io/') ? [key.slice(24)] : key === 'kubernetes.io/role' && value ? [value] : [],
  );
  return found.length ? found.sort().join(',') : '<none>';
};
function nodeStatus(node: Obj): string {
  const ready = (at(node, 'status.conditions') ?? []).find(({ type }: Json) => type === 'Ready');
  const words = [ready === undefined ? 'Unknown' : ready.status === 'True' ? 'Ready' : 'NotReady'];
  if (at(node, 'spec.unschedulable')) words.push('SchedulingDisabled');
  return words.join(',');
}
const address = (kind: string) => (node: Obj) =>
  (at(node, 'status.addresses') ?? []).find(({ type }: Json) => type === kind)?.address ?? '<none>';

const nodes = core('Node', 'nodes', {
  shortNames: ['no'],
  namespaced: false,
  status: true,
  columns: [
    NAME,
    column('Status', nodeStatus),
    column('Roles', roles),
    AGE,
    column('Version', text('status.nodeInfo.kubeletVersion')),
    wide('Internal-IP', address('InternalIP')),
    wide('External-IP', address('ExternalIP')),
    wide('OS-Image', text('status.nodeInfo.osImage', '<unknown>')),
    wide('Kernel-Version', text('status.nodeInfo.kernelVersion', '<unknown>')),
    wide('Container-Runtime', text('status.nodeInfo.containerRuntimeVersion', '<unknown>')),
  ],
  fields: { 'spec.unschedulable': (node) => String(at(node, 'spec.unschedulable') ?? false) },
  defaults(node) {
    if (node.status?.capacity && !node.status.allocatable) node.status.allocatable = { ...node.status.capacity };
  },
});

const quotaText = (quota: Obj, limits: boolean): string => {
  const hard: Record<string, string> = at(quota, 'status.hard') ?? {};
  const used: Record<string, string> = at(quota, 'status.used') ?? {};
  return Object.keys(hard)
    .filter((name) => name.startsWith('limits') === limits)
    .sort()
    .map((name) => `${name}: ${used[name] ?? '0'}/${hard[name]}`)
    .join(', ');
};

const simple: Kind[] = [
  core('ServiceAccount', 'serviceaccounts', { shortNames: ['sa'], deleteAnswersObject: true }),
  core('Endpoints', 'endpoints', {
    shortNames: ['ep'],
    singular: 'endpoints',
    columns: [
      NAME,
      column('Endpoints', (endpoints) => {
        const found = (endpoints.subsets ?? []).flatMap(({ addresses = [], ports = [] }: Json) =>
          addresses.flatMap(({ ip }: Json) => (ports.length ? ports.map(({ port }: Json) => `${ip}:${port}`) : [ip])),
        );
        if (found.length === 0) return '<none>';
        return found.length > 3 ? `${found.slice(0, 3).join(',')} + ${found.length - 3} more...` : found.join(',');
      }),
      AGE,
    ],
    deprecation: 'v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice',
    defaults(endpoints) {
      for (const { ports } of endpoints.subsets ?? []) for (const port of ports ?? []) port.protocol ??= 'TCP';
    },
    validate: endpointsFaults,
  }),
  core('ResourceQuota', 'resourcequotas', {
    shortNames: ['quota'],
    status: true,
    deleteAnswersObject: true,
    validate: quotaFaults,
    validateUpdate: quotaUpdateFaults,
    columns: [
      NAME,
      column('Request', (quota) => quotaText(quota, false)),
      column('Limit', (quota) => quotaText(quota, true)),
      AGE,
    ],
  }),
  core('LimitRange', 'limitranges', {
    shortNames: ['limits'],
    columns: [NAME, CREATED_AT],
    defaults: limitRangeDefaults,
    validate: limitRangeFaults,
  }),
  core('Event', 'events', {
    shortNames: ['ev'],
    storage: 'events',
    columns: EVENT_COLUMNS,
    nameRule: 'subdomain',
    fields: {
      'involvedObject.kind': text('involvedObject.kind'),
      'involvedObject.namespace': text('involvedObject.namespace'),
      'involvedObject.name': text('involvedObject.name'),
      'involvedObject.uid': text('involvedObject.uid'),
      'involvedObject.apiVersion': text('involvedObject.apiVersion'),
      'involvedObject.resourceVersion': text('involvedObject.resourceVersion'),
      'involvedObject.fieldPath': text('involvedObject.fieldPath'),
      reason: text('reason'),
      reportingComponent: text('reportingComponent'),
      source: (event) => at(event, 'source.component') || event.reportingComponent || '',
      type: text('type'),
    },
    createOnUpdate: true,
    validate: (event) => eventFaults(event, ''),
  }),
];

export const CORE: Kind[] = [
  namespaces,
  nodes,
  pods,
  services,
  configmaps,
  secrets,
  persistentvolumeclaims,
  persistentvolumes,
  ...simple,
];
