/** Creating and changing objects: the one path through defaults, admission, validation, field management and storage. */
import { randomUUID } from 'node:crypto';
import { admitCreate, admitUpdate } from '../admission/admit.ts';
import type { Answer, KindCall } from '../call.ts';
import { customFaults, pruneCustom } from '../custom/objects.ts';
import {
  alreadyExists,
  badRequest,
  conflict,
  type FieldError,
  internal,
  invalid,
  invalidField,
  modified,
  notFound,
  StatusError,
} from '../errors.ts';
import { type Manager, managed } from '../fields/managed.ts';
import { clone, type Json, type Obj, same, timestamp } from '../json.ts';
import { type Kind, subjectOf } from '../kinds/kind.ts';
import { generatedName } from '../kinds/names.ts';
import { keyOf, type Stored } from '../storage/store.ts';
import { objectOf } from './body.ts';
import { metadataFaults, metadataUpdateFaults } from './metadata.ts';
import { type WriteOptions, writeOptions } from './options.ts';

/** The stored object in the form of the call's version. */
export const shown = (kind: Kind, stored: Obj): Obj => {
  if (kind.fromStored) return kind.fromStored(stored);
  const apiVersion = kind.group ? `${kind.group}/${kind.version}` : kind.version;
  return stored.apiVersion === apiVersion ? stored : { ...stored, apiVersion };
};
/** The form in which it is stored. */
export const toStored = (kind: Kind, object: Obj): Obj => (kind.toStored ? kind.toStored(object) : object);

export function existing(call: KindCall, kind: Kind = call.kind): Stored {
  const { name, namespace } = call.info;
  const stored = call.context.store.get(kind.storage, keyOf(namespaceOf(kind, namespace), name!));
  if (stored === undefined) throw notFound(subjectOf(kind), name!);
  return stored;
}

export const namespaceOf = (kind: Kind, namespace: string | undefined): string | undefined =>
  kind.namespaced ? namespace : undefined;

export const managerOf = (call: KindCall, options: WriteOptions, subresource = ''): Manager => ({
  name: options.fieldManager,
  operation: 'Update',
  apiVersion: call.kind.group ? `${call.kind.group}/${call.kind.version}` : call.kind.version,
  subresource,
});

function checkNamespace(call: KindCall, object: Obj): void {
  const { namespace } = call.info;
  const { kind } = call;
  object.metadata ??= {} as Obj['metadata'];
  if (!kind.namespaced) {
    delete object.metadata.namespace;
    return;
  }
  if (object.metadata.namespace && object.metadata.namespace !== namespace) {
    throw badRequest('the namespace of the provided object does not match the namespace sent on the request');
  }
  object.metadata.namespace = namespace!;
}

export function create(call: KindCall): Answer {
  const options = writeOptions(call.info.query, 'CreateOptions', call.headers['user-agent']);
  const object = objectOf(call, options);
  return { code: 201, object: insert(call, object, options, managerOf(call, options)), kind: call.kind };
}

/** Makes a new object of what a client sent: by POST, by a PUT or an apply of what is not there. */
export function insert(
  call: KindCall,
  object: Obj,
  options: WriteOptions,
  manager: Manager,
  appliedFields?: (object: Obj) => void,
): Obj {
  const { kind, context } = call;
  checkNamespace(call, object);
  if (kind.custom) {
    pruneCustom(call, kind, object, options);
    if (kind.status) delete object['status'];
  }
  const { metadata } = object;
  if (metadata.resourceVersion) throw internal('resourceVersion should not be set on objects to be created');
  const generating = !metadata.name && !!metadata.generateName;
  const given = metadata.managedFields;
  if (generating) metadata.name = generatedName(metadata.generateName!);
  for (const key of [
    'deletionTimestamp',
    'deletionGracePeriodSeconds',
    'selfLink',
    'managedFields',
    'resourceVersion',
  ] as const)
    delete metadata[key];
  kind.defaults?.(object);
  // Before admission: what the server adds itself belongs to nobody.
  if (given !== undefined) metadata.managedFields = given;
  if (appliedFields) appliedFields(object);
  else managed(kind, undefined, object, manager);
  admitCreate(call, object, options);
  metadata.uid = randomUUID();
  metadata.creationTimestamp = timestamp();
  kind.prepareCreate?.(object, context.around);
  if (kind.generation) metadata.generation = 1;
  const faults = [
    ...metadataFaults(kind, object, generating),
    ...(kind.custom ? customFaults(kind, object, undefined) : []),
    ...(kind.validate?.(object, context.around) ?? []),
  ];
  if (faults.length) throw invalid({ group: kind.group, kind: kind.kind }, metadata.name ?? '', faults);
  call.warnings.push(...(kind.warnings?.(object) ?? []));
  const before = context.store.get(kind.storage, keyOf(metadata.namespace, metadata.name));
  if (before) {
    if (generating) {
      throw new StatusError(
        409,
        'AlreadyExists',
        `${kind.group ? `${kind.resource}.${kind.group}` : kind.resource} "${metadata.name}" already exists, the server was not able to generate a unique name for the object`,
        { name: metadata.name, kind: kind.resource, retryAfterSeconds: 1 },
      );
    }
    const dying = before.object.metadata.deletionTimestamp !== undefined;
    const about = subjectOf(kind);
    if (dying) {
      const taken = alreadyExists(about, metadata.name);
      throw new StatusError(409, 'AlreadyExists', `object is being deleted: ${taken.message}`, taken.details);
    }
    throw alreadyExists(about, metadata.name);
  }
  const ordered = tidy(object);
  if (options.dryRun) return ordered;
  return shown(kind, context.store.put(kind.storage, toStored(kind, ordered)).object);
}

