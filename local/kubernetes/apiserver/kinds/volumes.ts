/** Persistent volumes and the claims to them. */
import { type FieldError, forbiddenField, invalidField, notSupported, required } from '../errors.ts';
import { at, type Json, type Obj, same } from '../json.ts';
import { parseQuantity } from '../schema/quantity.ts';
import { AGE, column, NAME, text, wide } from './columns.ts';
import { define } from './define.ts';
import type { Kind } from './kind.ts';
import { labelSelectorFaults } from './label-selector.ts';
import { isSubdomain, SUBDOMAIN_TEXT } from './names.ts';

const core = (kind: string, resource: string, own: Parameters<typeof define>[5]): Kind =>
  define('', 'v1', 'io.k8s.api.core.v1', kind, resource, own);

/** Access modes with their short forms, in the order in which they are shown. */
const MODES: Record<string, string> = {
  ReadWriteOnce: 'RWO',
  ReadOnlyMany: 'ROX',
  ReadWriteMany: 'RWX',
  ReadWriteOncePod: 'RWOP',
};

const accessModes = (modes: string[] | undefined): string =>
  Object.keys(MODES)
    .filter((mode) => modes?.includes(mode))
    .map((mode) => MODES[mode])
    .join(',');

const claimFaults = (claim: Obj): FieldError[] => {
  const faults: FieldError[] = [];
  if (!at(claim, 'spec.accessModes')?.length)
    faults.push(required('spec.accessModes', 'at least 1 access mode is required'));
  for (const mode of at(claim, 'spec.accessModes') ?? [])
    if (!MODES[mode]) faults.push(notSupported('spec.accessModes', mode, Object.keys(MODES).sort()));
  const storage = at(claim, 'spec.resources.requests')?.storage;
  if (storage === undefined) faults.push(required('spec.resources[storage]'));
  else if ((parseQuantity(storage)?.nano ?? 0n) <= 0n)
    faults.push(invalidField('spec.resources[storage]', storage, 'must be greater than zero'));
  const { storageClassName, volumeMode, selector } = claim.spec ?? {};
  if (selector) faults.push(...labelSelectorFaults('spec.selector', selector));
  if (storageClassName && !isSubdomain(storageClassName))
    faults.push(invalidField('spec.storageClassName', storageClassName, SUBDOMAIN_TEXT));
  if (volumeMode && !['Block', 'Filesystem'].includes(volumeMode))
    faults.push(notSupported('spec.volumeMode', volumeMode, ['Block', 'Filesystem']));
  return faults;
};

const IMMUTABLE =
  'spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims';

/** A bound claim may grow, and shrink again to what it has; of others the spec stays, but for the volume that a binder writes. */
function claimUpdateFaults(next: Obj, old: Obj): FieldError[] {
  const bound = at(old, 'status.phase') === 'Bound';
  const frozen = (spec: Json) => ({
    ...spec,
    volumeName: at(old, 'spec.volumeName') === undefined ? undefined : spec.volumeName,
    ...(bound && {
      resources: { ...spec.resources, requests: { ...spec.resources?.requests, storage: undefined } },
      volumeAttributesClassName: undefined,
    }),
  });
  if (!same(frozen(next.spec), frozen(old.spec))) return [forbiddenField('spec', IMMUTABLE)];
  const size = (text: Json) => parseQuantity(text ?? '0')?.nano ?? 0n;
  const [wanted, before] = [next, old].map((claim) => size(at(claim, 'spec.resources.requests')?.storage));
  if (wanted! < before! && wanted! < size(at(old, 'status.capacity')?.storage))
    return [forbiddenField('spec.resources.requests.storage', 'field can not be less than status.capacity')];
  return [];
}

export const persistentvolumeclaims = core('PersistentVolumeClaim', 'persistentvolumeclaims', {
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
    claim.status = { phase: 'Pending' };
    // The admission plugins StorageObjectInUseProtection and DefaultStorageClass.
    claim.metadata.finalizers = [...new Set([...(claim.metadata.finalizers ?? []), 'kubernetes.io/pvc-protection'])];
    if (
      claim.spec.storageClassName !== undefined ||
      claim.metadata.annotations?.['volume.beta.kubernetes.io/storage-class']
    )
      return;
    const standard = around
      .all('storage.k8s.io/storageclasses')
      .filter(({ metadata }) => metadata.annotations?.['storageclass.kubernetes.io/is-default-class'] === 'true')
      .sort((a, b) => (a.metadata.creationTimestamp < b.metadata.creationTimestamp ? 1 : -1))[0];
    if (standard) claim.spec.storageClassName = standard.metadata.name;
  },
  validate: claimFaults,
  validateUpdate: claimUpdateFaults,
});

/** What of a volume's spec says what it is, and not where it is stored. */
const ABOUT = [
  'accessModes',
  'capacity',
  'claimRef',
  'mountOptions',
  'nodeAffinity',
  'persistentVolumeReclaimPolicy',
  'storageClassName',
  'volumeAttributesClassName',
  'volumeMode',
];
const sourceOf = (volume: Obj): Json =>
  Object.fromEntries(Object.entries(volume.spec ?? {}).filter(([key]) => !ABOUT.includes(key)));

function volumeFaults(volume: Obj): FieldError[] {
  const { accessModes = [], capacity = {} } = volume.spec ?? {};
  const faults: FieldError[] = [];
  if (accessModes.length === 0) faults.push(required('spec.accessModes'));
  for (const mode of accessModes)
    if (!MODES[mode]) faults.push(notSupported('spec.accessModes', mode, Object.keys(MODES).sort()));
  if (Object.keys(capacity).length === 0) faults.push(required('spec.capacity'));
  else if (capacity.storage === undefined) faults.push(notSupported('spec.capacity', capacity, ['storage']));
  else if ((parseQuantity(capacity.storage)?.nano ?? 0n) <= 0n)
    faults.push(invalidField('spec.capacity[storage]', capacity.storage, 'must be greater than zero'));
  const sources = Object.keys(sourceOf(volume));
  if (sources.length === 0) faults.push(required('spec', 'must specify a volume type'));
  for (const extra of sources.slice(1))
    faults.push(forbiddenField(`spec.${extra}`, 'may not specify more than 1 volume type'));
  return faults;
}

export const persistentvolumes = core('PersistentVolume', 'persistentvolumes', {
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
  validate: volumeFaults,
  validateUpdate: (next, old) => [
    ...(same(sourceOf(next), sourceOf(old))
      ? []
      : [forbiddenField('spec.persistentvolumesource', 'spec.persistentvolumesource is immutable after creation')]),
    ...(at(next, 'spec.volumeMode') === at(old, 'spec.volumeMode')
      ? []
      : [invalidField('spec.volumeMode', at(next, 'spec.volumeMode'), 'field is immutable')]),
  ],
  prepareCreate(volume) {
    volume.metadata.finalizers = [...new Set([...(volume.metadata.finalizers ?? []), 'kubernetes.io/pv-protection'])];
  },
});
