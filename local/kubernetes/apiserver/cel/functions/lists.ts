/** Functions on lists: Kubernetes' own, and cel-go's extensions for lists and sets. */
import type { Environment } from '@marcbachmann/cel-js';
import { Duration } from '@marcbachmann/cel-js/evaluator';
import { CelError } from '../error.ts';
import { celEqual, celIn } from '../values.ts';

// biome-ignore lint/suspicious/noExplicitAny: the library has checked the types; what is compared is comparable.
type Item = any;

const less = (a: Item, b: Item): boolean => a < b;

function extreme(list: Item[], better: (a: Item, b: Item) => boolean, name: string): Item {
  if (list.length === 0) throw new CelError(`${name} called on empty list`);
  return list.reduce((best, item) => (better(item, best) ? item : best));
}

function sum(list: Item[]): Item {
  if (list.length === 0) return 0n;
  return list
    .slice(1)
    .reduce((total, item) => (total instanceof Duration ? total.addDuration(item) : total + item), list[0]);
}

const indexOf = (list: Item[], item: Item): bigint => BigInt(list.findIndex((one) => celEqual(one, item)));

function slice(list: Item[], from: bigint, to: bigint): Item[] {
  if (from < 0n || from > to || to > BigInt(list.length))
    throw new CelError(`cannot slice(${from}, ${to}), list is length ${list.length}`);
  return list.slice(Number(from), Number(to));
}

const distinct = (list: Item[]): Item[] => list.filter((item, i) => list.findIndex((one) => celEqual(one, item)) === i);

class SetsNamespace {}

export const registerLists = (environment: Environment): Environment =>
  environment
    .registerFunction('list<A>.isSorted(): bool', (list: Item[]) =>
      list.every((item, i) => i === 0 || !less(item, list[i - 1])),
    )
    .registerFunction('list<A>.sum(): A', sum)
    .registerFunction('list<A>.min(): A', (list: Item[]) => extreme(list, less, 'min'))
    .registerFunction('list<A>.max(): A', (list: Item[]) => extreme(list, (a, b) => less(b, a), 'max'))
    .registerFunction('list<A>.indexOf(A): int', indexOf)
    .registerFunction('list<A>.lastIndexOf(A): int', (list: Item[], item: Item) =>
      BigInt(list.findLastIndex((one) => celEqual(one, item))),
    )
    .registerFunction('list<A>.slice(int, int): list<A>', slice)
    .registerFunction('list<A>.distinct(): list<A>', distinct)
    .registerFunction('list<A>.reverse(): list<A>', (list: Item[]) => list.toReversed())
    .registerFunction('list<A>.sort(): list<A>', (list: Item[]) =>
      list.toSorted((a, b) => (less(a, b) ? -1 : less(b, a) ? 1 : 0)),
    )
    .registerType('SetsNamespace', SetsNamespace)
    .registerConstant('sets', 'SetsNamespace', new SetsNamespace())
    .registerFunction('SetsNamespace.contains(list<A>, list<A>): bool', (_: unknown, a: Item[], b: Item[]) =>
      b.every((item) => celIn(item, a)),
    )
    .registerFunction('SetsNamespace.intersects(list<A>, list<A>): bool', (_: unknown, a: Item[], b: Item[]) =>
      b.some((item) => celIn(item, a)),
    )
    .registerFunction(
      'SetsNamespace.equivalent(list<A>, list<A>): bool',
      (_: unknown, a: Item[], b: Item[]) => a.every((item) => celIn(item, b)) && b.every((item) => celIn(item, a)),
    );