const META_ORDER = [
  'name',
  'generateName',
  'namespace',
  'selfLink',
  'uid',
  'resourceVersion',
  'generation',
  'creationTimestamp',
  'deletionTimestamp',
  'deletionGracePeriodSeconds',
  'labels',
  'annotations',
  'ownerReferences',
  'finalizers',
  'managedFields',
] as const;

/** kind, apiVersion and metadata first, empty metadata left out, as Go writes it. */
export function tidy(object: Obj): Obj {
  const { kind, apiVersion, metadata, ...rest } = object;
  const ordered: Json = {};
  for (const key of META_ORDER) {
    const value: Json = metadata[key];
    const empty =
      value === undefined ||
      value === null ||
      value === '' ||
      (typeof value === 'object' && Object.keys(value).length === 0);
    if (!empty) ordered[key] = value;
  }
  // A grace of no seconds says something; a generation of 0 does not.
  if (ordered.generation === 0) delete ordered.generation;
  return { kind, apiVersion, metadata: ordered, ...rest };
}

export interface Change {
  /** The object as the client wants it; it may come with a resourceVersion and uid as preconditions. */
  next: Obj;
  options: WriteOptions;
  manager: Manager;
  /** Field management in its own way (apply) instead of comparing. */
  manage?: (next: Obj, old: Obj) => void;
  /** `status`, `scale`, `finalize`… change only their part. */
  subresource?: string;
  /** A PUT: a kind may insist on a resourceVersion. */
  replace?: boolean;
}

