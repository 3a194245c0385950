/** Values of CEL: how JSON becomes them, and when two of them are equal. */
import { Optional } from '@marcbachmann/cel-js';
import { Duration } from '@marcbachmann/cel-js/evaluator';
import { isMap, type Json } from '../json.ts';

/** An opaque value of a function library (a quantity, a URL, an address) that knows its equals. */
export interface Comparable {
  equals(other: unknown): boolean;
}

/** Lists whose order does not count: sets, and maps by the fields that identify their items. */
interface Unordered {
  keys: readonly string[] | undefined;
}
const unordered = new WeakMap<readonly unknown[], Unordered>();

/** Marks a list as a set (no keys) or as a map list, for its equality and its sum. */
export function markUnordered<T extends readonly unknown[]>(list: T, keys: readonly string[] | undefined): T {
  unordered.set(list, { keys });
  return list;
}

/** JSON without a schema: whole numbers are ints, maps are Maps, so that no key is special. */
export function toCel(value: Json): unknown {
  if (typeof value === 'number') return Number.isInteger(value) ? BigInt(value) : value;
  if (Array.isArray(value)) return value.map(toCel);
  if (!isMap(value)) return value ?? null;
  const map = new Map<string, unknown>();
  for (const key of Object.keys(value)) if (value[key] !== undefined) map.set(key, toCel(value[key]));
  return map;
}

const isComparable = (value: unknown): value is Comparable =>
  typeof (value as Comparable | null)?.equals === 'function';

const identity = (item: unknown, { keys }: Unordered): unknown =>
  keys && item instanceof Map ? keys.map((key) => item.get(key) ?? null) : item;

/** Equality as CEL has it: numbers across their types, content of lists and maps, values of different types are different. */
export function celEqual(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== typeof b)
    return (typeof a === 'bigint' && typeof b === 'number') || (typeof a === 'number' && typeof b === 'bigint')
      ? // biome-ignore lint/suspicious/noDoubleEquals: 1 is 1.0 in CEL.
        a == b
      : false;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (isComparable(a)) return a.equals(b);
  if (Array.isArray(a)) return Array.isArray(b) && sameLists(a, b);
  const [left, right] = [mapOf(a), mapOf(b)];
  if (left || right) return left !== undefined && right !== undefined && sameMaps(left, right);
  if (a instanceof Date) return b instanceof Date && a.getTime() === b.getTime();
  if (a instanceof Duration) return b instanceof Duration && a.seconds === b.seconds && a.nanos === b.nanos;
  if (a instanceof Uint8Array) return b instanceof Uint8Array && Buffer.compare(a, b) === 0;
  if (a instanceof Optional)
    return (
      b instanceof Optional &&
      a.hasValue() === b.hasValue() &&
      (!a.hasValue() || celEqual(a.value(), (b as Optional).value()))
    );
  // Types are one object each; unsigned numbers have a value.
  return typeof a.valueOf() !== 'object' && a.valueOf() === b.valueOf();
}

/** Maps of data, and maps written in an expression, which the library makes plain objects. */
const mapOf = (value: object): Map<unknown, unknown> | undefined =>
  value instanceof Map
    ? value
    : Object.getPrototypeOf(value) === Object.prototype
      ? new Map(Object.entries(value))
      : undefined;

function sameLists(a: unknown[], b: unknown[]): boolean {
  if (a.length !== b.length) return false;
  const how = unordered.get(a) ?? unordered.get(b);
  if (!how) return a.every((item, i) => celEqual(item, b[i]));
  return a.every((item) => b.some((other) => celEqual(item, other)));
}

function sameMaps(a: Map<unknown, unknown>, b: Map<unknown, unknown>): boolean {
  if (a.size !== b.size) return false;
  for (const [key, value] of a) if (!b.has(key) || !celEqual(value, b.get(key))) return false;
  return true;
}

/** `list + list`: sets are united, map lists are merged (the items of the right one win, in the places of the left ones). */
export function celAdd(a: unknown[], b: unknown[]): unknown[] {
  const how = unordered.get(a);
  if (!how) return [...a, ...b];
  const sum = [...a];
  for (const item of b) {
    const place = sum.findIndex((one) => celEqual(identity(one, how), identity(item, how)));
    if (place < 0) sum.push(item);
    else sum[place] = item;
  }
  return markUnordered(sum, how.keys);
}

/** `x in list`, `key in map`. */
export const celIn = (item: unknown, container: unknown): boolean =>
  container instanceof Map
    ? container.has(item)
    : Array.isArray(container)
      ? container.some((one) => celEqual(one, item))
      : isMap(container) && Object.hasOwn(container, String(item));
