/** The kinds of the core group. */
import { type FieldError, invalidField, required } from '../errors.ts';
import { at, isMap, type Json, type Obj, same } from '../json.ts';
import { AGE, CREATED_AT, column, NAME, text, wide } from './columns.ts';
import { define } from './define.ts';
import { EVENT_COLUMNS } from './events.ts';
import { ALL_VERBS, type Kind } from './kind.ts';
import { pods } from './pods.ts';
import { services } from './services.ts';

const PKG = 'io.k8s.api.core.v1';
const core = (kind: string, resource: string, own: Parameters<typeof define>[5] = {}): Kind =>
  define('', 'v1', PKG, kind, resource, own);

const size = (map: Json): number => Object.keys(map ?? {}).length;

const DATA_KEY = /^[-._a-zA-Z0-9]+$/;
const KEY_TEXT =
  "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')";

function keyFaults(field: string, map: Json): FieldError[] {
  return Object.keys(map ?? {})
    .sort()
    .flatMap((key) =>
      DATA_KEY.test(key) && key.length <= 253 ? [] : [invalidField(`${field}[${key}]`, key, KEY_TEXT)],
    );
}

/** An immutable ConfigMap or Secret keeps its content and its flag. */
function immutableFaults(next: Obj, old: Obj, fields: string[]): FieldError[] {
  if (old['immutable'] !== true) return [];
  const faults: FieldError[] = [];
  if (next['immutable'] !== true) {
    faults.push({
      type: 'Forbidden',
      field: 'immutable',
      message: 'Forbidden: field is immutable when `immutable` is set',
    });
  }
  for (const field of fields) {
    if (same(next[field], old[field])) continue;
    faults.push({ type: 'Forbidden', field, message: 'Forbidden: field is immutable when `immutable` is set' });
  }
  return faults;
}

const configmaps = core('ConfigMap', 'configmaps', {
  shortNames: ['cm'],
  columns: [NAME, column('Data', (map) => size(map['data']) + size(map['binaryData'])), AGE],
  validate: (map) => [
    ...keyFaults('data', map['data']),
    ...Object.keys(map['binaryData'] ?? {})
      .filter((key) => map['data']?.[key] !== undefined)
      .map((key) => invalidField(`binaryData[${key}]`, key, 'duplicate of key present in data'))
      .map((fault) => ({ ...fault, field: 'data[' + fault.field.slice(11) })),
    ...keyFaults('binaryData', map['binaryData']),
  ],
  validateUpdate: (next, old) => immutableFaults(next, old, ['data', 'binaryData']),
});

const secretTypes: Record<string, string[]> = {
  'kubernetes.io/dockercfg': ['.dockercfg'],
  'kubernetes.io/dockerconfigjson': ['.dockerconfigjson'],
  'kubernetes.io/ssh-auth': ['ssh-privatekey'],
  'kubernetes.io/tls': ['tls.crt', 'tls.key'],
};

