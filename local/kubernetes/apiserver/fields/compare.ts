/** Which fields of an object there are, and which differ between two states of it (after structured-merge-diff of sigs.k8s.io). */
import { isMap, type Json, same } from '../json.ts';
import type { ListType, Type } from '../schema/type.ts';
import { elementOf, shapeOf } from './elements.ts';
import { emptySet, type FieldSet, insert } from './set.ts';

/** The fields that a configuration names. */
export function fieldsOf(type: Type, value: Json): FieldSet {
  const set = emptySet();
  walk(type, value, [], set);
  return set;
}

function walk(type: Type, value: Json, path: readonly string[], set: FieldSet): void {
  const shape = shapeOf(type, value);
  if (shape.kind === 'leaf') {
    insert(set, path);
    return;
  }
  if (value === null || value === undefined) return;
  if (shape.kind === 'fields') {
    if (!isMap(value)) {
      insert(set, path);
      return;
    }
    for (const [key, item] of Object.entries(value)) {
      const inner = shape.of(key);
      if (inner === undefined) continue;
      const own = [...path, `f:${key}`];
      walk(inner, item, own, set);
      if (item === null || (isMap(item) && Object.keys(item).length === 0) || !shape.declared(key)) insert(set, own);
    }
    return;
  }
  if (!Array.isArray(value)) {
    insert(set, path);
    return;
  }
  for (const item of value) {
    const own = [...path, elementOf(shape.type, item)];
    walk(shape.type.item, item, own, set);
    insert(set, own);
  }
}

export interface Comparison {
  added: FieldSet;
  modified: FieldSet;
  removed: FieldSet;
}

export function compare(type: Type, before: Json, after: Json): Comparison {
  const found: Comparison = { added: emptySet(), modified: emptySet(), removed: emptySet() };
  differ(type, before, after, [], found);
  return found;
}

const bare = (value: Json): boolean =>
  value === undefined ||
  value === null ||
  (Array.isArray(value) ? value.length === 0 : isMap(value) && Object.keys(value).length === 0);

function differ(type: Type, before: Json, after: Json, path: readonly string[], found: Comparison): void {
  if (before === undefined && after === undefined) return;
  const shape = shapeOf(type, after ?? before);
  const taken = shape.kind === 'fields' ? isMap : Array.isArray;
  const leaf =
    shape.kind === 'leaf' ||
    (bare(before) && bare(after)) ||
    !(bare(before) || taken(before)) ||
    !(bare(after) || taken(after));
  if (!leaf && shape.kind === 'fields') {
    for (const key of new Set([...Object.keys(before ?? {}), ...Object.keys(after ?? {})])) {
      const inner = shape.of(key);
      if (inner) differ(inner, before?.[key], after?.[key], [...path, `f:${key}`], found);
    }
  } else if (!leaf && shape.kind === 'list') {
    const [left, right] = [byElement(shape.type, before ?? []), byElement(shape.type, after ?? [])];
    for (const element of new Set([...left.keys(), ...right.keys()])) {
      differ(shape.type.item, left.get(element), right.get(element), [...path, element], found);
    }
  }
  if (before === undefined) insert(found.added, path);
  else if (after === undefined) insert(found.removed, path);
  else if (leaf && !same(before, after)) insert(found.modified, path);
}

const byElement = (type: ListType, list: Json[]): Map<string, Json> => {
  const items = new Map<string, Json>();
  for (const item of list) {
    const element = elementOf(type, item);
    // Of items with one key, which an update may have, the first stands for all.
    if (!items.has(element)) items.set(element, item);
  }
  return items;
};
