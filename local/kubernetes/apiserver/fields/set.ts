/** Sets of field paths, as managedFields keep them (FieldsV1): a tree whose nodes may be members themselves. */
import { isMap, type Json } from '../json.ts';

export interface FieldSet {
  member: boolean;
  /** By path element: `f:name`, `k:{"name":"c"}`, `v:"x"`. */
  children: Map<string, FieldSet>;
}

export const emptySet = (): FieldSet => ({ member: false, children: new Map() });
export const isEmpty = (set: FieldSet): boolean => !set.member && [...set.children.values()].every(isEmpty);

export function fromJson(json: Json): FieldSet {
  const set = emptySet();
  if (!isMap(json)) return set;
  for (const [key, value] of Object.entries(json)) {
    if (key === '.') continue;
    const child = fromJson(value);
    child.member = isMap(value) && (value['.'] !== undefined || Object.keys(value).length === 0);
    set.children.set(key, child);
  }
  return set;
}

export function toJson(set: FieldSet): Json {
  const json: Record<string, Json> = {};
  for (const [key, child] of [...set.children].sort(([a], [b]) => (a < b ? -1 : 1))) {
    if (isEmpty(child)) continue;
    const inner = toJson(child);
    json[key] = child.member && Object.keys(inner).length > 0 ? { '.': {}, ...inner } : inner;
  }
  return json;
}

export function insert(set: FieldSet, path: readonly string[]): void {
  let node = set;
  for (const element of path) {
    let next = node.children.get(element);
    if (next === undefined) {
      next = emptySet();
      node.children.set(element, next);
    }
    node = next;
  }
  node.member = true;
}

/** Combines two sets member by member. */
function combine(
  a: FieldSet | undefined,
  b: FieldSet | undefined,
  member: (a: boolean, b: boolean) => boolean,
): FieldSet {
  const out: FieldSet = { member: member(a?.member ?? false, b?.member ?? false), children: new Map() };
  for (const key of new Set([...(a?.children.keys() ?? []), ...(b?.children.keys() ?? [])])) {
    const child = combine(a?.children.get(key), b?.children.get(key), member);
    if (!isEmpty(child)) out.children.set(key, child);
  }
  return out;
}

export const union = (a: FieldSet, b: FieldSet): FieldSet => combine(a, b, (x, y) => x || y);
export const intersection = (a: FieldSet, b: FieldSet): FieldSet => combine(a, b, (x, y) => x && y);
export const difference = (a: FieldSet, b: FieldSet): FieldSet => combine(a, b, (x, y) => x && !y);

/** Every member's path: those of a level before those below it. */
export function* paths(set: FieldSet, prefix: readonly string[] = []): Generator<readonly string[]> {
  const children = [...set.children].sort(([a], [b]) => (a < b ? -1 : 1));
  for (const [key, { member }] of children) if (member) yield [...prefix, key];
  for (const [key, child] of children) yield* paths(child, [...prefix, key]);
}

/** Removes a path and all below it. */
export function cut(set: FieldSet, path: readonly string[]): void {
  const [first, ...rest] = path;
  if (first === undefined) return;
  const child = set.children.get(first);
  if (child === undefined) return;
  if (rest.length === 0) set.children.delete(first);
  else cut(child, rest);
}

/** As conflicts print it: `.spec.containers[name="c"].image`. */
export function pathText(path: readonly string[]): string {
  return path
    .map((element) => {
      const rest = element.slice(2);
      if (element.startsWith('f:')) return `.${rest}`;
      if (element.startsWith('v:')) return `[=${rest}]`;
      if (element.startsWith('i:')) return `[${rest}]`;
      return `[${Object.entries(JSON.parse(rest))
        .map(([key, value]) => `${key}=${JSON.stringify(value)}`)
        .join(',')}]`;
    })
    .join('');
}
