/** Objects of custom kinds on their way in: pruned, defaulted and checked against the schema of their definition. */
import { badRequest, type FieldError, invalidField } from '../errors.ts';
import { at, type Obj } from '../json.ts';
import type { Kind } from '../kinds/kind.ts';
import { DecodeError, decode } from '../schema/decode.ts';
import { META, typeOf } from '../schema/definitions.ts';
import type { StructType } from '../schema/type.ts';
import { ruleFaults } from './ask-rules.ts';
import { fillDefaults, prune } from './prune.ts';
import { rulesOf } from './rules.ts';
import { schemaFaults } from './validate.ts';

/** Drops unknown fields (with warnings, or a 400 where the client wants it strict) and fills in defaults, in place. */
export function pruneCustom(
  call: { warnings: string[] },
  kind: Kind,
  object: Obj,
  { fieldValidation }: { fieldValidation: string },
): void {
  try {
    const metadata = decode(typeOf(`${META}.ObjectMeta`) as StructType, object.metadata ?? {});
    // What says "forget all managers" is kept as it came.
    const forget = object.metadata?.managedFields?.length === 0;
    object.metadata = { ...metadata.value, ...(forget && { managedFields: [] }) };
    const gone = [
      ...metadata.unknown.map((field) => `metadata.${field}`),
      ...prune(kind.schema ?? { 'x-kubernetes-preserve-unknown-fields': true }, object),
    ].sort();
    if (gone.length) {
      const texts = gone.map((field) => `unknown field ${JSON.stringify(field)}`);
      if (fieldValidation === 'Strict') throw new DecodeError(`strict decoding error: ${texts.join(', ')}`);
      if (fieldValidation === 'Warn') call.warnings.push(...texts);
    }
  } catch (error) {
    if (error instanceof DecodeError)
      throw badRequest(
        `${kind.kind} in version ${JSON.stringify(kind.version)} cannot be handled as a ${kind.kind}: ${error.message}`,
      );
    throw error;
  }
  fillDefaults(kind.schema ?? {}, object);
}

/** Kinds of faults after which rules in CEL are not asked. */
const BLOCKING = new Set<FieldError['type']>(['Required', 'TypeInvalid', 'NotSupported', 'TooLong', 'TooMany']);
const UNCHECKED: FieldError = {
  type: 'Invalid',
  field: '<nil>',
  message:
    'Invalid value: null: some validation rules were not checked because the object was invalid; correct the existing errors to complete validation',
};

/** A write to the status is checked as if the status were all there is. */
function statusFaults(kind: Kind, object: Obj, old: Obj | undefined): FieldError[] {
  const schema = kind.schema?.properties?.status;
  const faults = schemaFaults(schema, object.status, old?.status).map((fault) => ({
    ...fault,
    field: fault.field ? `status.${fault.field}` : 'status',
  }));
  const path = kind.scale?.status;
  const replicas = path === undefined ? undefined : at(object, path);
  if (replicas !== undefined && typeof replicas !== 'number')
    faults.push(
      invalidField(
        `.${path}`,
        0,
        `.${path} accessor error: ${replicas} is of the type ${typeof replicas}, expected int64`,
      ),
    );
  return faults;
}

/** All faults of an object: of its schema, then, if none of those blocks it, of the rules in CEL. */
export function customFaults(
  call: { warnings: string[] },
  kind: Kind,
  object: Obj,
  old?: Obj,
  subresource = '',
): FieldError[] {
  if (!kind.schema) return [];
  const faults = subresource === 'status' ? statusFaults(kind, object, old) : schemaFaults(kind.schema, object, old);
  const rules = rulesOf(kind.schema, kind.kind);
  if (!rules.root) return faults;
  if (faults.some(({ type }) => BLOCKING.has(type))) return [...faults, UNCHECKED];
  return [...faults, ...ruleFaults(rules, object, old, (text) => call.warnings.push(text))];
}