const secrets = core('Secret', 'secrets', {
  columns: [NAME, column('Type', text('type')), column('Data', (secret) => size(secret['data'])), AGE],
  fields: { type: (secret) => secret['type'] ?? '' },
  defaults(secret) {
    if (!secret.type) secret.type = 'Opaque';
    if (!isMap(secret.stringData)) return;
    secret.data = { ...secret.data };
    for (const [key, value] of Object.entries(secret.stringData))
      secret.data[key] = Buffer.from(String(value)).toString('base64');
    delete secret.stringData;
  },
  validate: (secret) => {
    const faults = keyFaults('data', secret['data']);
    for (const key of secretTypes[secret['type']] ?? []) {
      if (secret['data']?.[key] === undefined) faults.push(required(`data[${key}]`));
    }
    if (secret['type'] === 'kubernetes.io/basic-auth' && !secret['data']?.username && !secret['data']?.password) {
      faults.push(required('data[username]'), required('data[password]'));
    }
    if (
      secret['type'] === 'kubernetes.io/service-account-token' &&
      !secret.metadata.annotations?.['kubernetes.io/service-account.name']
    ) {
      faults.push(required('metadata.annotations[kubernetes.io/service-account.name]'));
    }
    return faults;
  },
  validateUpdate: (next, old) => [
    ...(next['type'] !== old['type'] ? [invalidField('type', next['type'], 'field is immutable')] : []),
    ...immutableFaults(next, old, ['data']),
  ],
});

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
    const labels = { ...namespace.metadata?.labels };
    if (namespace.metadata?.name) labels['kubernetes.io/metadata.name'] = namespace.metadata.name;
    if (Object.keys(labels).length > 0) namespace.metadata = { ...namespace.metadata, labels };
  },
  prepareCreate(namespace) {
    const finalizers: string[] = namespace['spec']?.finalizers ?? [];
    namespace['spec'] = { finalizers: finalizers.includes('kubernetes') ? finalizers : [...finalizers, 'kubernetes'] };
    namespace['status'] = { phase: 'Active' };
  },
  prepareUpdate(next, old) {
    next['spec'] = old['spec'];
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

const accessModes = (modes: string[] | undefined): string =>
  ['ReadWriteOnce', 'ReadOnlyMany', 'ReadWriteMany', 'ReadWriteOncePod']
    .filter((mode) => modes?.includes(mode))
    .map(
      (mode) => ({ ReadWriteOnce: 'RWO', ReadOnlyMany: 'ROX', ReadWriteMany: 'RWX', ReadWriteOncePod: 'RWOP' })[mode],
    )
    .join(',');

const claimFaults = (claim: Obj): FieldError[] => {
  const faults: FieldError[] = [];
  if (!at(claim, 'spec.accessModes')?.length)
    faults.push(required('spec.accessModes', 'at least 1 access mode is required'));
  if (at(claim, 'spec.resources.requests')?.storage === undefined) faults.push(required('spec.resources[storage]'));
  return faults;
};

const persistentvolumeclaims = core('PersistentVolumeClaim', 'persistentvolumeclaims', {
  shortNames: ['pvc'],
  status: true,
  deleteAnswersObject: true,
  columns: [
    NAME,
    column('Status', (claim) => (claim.metadata.deletionTimestamp ? 'Terminating' : (at(claim, 'status.phase') ?? ''))),
    column('Volume', text('spec.volumeName')),
    column('Capacity', (claim) => (at(claim, 'spec.volumeName') ? (at(claim, 'status.capacity')?.storage ?? '') : '')),
    column('Access Modes', (claim) =>
      at(claim, 'spec.volumeName') ? accessModes(at(claim, 'status.accessModes')) : '',
    ),
    column('StorageClass', text('spec.storageClassName')),
    column('VolumeAttributesClass', text('spec.volumeAttributesClassName', '<unset>')),
    AGE,
    wide('VolumeMode', text('spec.volumeMode', '<unset>')),
  ],
  defaults(claim) {
    claim.spec ??= {};
    claim.spec.volumeMode ??= 'Filesystem';
    if (!claim.status?.phase) claim.status = { ...claim.status, phase: 'Pending' };
  },
  prepareCreate(claim, around) {
    claim['status'] = { phase: 'Pending' };
    // The admission plugins StorageObjectInUseProtection and DefaultStorageClass.
    claim.metadata.finalizers = [...new Set([...(claim.metadata.finalizers ?? []), 'kubernetes.io/pvc-protection'])];
    if (
      claim['spec'].storageClassName !== undefined ||
      claim.metadata.annotations?.['volume.beta.kubernetes.io/storage-class']
    )
      return;
    const standard = around
      .all('storage.k8s.io/storageclasses')
      .filter(({ metadata }) => metadata.annotations?.['storageclass.kubernetes.io/is-default-class'] === 'true')
      .sort((a, b) => (a.metadata.creationTimestamp < b.metadata.creationTimestamp ? 1 : -1))[0];
    if (standard) claim['spec'].storageClassName = standard.metadata.name;
  },
  validate: claimFaults,
  validateUpdate(next, old) {
    const frozen = (spec: Json) => ({
      ...spec,
      resources: undefined,
      volumeName: undefined,
      volumeAttributesClassName: undefined,
    });
    if (
      same(frozen(next['spec']), frozen(old['spec'])) &&
      (at(old, 'spec.volumeName') === undefined || at(next, 'spec.volumeName') === at(old, 'spec.volumeName'))
    )
      return [];
    return [
      {
        type: 'Forbidden',
        field: 'spec',
        message:
          'Forbidden: spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims',
      },
    ];
  },
});

const persistentvolumes = core('PersistentVolume', 'persistentvolumes', {
  shortNames: ['pv'],
  namespaced: false,
  status: true,
  deleteAnswersObject: true,
  columns: [
    NAME,
    column('Capacity', (volume) => at(volume, 'spec.capacity')?.storage ?? ''),
    column('Access Modes', (volume) => accessModes(at(volume, 'spec.accessModes'))),
    column('Reclaim Policy', text('spec.persistentVolumeReclaimPolicy')),
    column('Status', (volume) =>
      volume.metadata.deletionTimestamp ? 'Terminating' : (at(volume, 'status.phase') ?? ''),
    ),
    column('Claim', (volume) => {
      const claim = at(volume, 'spec.claimRef');
      return claim ? `${claim.namespace}/${claim.name}` : '';
    }),
    column('StorageClass', text('spec.storageClassName')),
    column('VolumeAttributesClass', text('spec.volumeAttributesClassName', '<unset>')),
    column('Reason', text('status.reason')),
    AGE,
    wide('VolumeMode', text('spec.volumeMode', '<unset>')),
  ],
  defaults(volume) {
    volume.spec ??= {};
    volume.spec.volumeMode ??= 'Filesystem';
    volume.spec.persistentVolumeReclaimPolicy ??= 'Retain';
    if (volume.spec.hostPath) volume.spec.hostPath.type ??= '';
    if (!volume.status?.phase) volume.status = { ...volume.status, phase: 'Pending' };
  },
  prepareCreate(volume) {
    volume.metadata.finalizers = [...new Set([...(volume.metadata.finalizers ?? []), 'kubernetes.io/pv-protection'])];
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
        const found = (endpoints['subsets'] ?? []).flatMap(({ addresses = [], ports = [] }: Json) =>
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
  }),
  core('ResourceQuota', 'resourcequotas', {
    shortNames: ['quota'],
    status: true,
    deleteAnswersObject: true,
    columns: [
      NAME,
      column('Request', (quota) => quotaText(quota, false)),
      column('Limit', (quota) => quotaText(quota, true)),
      AGE,
    ],
  }),
  core('LimitRange', 'limitranges', { shortNames: ['limits'], columns: [NAME, CREATED_AT] }),
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
      source: (event) => at(event, 'source.component') || event['reportingComponent'] || '',
      type: text('type'),
    },
    createOnUpdate: true,
    validate: (event) => {
      const namespace = at(event, 'involvedObject.namespace') ?? '';
      const own = event.metadata.namespace ?? '';
      return namespace === own || (namespace === '' && own === 'default')
        ? []
        : [invalidField('involvedObject.namespace', namespace, 'does not match event.namespace')];
    },
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
