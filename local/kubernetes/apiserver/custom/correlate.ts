/** Which part of the old object a part of the new one stands for: fields by their names, items of map lists by their keys. */
import { isMap, type Json, same } from '../json.ts';

/** The value of a field before; undefined where maps are one value. */
export const fieldBefore = (schema: Json, old: Json, key: string): Json =>
  isMap(old) && schema?.['x-kubernetes-map-type'] !== 'atomic' && Object.hasOwn(old, key) ? old[key] : undefined;

/** Finds the old item for a new one. Lists that are no map lists have none. */
export function itemBefore(schema: Json, old: Json): (item: Json) => Json {
  if (schema?.['x-kubernetes-list-type'] !== 'map' || !Array.isArray(old)) return () => undefined;
  const keys: string[] = schema['x-kubernetes-list-map-keys'] ?? [];
  const identity = (item: Json): string =>
    JSON.stringify(keys.map((key) => item?.[key] ?? schema.items?.properties?.[key]?.default ?? null));
  const known = new Map(old.map((item) => [identity(item), item]));
  return (item) => (isMap(item) ? known.get(identity(item)) : undefined);
}

/** Whether nothing changed; without something before it, nothing can be said to be unchanged. */
export const unchanged = (value: Json, old: Json): boolean => old !== undefined && same(value, old);
