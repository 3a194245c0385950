/** What the writing verbs share: the stored object, the form of its version, its place. */
import type { KindCall } from '../call.ts';
import { asDefined } from '../custom/as-defined.ts';
import { badRequest, type FieldError, invalid, notFound, type StatusError } from '../errors.ts';
import type { Manager } from '../fields/managed.ts';
import { clone, type Json, type Obj } from '../json.ts';
import { type Kind, subjectOf } from '../kinds/kind.ts';
import { keyOf, type Stored } from '../storage/store.ts';
import type { WriteOptions } from './options.ts';

/** The stored object in the form of the call's version. */
export const shown = (kind: Kind, stored: Obj): Obj => {
  if (kind.fromStored) return kind.fromStored(stored);
  if (kind.custom) return asDefined(kind, stored);
  const apiVersion = kind.group ? `${kind.group}/${kind.version}` : kind.version;
  return stored.apiVersion === apiVersion ? stored : { ...stored, apiVersion };
};
/** 422 with the faults of an object. */
export const invalidObject = (kind: Kind, name: string, faults: FieldError[]): StatusError =>
  invalid({ group: kind.refusedAs ?? kind.group, kind: kind.kind }, name, faults);

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

/** Puts the object into the namespace of the path. Throws 400 when it says another. */
export function checkNamespace(call: KindCall, object: Obj): void {
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

/** A copy of the stored object that may be changed. */
export const draft = (kind: Kind, stored: Stored): Obj => clone(shown(kind, stored.object));
