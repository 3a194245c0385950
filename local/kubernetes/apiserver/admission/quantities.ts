/** Sums and comparisons of named quantities: what a container asks for, a pod needs, a quota allows. */
import type { Json } from '../json.ts';
import { formatQuantity, parseQuantity, type Quantity } from '../schema/quantity.ts';

export type Quantities = Map<string, Quantity>;

const NONE: Quantity = { nano: 0n, format: 'decimal' };
const ONE_NANO = 1_000_000_000n;

/** So many pieces. */
export const pieces = (count: number): Quantity => ({ nano: BigInt(count) * ONE_NANO, format: 'decimal' });

export const quantityOf = (value: Json): Quantity => parseQuantity(String(value ?? '0')) ?? NONE;

export const quantitiesOf = (list: Json): Quantities =>
  new Map(Object.entries(list ?? {}).map(([name, value]) => [name, quantityOf(value)]));

/** The form of writing stays that of the greater part that has one. */
const combined = (a: Quantity | undefined, b: Quantity, nano: (x: bigint, y: bigint) => bigint): Quantity => ({
  nano: nano(a?.nano ?? 0n, b.nano),
  format: a === undefined || a.nano === 0n ? b.format : a.format,
});

export function add(into: Quantities, more: Quantities): Quantities {
  for (const [name, quantity] of more)
    into.set(
      name,
      combined(into.get(name), quantity, (x, y) => x + y),
    );
  return into;
}

export function subtract(from: Quantities, less: Quantities): Quantities {
  for (const [name, quantity] of less)
    from.set(
      name,
      combined(from.get(name), quantity, (x, y) => x - y),
    );
  return from;
}

export function atLeast(into: Quantities, other: Quantities): Quantities {
  for (const [name, quantity] of other)
    into.set(
      name,
      combined(into.get(name), quantity, (x, y) => (x > y ? x : y)),
    );
  return into;
}

export const shown = (quantity: Quantity): string => formatQuantity(quantity);

/** What a pod needs as a whole: its containers together, or more where an init container alone needs more; and its overhead. */
export function podNeeds(spec: Json, what: 'requests' | 'limits'): Quantities {
  const of = (container: Json) => quantitiesOf(container.resources?.[what]);
  const total: Quantities = new Map();
  for (const container of spec.containers ?? []) add(total, of(container));
  // Init containers that go on running are there beside all that come after them.
  const sidecars: Quantities = new Map();
  const start: Quantities = new Map();
  for (const container of spec.initContainers ?? []) {
    if (container.restartPolicy === 'Always') {
      add(total, of(container));
      add(sidecars, of(container));
      atLeast(start, sidecars);
    } else atLeast(start, add(new Map(sidecars), of(container)));
  }
  atLeast(total, start);
  for (const [name, quantity] of quantitiesOf(spec.resources?.[what])) total.set(name, quantity);
  for (const [name, quantity] of quantitiesOf(spec.overhead))
    if (what === 'requests' || total.has(name)) add(total, new Map([[name, quantity]]));
  return total;
}
