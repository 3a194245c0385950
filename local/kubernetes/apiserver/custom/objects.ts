/** Objects of custom kinds on their way in: pruned, defaulted and checked against the schema of their definition. */
import { badRequest, type FieldError } from '../errors.ts';
import { isMap, type Json, type Obj, same } from '../json.ts';
import type { Kind } from '../kinds/kind.ts';
import { DecodeError, decode } from '../schema/decode.ts';
import { META, typeOf } from '../schema/definitions.ts';
import type { StructType } from '../schema/type.ts';
import { fillDefaults, prune } from './prune.ts';
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

const hasRules = (schema: Json): boolean => JSON.stringify(schema ?? {}).includes('"x-kubernetes-validations"');

/**
 * All faults of an object. Faults that the old object had too are forgiven where their value did not change (ratcheting).
 *
 * Rules in CEL (x-kubernetes-validations) belong here, after the schema's faults and only when none of them blocks; they are not evaluated yet,
 * which a warning says when a definition with rules is written.
 */
export function customFaults(kind: Kind, object: Obj, old: Obj | undefined): FieldError[] {
  if (!kind.schema) return [];
  const faults = schemaFaults(kind.schema, object, hasRules(kind.schema));
  if (!old || faults.length === 0) return faults;
  const known = new Set(schemaFaults(kind.schema, old, false).map(({ field, message }) => `${field} ${message}`));
  const remaining = faults.filter(
    ({ field, message }) => !(known.has(`${field} ${message}`) && unchanged(object, old, field)),
  );
  return remaining.every(({ field }) => field === '<nil>') ? [] : remaining;
}

function unchanged(object: Json, old: Json, field: string): boolean {
  let [a, b]: [Json, Json] = [object, old];
  for (const key of field.match(/[^.[\]]+/g) ?? []) {
    if (!isMap(a) && !Array.isArray(a)) return same(a, b);
    [a, b] = [(a as Json)?.[key], (b as Json)?.[key]];
  }
  return same(a, b);
}
