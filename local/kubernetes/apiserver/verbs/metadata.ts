/** The rules that all objects share: names, labels, owners, finalizers. */
import { type FieldError, forbiddenField, invalidField, required } from '../errors.ts';
import { type Json, type Obj, same } from '../json.ts';
import type { Kind } from '../kinds/kind.ts';
import { isSubdomain, nameFaults, SUBDOMAIN_TEXT } from '../kinds/names.ts';
import { keyFaults, valueFaults } from '../storage/selectors.ts';

/** Bytes that all annotations of an object may have. */
const ANNOTATIONS_LIMIT = 256 * 1024;

export function metadataFaults(kind: Kind, object: Obj): FieldError[] {
  const { metadata } = object;
  const faults: FieldError[] = [];
  if (metadata.generateName) {
    for (const why of nameFaults(kind.nameRule, metadata.generateName, true))
      faults.push(invalidField('metadata.generateName', metadata.generateName, why));
  }
  if (!metadata.name) faults.push(required('metadata.name', 'name or generateName is required'));
  else
    for (const why of nameFaults(kind.nameRule, metadata.name))
      faults.push(invalidField('metadata.name', metadata.name, why));
  if (kind.namespaced && !metadata.namespace) faults.push(required('metadata.namespace'));
  if (metadata.generation !== undefined && metadata.generation < 0)
    faults.push(invalidField('metadata.generation', metadata.generation, 'must be greater than or equal to 0'));
  return [...faults, ...labelFaults(object), ...relationFaults(object)];
}

function labelFaults({ metadata }: Obj): FieldError[] {
  const faults: FieldError[] = [];
  for (const [key, value] of Object.entries(metadata.labels ?? {})) {
    for (const why of keyFaults(key)) faults.push(invalidField('metadata.labels', key, why));
    for (const why of valueFaults(value)) faults.push(invalidField('metadata.labels', value, why));
  }
  let size = 0;
  for (const [key, value] of Object.entries(metadata.annotations ?? {})) {
    for (const why of keyFaults(key.toLowerCase())) faults.push(invalidField('metadata.annotations', key, why));
    size += key.length + value.length;
  }
  if (size > ANNOTATIONS_LIMIT)
    faults.push({
      type: 'TooLong',
      field: 'metadata.annotations',
      message: `Too long: may not be more than ${ANNOTATIONS_LIMIT} bytes`,
    });
  return faults;
}

/** Owners and finalizers. */
function relationFaults({ metadata }: Obj): FieldError[] {
  const faults: FieldError[] = [];
  for (const owner of metadata.ownerReferences ?? []) {
    const field = 'metadata.ownerReferences';
    if (!owner.apiVersion)
      faults.push(invalidField(`${field}.apiVersion`, owner.apiVersion ?? '', 'version must not be empty'));
    if (!owner.kind) faults.push(invalidField(`${field}.kind`, owner.kind ?? '', 'must not be empty'));
    if (!owner.name) faults.push(invalidField(`${field}.name`, owner.name ?? '', 'must not be empty'));
    if (!owner.uid) faults.push(invalidField(`${field}.uid`, owner.uid ?? '', 'must not be empty'));
  }
  const controllers = (metadata.ownerReferences ?? []).filter(({ controller }) => controller);
  if (controllers.length > 1) {
    faults.push(
      invalidField(
        'metadata.ownerReferences',
        metadata.ownerReferences,
        `Only one reference can have Controller set to true. Found "true" in references for ${controllers[0]!.kind}/${controllers[0]!.name} and ${controllers[1]!.kind}/${controllers[1]!.name}`,
      ),
    );
  }
  for (const [i, finalizer] of (metadata.finalizers ?? []).entries()) {
    for (const why of keyFaults(finalizer)) faults.push(invalidField('metadata.finalizers', finalizer, why));
    if (
      !finalizer.includes('/') &&
      !['foregroundDeletion', 'orphan', 'kubernetes', 'customresourcecleanup.apiextensions.k8s.io'].includes(finalizer)
    ) {
      faults.push(
        invalidField(
          `metadata.finalizers[${i}]`,
          finalizer,
          'name is neither a standard finalizer name nor is it fully qualified',
        ),
      );
    }
  }
  return faults;
}

/** What a change may not do to the metadata. */
function changeFaults(next: Obj, old: Obj): FieldError[] {
  const faults: FieldError[] = [];
  if (old.metadata.deletionTimestamp !== undefined) {
    const added = (next.metadata.finalizers ?? []).filter((one) => !(old.metadata.finalizers ?? []).includes(one));
    if (added.length) {
      faults.push(
        forbiddenField(
          'metadata.finalizers',
          `no new finalizers can be added if the object is being deleted, found new finalizers []string{${added.map((one) => JSON.stringify(one)).join(', ')}}`,
        ),
      );
    }
  }
  for (const field of ['name', 'namespace'] as const) {
    const value: Json = next.metadata[field];
    if (!same(value, old.metadata[field]))
      faults.push(invalidField(`metadata.${field}`, value ?? '', 'field is immutable'));
  }
  return [...faults, ...labelFaults(next)];
}

/** Go checks the metadata of a change in the common path and again in that of the kind: each fault is found as often. */
export function metadataUpdateFaults(kind: Kind, next: Obj, old: Obj): FieldError[] {
  const whole = () => [...labelFaults(next), ...relationFaults(next)];
  const faults = [...whole(), ...changeFaults(next, old), ...changeFaults(next, old)];
  if (!kind.custom) return [...faults, ...whole()];
  if (!isSubdomain(next.metadata.name)) faults.push(invalidField('metadata.name', next.metadata.name, SUBDOMAIN_TEXT));
  return faults;
}
