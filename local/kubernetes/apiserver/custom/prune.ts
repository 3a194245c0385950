/** Fields that a structural schema does not name are dropped; defaults that it names are filled in. */
import { clone, isMap, type Json } from '../json.ts';

const ALWAYS = new Set(['apiVersion', 'kind', 'metadata']);

/** Removes in place; answers the paths of what was removed. */
export function prune(schema: Json, value: Json, path = '', root = true): string[] {
  if (Array.isArray(value)) return value.flatMap((item, i) => prune(schema.items ?? {}, item, `${path}[${i}]`, false));
  if (!isMap(value) || !schema) return [];
  if (schema['x-kubernetes-int-or-string']) return [];
  const own = root || schema['x-kubernetes-embedded-resource'] === true;
  const open = schema['x-kubernetes-preserve-unknown-fields'] === true;
  const gone: string[] = [];
  for (const key of Object.keys(value)) {
    const inner = path ? `${path}.${key}` : key;
    const property = schema.properties?.[key];
    if (own && ALWAYS.has(key)) continue;
    if (property) gone.push(...prune(property, value[key], inner, false));
    else if (schema.additionalProperties === true || open) continue;
    else if (isMap(schema.additionalProperties))
      gone.push(...prune(schema.additionalProperties, value[key], inner, false));
    else {
      delete value[key];
      gone.push(inner);
    }
  }
  return gone;
}

/** Fills in place. A null where none is allowed counts as absent, if there is a default for it. */
export function fillDefaults(schema: Json, value: Json): void {
  if (Array.isArray(value)) {
    for (const item of value) fillDefaults(schema.items ?? {}, item);
    return;
  }
  if (!isMap(value)) return;
  for (const [key, property] of Object.entries<Json>(schema.properties ?? {})) {
    const absent = value[key] === undefined || (value[key] === null && property.nullable !== true);
    if (absent && property.default !== undefined) value[key] = clone(property.default);
    if (value[key] !== undefined) fillDefaults(property, value[key]);
  }
  if (isMap(schema.additionalProperties)) {
    for (const key of Object.keys(value))
      if (!schema.properties?.[key]) fillDefaults(schema.additionalProperties, value[key]);
  }
}
