/** Changing objects: the path through defaults, admission, validation, field management and storage. */
import { admitUpdate, admitValid } from '../admission/admit.ts';
import type { Answer, KindCall } from '../call.ts';
import { customFaults, pruneCustom } from '../custom/objects.ts';
import {
  badRequest,
  conflict,
  type FieldError,
  internal,
  invalid,
  invalidField,
  modified,
  notFound,
} from '../errors.ts';
import { type Manager, managed } from '../fields/managed.ts';
import { type Json, type Obj, same } from '../json.ts';
import { type Kind, subjectOf } from '../kinds/kind.ts';
import { keyOf, type Stored } from '../storage/store.ts';
import { objectOf } from './body.ts';
import { insert } from './create.ts';
import { metadataUpdateFaults } from './metadata.ts';
import { type WriteOptions, writeOptions } from './options.ts';
import { checkNamespace, invalidObject, managerOf, namespaceOf, shown, tidy, toStored } from './stored.ts';

/** Paths whose part of the object has rules of its own, checked before. */
const OWN_RULES = ['status', 'finalize', 'ephemeralcontainers', 'resize'];

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

/** Some kinds are only replaced from a version that the writer saw. Throws 422. */
export function wantVersion(kind: Kind, name: string, version: string | undefined): void {
  if ((!kind.conditionalUpdate && !kind.custom) || Number(version ?? '')) return;
  throw invalid({ group: kind.group, kind: kind.resource }, name, [
    invalidField('metadata.resourceVersion', 0, 'must be specified for an update'),
  ]);
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
  if (replace && subresource === '') wantVersion(kind, name, wanted);
  if (!replace && next.metadata.uid && next.metadata.uid !== old.metadata.uid) {
    const fault = invalidField('metadata.uid', next.metadata.uid, 'field is immutable');
    throw invalidObject(kind, name, [fault, fault]);
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
  if (metadata.deletionTimestamp && metadata.deletionTimestamp !== old.metadata.deletionTimestamp) {
    throw invalidObject(kind, name, [
      invalidField('metadata.deletionTimestamp', metadata.deletionTimestamp, 'field is immutable'),
    ]);
  }
  metadata.uid = old.metadata.uid;
  metadata.creationTimestamp = old.metadata.creationTimestamp;
  metadata.resourceVersion = old.metadata.resourceVersion;
  keepOrDrop(metadata, old.metadata, ['deletionTimestamp', 'deletionGracePeriodSeconds', 'selfLink', 'generation']);
  if (manage) manage(next, old);
  else managed(kind, old, next, manager);
  if (subresource === '') {
    if (kind.prepareUpdate) kind.prepareUpdate(next, old, context.around);
    if (kind.status && (kind.custom || !kind.prepareUpdate)) setOrDrop(next, 'status', old.status);
  }
  admitUpdate(call, next, old, options, subresource);
  const moved = subresource !== 'status' && kind.generation?.(tidy(next), old);
  if (kind.generation && subresource !== 'status') {
    const generation = (old.metadata.generation ?? 0) + (moved ? 1 : 0);
    if (generation > 0) metadata.generation = generation;
  } else if (!kind.generation && !kind.custom) keepOrDrop(metadata, old.metadata, ['generation']);
  const faults: FieldError[] = [
    ...metadataUpdateFaults(kind, next, old),
    ...(kind.custom ? customFaults(call, kind, next, old, subresource) : []),
  ];
  if (!OWN_RULES.includes(subresource)) {
    faults.push(
      ...(kind.validate?.(next, context.around) ?? []),
      ...(kind.validateUpdate?.(next, old, context.around) ?? []),
    );
  }
  if (faults.length) throw invalidObject(kind, name, faults);
  // What did not change was warned of before.
  if (subresource === '' && (moved || !kind.generation)) call.warnings.push(...(kind.warnings?.(next) ?? []));
  admitValid({ call, kind, operation: 'UPDATE', object: next, old, subresource, dryRun: options.dryRun });

  const ordered = tidy(next);
  const gone =
    metadata.deletionTimestamp !== undefined &&
    !ordered.metadata.finalizers?.length &&
    (ordered.metadata.deletionGracePeriodSeconds ?? 0) === 0 &&
    !(kind.resource === 'namespaces' && kind.group === '' && ordered.spec?.finalizers?.length);
  const unchanged = same(timeless(ordered), timeless(old));
  if (options.dryRun) return ordered;
  if (gone && subresource !== 'status') {
    // Watchers see one deletion, of the last stored state; the writer sees what it wrote.
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
