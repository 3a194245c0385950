/** Strategic merge patches: like merge patches, but lists of maps are merged by the key that the kind's schema names. */
import { badRequest, StatusError } from '../errors.ts';
import { clone, isMap, type Json, same } from '../json.ts';
import type { Field, StructType, Type } from '../schema/type.ts';

const failure = (message: string): StatusError => new StatusError(500, undefined, message);

const ORDER = '$setElementOrder/';
const DELETE = '$deleteFromPrimitiveList/';
const KEEP = '$retainKeys';
const DIRECTIVE = '$patch';

/** The patched copy. Throws 400 and 500 for directives that make no sense, as a real server does. */
export function strategicMerge(target: Json, patch: Json, type: StructType): Json {
  return mergeMap(isMap(target) ? target : {}, patch, type);
}

const fieldIn = (type: Type, key: string): Field | undefined =>
  type.kind === 'struct' ? type.fields.get(key) : undefined;

function mergeMap(target: Record<string, Json>, patch: Record<string, Json>, type: Type): Json {
  const directive = patch[DIRECTIVE];
  if (directive === 'replace') {
    const { [DIRECTIVE]: _, ...rest } = patch;
    return clone(rest);
  }
  if (directive === 'delete') return {};
  if (directive !== undefined && directive !== 'merge') throw badRequest(`Unknown patch type found: ${directive}`);

  let out: Record<string, Json> = { ...target };
  const keep = patch[KEEP];
  if (keep !== undefined) {
    const given = Object.keys(patch).filter((key) => !key.startsWith('$'));
    if (!Array.isArray(keep)) throw badRequest(`retainKeys directive must be a list`);
    for (const key of given) {
      if (patch[key] !== null && !keep.includes(key)) throw badRequest('invalid patch format of retainKeys');
    }
    out = Object.fromEntries(Object.entries(out).filter(([key]) => keep.includes(key)));
  }
  for (const [key, value] of Object.entries(patch)) {
    if (key.startsWith(DELETE)) {
      const name = key.slice(DELETE.length);
      if (Array.isArray(out[name]))
        out[name] = out[name].filter((item: Json) => !(value as Json[]).some((gone) => same(gone, item)));
    }
  }
  for (const [key, value] of Object.entries(patch)) {
    if (key.startsWith('$')) continue;
    const field = fieldIn(type, key);
    if (value === null) {
      delete out[key];
      continue;
    }
    const inner =
      field?.type ?? (type.kind === 'map' ? type.value : { kind: 'scalar' as const, scalar: 'any' as const });
    if (isMap(value)) {
      out[key] = mergeMap(isMap(out[key]) ? out[key] : {}, value, inner);
      continue;
    }
    if (Array.isArray(value) && field?.patch.includes('merge') && inner.kind === 'list') {
      const list = mergeList(
        Array.isArray(out[key]) ? out[key] : [],
        value,
        inner.item,
        field.mergeKey,
        patch[ORDER + key],
      );
      out[key] = list;
    } else out[key] = clone(value);
  }
  for (const [key, order] of Object.entries(patch)) {
    if (!key.startsWith(ORDER)) continue;
    const name = key.slice(ORDER.length);
    if (patch[name] !== undefined || !Array.isArray(out[name])) continue;
    const field = fieldIn(type, name);
    out[name] = sortList(out[name], [], order as Json[], field?.mergeKey, out[name]);
  }
  return out;
}

const identity = (item: Json, key: string | undefined): Json => (key && isMap(item) ? item[key] : item);

function mergeList(
  target: Json[],
  patch: Json[],
  item: Type,
  key: string | undefined,
  order: Json[] | undefined,
): Json[] {
  if (order !== undefined) {
    const named = order.map((one) => identity(one, key));
    for (const one of patch) {
      if (isMap(one) && one[DIRECTIVE] !== undefined) continue;
      if (!named.some((name) => same(name, identity(one, key)))) {
        throw failure(
          `The order in patch list:\n${goList(patch)}\n doesn't match $setElementOrder list:\n${goList(order)}\n`,
        );
      }
    }
  }
  if (key === undefined || patch.every((one) => !isMap(one))) {
    const fresh = patch.filter((one) => !target.some((other) => same(one, other)));
    return sortList([...target, ...fresh], patch, order, undefined, target);
  }
  if (patch.some((one) => isMap(one) && one[DIRECTIVE] === 'replace'))
    return clone(patch.filter((one) => one[DIRECTIVE] !== 'replace'));
  let out = [...target];
  for (const one of patch) {
    const { [DIRECTIVE]: directive, ...content } = one;
    if (content[key] === undefined) throw failure(`map: ${goMap(one)} does not contain declared merge key: ${key}`);
    const at = out.findIndex((other) => same(other?.[key], content[key]));
    if (directive === 'delete') out = out.filter((other) => !same(other?.[key], content[key]));
    else if (at < 0) out.push(mergeMap({}, content, item));
    else out[at] = mergeMap(out[at], content, item);
  }
  return sortList(out, patch, order, key, target);
}

const goList = (list: Json[]): string => `[${list.map((one) => (isMap(one) ? goMap(one) : String(one))).join(' ')}]`;

const goMap = (value: Record<string, Json>): string =>
  `map[${Object.keys(value)
    .sort()
    .map(
      (key) =>
        `${key}:${isMap(value[key]) ? goMap(value[key]) : Array.isArray(value[key]) ? `[${value[key].join(' ')}]` : value[key]}`,
    )
    .join(' ')}]`;

/**
 * The order of a merged list: patched items as the patch (or `$setElementOrder`) has them, the others as before; where both orders leave it
 * open, an item of the server alone stands before a patched one if it stood before it in the live list.
 */
function sortList(
  merged: Json[],
  patch: Json[],
  order: Json[] | undefined,
  key: string | undefined,
  live: Json[],
): Json[] {
  const names = (order ?? patch.filter((one) => !isMap(one) || one[DIRECTIVE] !== 'delete')).map((one) =>
    identity(one, key),
  );
  const rank = (item: Json) => names.findIndex((name) => same(name, identity(item, key)));
  const before = (item: Json) => live.findIndex((one) => same(identity(one, key), identity(item, key)));
  const named = merged.filter((item) => rank(item) >= 0).sort((a, b) => rank(a) - rank(b));
  const others = merged.filter((item) => rank(item) < 0);
  const out: Json[] = [];
  while (named.length || others.length) {
    const [left, right] = [others[0], named[0]];
    if (right === undefined) out.push(others.shift());
    else if (left === undefined) out.push(named.shift());
    else {
      const [l, r] = [before(left), before(right)];
      out.push(l >= 0 && r >= 0 && l < r ? others.shift() : named.shift());
    }
  }
  return out;
}
