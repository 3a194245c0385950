/** Faults of Kubernetes' own words in a schema: kinds of lists and maps, what is kept and what is embedded. */
import { type FieldError, invalidField, notSupported, required } from '../errors.ts';
import type { Json } from '../json.ts';

export function extensionFaults(schema: Json, field: string): FieldError[] {
  const faults: FieldError[] = [];
  const keeps = schema['x-kubernetes-preserve-unknown-fields'];
  const add = (name: string, value: Json, why: string) => faults.push(invalidField(`${field}.${name}`, value, why));
  if (keeps === false) add('x-kubernetes-preserve-unknown-fields', false, 'must be true or undefined');
  if (schema['x-kubernetes-int-or-string']) {
    const why = 'must be false if x-kubernetes-int-or-string is true';
    if (keeps) add('x-kubernetes-preserve-unknown-fields', true, why);
    if (schema['x-kubernetes-embedded-resource']) add('x-kubernetes-embedded-resource', true, why);
    if (schema.type) add('type', schema.type, 'must be empty if x-kubernetes-int-or-string is true');
  }
  return [...faults, ...listFaults(schema, field), ...mapFaults(schema, field)];
}

const LISTS = ['atomic', 'map', 'set'];

function listFaults(schema: Json, field: string): FieldError[] {
  const list = schema['x-kubernetes-list-type'];
  const keys: string[] = schema['x-kubernetes-list-map-keys'] ?? [];
  const faults: FieldError[] = [];
  const at = `${field}.x-kubernetes-list-type`;
  if (list === undefined) {
    if (keys.length) faults.push(required(at, 'must be map if x-kubernetes-list-map-keys is non-empty'));
    return faults;
  }
  if (!LISTS.includes(list)) return [notSupported(at, list, LISTS)];
  if (schema.type !== 'array')
    faults.push(
      invalidField(`${field}.type`, schema.type ?? '', 'must be array if x-kubernetes-list-type is specified'),
    );
  if (list !== 'map') {
    if (keys.length) faults.push(invalidField(at, list, 'must be map if x-kubernetes-list-map-keys is non-empty'));
    return faults;
  }
  if (keys.length === 0)
    return [
      ...faults,
      required(`${field}.x-kubernetes-list-map-keys`, 'must not be empty if x-kubernetes-list-type is map'),
    ];
  return [...faults, ...keyFaults(schema.items ?? {}, keys, field)];
}

function keyFaults(items: Json, keys: string[], field: string): FieldError[] {
  if (items.type !== 'object')
    return [
      invalidField(
        `${field}.items.type`,
        items.type ?? '',
        "must be object if parent array's x-kubernetes-list-type is map",
      ),
    ];
  const faults: FieldError[] = [];
  for (const [i, key] of keys.entries()) {
    const property = items.properties?.[key];
    const at = `${field}.x-kubernetes-list-map-keys[${i}]`;
    if (!property) faults.push(invalidField(at, key, 'entries must all be names of item properties'));
    else if (['array', 'object'].includes(property.type))
      faults.push(
        invalidField(
          `${field}.items.properties[${key}].type`,
          property.type,
          "must be a scalar type if parent array's x-kubernetes-list-type is map",
        ),
      );
    else if (property.default === undefined && !items.required?.includes(key))
      faults.push(
        required(
          `${field}.items.properties[${key}].default`,
          'this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property',
        ),
      );
    if (keys.indexOf(key) !== i) faults.push(invalidField(at, keys, 'must not contain duplicate entries'));
  }
  return faults;
}

const MAPS = ['atomic', 'granular'];

function mapFaults(schema: Json, field: string): FieldError[] {
  const map = schema['x-kubernetes-map-type'];
  if (map === undefined) return [];
  const faults: FieldError[] = [];
  if (!MAPS.includes(map)) faults.push(notSupported(`${field}.x-kubernetes-map-type`, map, MAPS));
  if (schema.type !== 'object')
    faults.push(
      invalidField(`${field}.type`, schema.type ?? '', 'must be object if x-kubernetes-map-type is specified'),
    );
  return faults;
}
