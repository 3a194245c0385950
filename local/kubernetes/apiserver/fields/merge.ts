/** Merging an applied configuration into the live object, and removing what nobody wants any more. */
import { clone, isMap, type Json } from '../json.ts';
import type { ListType, Type } from '../schema/type.ts';
import { elementOf, shapeOf } from './elements.ts';
import type { FieldSet } from './set.ts';

export function mergeInto(type: Type, live: Json, config: Json): Json {
  if (config === undefined) return live;
  const shape = shapeOf(type, config);
  if (live === undefined || live === null || shape.kind === 'leaf' || config === null) return clone(config);
  if (shape.kind === 'fields') {
    if (!isMap(live) || !isMap(config)) return clone(config);
    const out: Record<string, Json> = { ...live };
    for (const [key, value] of Object.entries(config)) out[key] = mergeInto(shape.of(key) ?? type, live[key], value);
    return out;
  }
  return Array.isArray(live) && Array.isArray(config) ? mergeLists(shape.type, live, config) : clone(config);
}

/** The configuration's items keep its order; live items that it does not name keep their place among their neighbours. */
function mergeLists(type: ListType, live: Json[], config: Json[]): Json[] {
  const left = live.map((item) => elementOf(type, item));
  const right = config.map((item) => elementOf(type, item));
  const inLeft = new Map(left.map((element, i) => [element, live[i]]));
  const inRight = new Set(right);
  const shared = right.filter((element) => inLeft.has(element));
  let next = shared.shift();
  const out: Json[] = [];
  let l = 0;
  let r = 0;
  const take = (element: string, item: Json) => {
    out.push(mergeInto(type.item, inLeft.get(element), item));
    if (element === next) next = shared.shift();
  };
  while (l < left.length || r < right.length) {
    const element = left[l];
    if (element !== undefined && r < right.length && element === right[r]) {
      take(element, config[r]);
      l++;
      r++;
    } else if (element !== undefined && !inRight.has(element)) {
      out.push(live[l]);
      l++;
    } else if (element !== undefined && next !== undefined && element !== next) l++;
    else if (element !== undefined && next === undefined) l++;
    else {
      take(right[r]!, config[r]);
      r++;
    }
  }
  return out;
}

/** The object without the members of the set. */
export function without(type: Type, value: Json, gone: FieldSet): Json {
  if (gone.children.size === 0) return value;
  const shape = shapeOf(type, value);
  if (shape.kind === 'fields' && isMap(value)) {
    const out: Record<string, Json> = {};
    for (const [key, item] of Object.entries(value)) {
      const child = gone.children.get(`f:${key}`);
      if (child?.member) continue;
      out[key] = child ? without(shape.of(key) ?? type, item, child) : item;
    }
    return out;
  }
  if (shape.kind === 'list' && Array.isArray(value)) {
    return value.flatMap((item) => {
      const child = gone.children.get(elementOf(shape.type, item));
      if (child?.member) return [];
      return [child ? without(shape.type.item, item, child) : item];
    });
  }
  return value;
}

/** The set with every declared field that has members below it, too. */
export function withParents(type: Type, set: FieldSet): FieldSet {
  const out: FieldSet = { member: set.member, children: new Map() };
  const shape = shapeOf(type, {});
  for (const [element, child] of set.children) {
    const inner =
      shape.kind === 'fields' ? shape.of(element.slice(2)) : shape.kind === 'list' ? shape.type.item : undefined;
    const next = inner ? withParents(inner, child) : child;
    const declared = shape.kind === 'fields' && element.startsWith('f:') && shape.declared(element.slice(2));
    out.children.set(element, { ...next, member: next.member || (declared && next.children.size > 0) });
  }
  return out;
}