/** Writes a changed object over the stored one, and removes it when its last finalizer went. */
export function change(
  call: KindCall,
  stored: Stored,
  { next, options, manager, manage, subresource = '', replace = false }: Change,
): Obj {
  const { kind, context } = call;
  const old = shown(kind, stored.object);
  const { name } = old.metadata;
  checkNamespace(call, next);
  if (next.metadata.name && next.metadata.name !== name) {
    throw badRequest(`the name of the object (${next.metadata.name}) does not match the name on the URL (${name})`);
  }
  next.metadata.name ||= name;
  const wanted = next.metadata.resourceVersion ?? '';
  if (wanted !== '' && !/^\d+$/.test(wanted))
    throw internal(`strconv.ParseUint: parsing ${JSON.stringify(wanted)}: invalid syntax`);
  if (replace && !Number(wanted) && (kind.conditionalUpdate || kind.custom) && subresource === '') {
    throw invalid(
      { group: kind.group, kind: kind.kind },
      name,
      [invalidField('metadata.resourceVersion', 0, 'must be specified for an update')].map((fault) => ({
        ...fault,
        message: 'Invalid value: 0: must be specified for an update',
      })),
    );
  }
  if (next.metadata.uid && next.metadata.uid !== old.metadata.uid) {
    throw conflict(
      subjectOf(kind),
      name,
      `StorageError: invalid object, Code: 4, Key: ${registryPath(kind, old)}, ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: UID in precondition: ${next.metadata.uid}, UID in object meta: ${old.metadata.uid}`,
    );
  }
  if (wanted !== '' && Number(wanted) !== 0 && Number(wanted) !== stored.rv) throw modified(subjectOf(kind), name);
  if (kind.custom) pruneCustom(call, kind, next, options);
  kind.defaults?.(next);

  const { metadata } = next;
  metadata.uid = old.metadata.uid;
  metadata.creationTimestamp = old.metadata.creationTimestamp;
  metadata.resourceVersion = old.metadata.resourceVersion;
  keepOrDrop(metadata, old.metadata, ['deletionTimestamp', 'deletionGracePeriodSeconds', 'selfLink', 'generation']);
  if (manage) manage(next, old);
  else managed(kind, old, next, manager);
  if (subresource === '') {
    if (kind.prepareUpdate) kind.prepareUpdate(next, old, context.around);
    if (kind.status && (kind.custom || !kind.prepareUpdate)) setOrDrop(next, 'status', old['status']);
  }
  admitUpdate(call, next, old, options, subresource);
  if (kind.generation && subresource !== 'status') {
    const moved = kind.generation(tidy(next), old);
    const generation = (old.metadata.generation ?? 0) + (moved ? 1 : 0);
    if (generation > 0) metadata.generation = generation;
  } else if (!kind.generation && !kind.custom) keepOrDrop(metadata, old.metadata, ['generation']);
  const faults: FieldError[] = [
    ...metadataUpdateFaults(kind, next, old),
    ...(kind.custom ? customFaults(kind, next, old) : []),
  ];
  if (subresource !== 'status' && subresource !== 'finalize') {
    faults.push(
      ...(kind.validateUpdate?.(next, old, context.around) ?? []),
      ...(kind.validate?.(next, context.around) ?? []),
    );
  }
  if (faults.length) throw invalid({ group: kind.group, kind: kind.kind }, name, faults);

  const ordered = tidy(next);
  const gone =
    metadata.deletionTimestamp !== undefined &&
    !ordered.metadata.finalizers?.length &&
    (ordered.metadata.deletionGracePeriodSeconds ?? 0) === 0 &&
    !(kind.resource === 'namespaces' && kind.group === '' && ordered['spec']?.finalizers?.length);
  const unchanged = same(timeless(ordered), timeless(old));
  if (options.dryRun) return ordered;
  if (gone && subresource !== 'status') {
    if (!unchanged) context.store.put(kind.storage, toStored(kind, ordered));
    context.store.remove(kind.storage, stored.key);
    return ordered;
  }
  if (unchanged) return old;
  return shown(kind, context.store.put(kind.storage, toStored(kind, ordered)).object);
}

/** When somebody wrote the same again is no change. */
const timeless = (object: Obj): Obj =>
  object.metadata.managedFields === undefined
    ? object
    : {
        ...object,
        metadata: {
          ...object.metadata,
          managedFields: object.metadata.managedFields.map(({ time: _time, ...entry }) => entry),
        },
      };

function keepOrDrop(next: Json, old: Json, keys: string[]): void {
  for (const key of keys) setOrDrop(next, key, old[key]);
}
function setOrDrop(next: Json, key: string, value: Json): void {
  if (value === undefined) delete next[key];
  else next[key] = value;
}

/** The key under which a real server keeps the object in etcd; it stands in some messages. */
export function registryPath(kind: Kind, object: Obj): string {
  const folder =
    kind.group && (kind.custom || kind.group.includes('.')) && kind.custom
      ? `${kind.group}/${kind.resource}`
      : kind.resource;
  return [
    '/registry',
    folder,
    ...(object.metadata.namespace ? [object.metadata.namespace] : []),
    object.metadata.name,
  ].join('/');
}

export function update(call: KindCall): Answer {
  const options = writeOptions(call.info.query, 'UpdateOptions', call.headers['user-agent']);
  const next = objectOf(call, options);
  const { kind, info, context } = call;
  next.metadata ??= {} as Obj['metadata'];
  if (next.metadata.name && next.metadata.name !== info.name) {
    throw badRequest(
      `the name of the object (${next.metadata.name}) does not match the name on the URL (${info.name})`,
    );
  }
  const stored = context.store.get(kind.storage, keyOf(namespaceOf(kind, info.namespace), info.name!));
  if (stored === undefined) {
    if (!kind.createOnUpdate) throw notFound(subjectOf(kind), info.name!);
    next.metadata.name = info.name!;
    return { code: 201, object: insert(call, next, options, managerOf(call, options)), kind };
  }
  const object = change(call, stored, { next, options, manager: managerOf(call, options), replace: true });
  return { code: 200, object, kind };
}

/** A copy of the stored object that may be changed. */
export const draft = (kind: Kind, stored: Stored): Obj => clone(shown(kind, stored.object));
