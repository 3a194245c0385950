/** How items of lists are told apart: by their keys, by their value, or not at all. */
import { isMap, type Json } from '../json.ts';
import type { ListType, StructType, Type } from '../schema/type.ts';

/** What a value looks like against its type, for field management. */
export type Shape =
  | { kind: 'leaf' }
  | { kind: 'fields'; of: (key: string) => Type | undefined; declared: (key: string) => boolean }
  | { kind: 'list'; type: ListType };

const ANY: Type = { kind: 'scalar', scalar: 'any' };

/** Untyped content is taken apart as maps; its lists are single values. */
export function shapeOf(type: Type, value: Json): Shape {
  switch (type.kind) {
    case 'struct':
      if (type.atomic) return { kind: 'leaf' };
      return {
        kind: 'fields',
        of: (key) => type.fields.get(key)?.type ?? type.rest ?? (type.open ? ANY : undefined),
        declared: (key) => type.fields.has(key),
      };
    case 'map':
      if (type.atomic) return { kind: 'leaf' };
      return { kind: 'fields', of: () => type.value, declared: () => false };
    case 'list':
      return type.list === 'atomic' ? { kind: 'leaf' } : { kind: 'list', type };
    case 'scalar':
      if (type.scalar === 'any' && isMap(value)) return { kind: 'fields', of: () => ANY, declared: () => false };
      return { kind: 'leaf' };
  }
}

/** The path element of an item. Throws a plain Error for an item without its keys. */
export function elementOf(type: ListType, item: Json): string {
  if (type.list === 'set') return `v:${JSON.stringify(item)}`;
  const keys: Record<string, Json> = {};
  const struct = type.item.kind === 'struct' ? (type.item as StructType) : undefined;
  for (const key of [...type.keys].sort()) {
    const value = isMap(item) ? (item[key] ?? struct?.fields.get(key)?.default) : undefined;
    if (value !== undefined) keys[key] = value;
  }
  if (Object.keys(keys).length === 0) {
    throw new Error(
      `associative list with keys has an element that omits all key fields ${JSON.stringify(type.keys)}`.replace(
        /\["(.*)"\]$/,
        (_, inner: string) => `["${inner.replaceAll('","', '" "')}"] (and has default values for none of these)`,
      ),
    );
  }
  return `k:${JSON.stringify(keys)}`;
}
