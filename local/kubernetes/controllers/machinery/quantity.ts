/** Kubernetes quantities (`500m`, `2Gi`) as numbers, and back. */
import { isQuantity, quantity } from '#core/contract/quantity.ts';

/** The value in units (cores, bytes, pieces). Throws on what is no quantity. */
export function parseQuantity(given: string | number): number {
  const text = String(given);
  if (!isQuantity(text)) throw new Error(`"${text}" is no quantity: write 500m, 2 or 1Gi`);
  return quantity(text);
}

/** CPU as the API prints it: whole cores, else milli. */
export const cpuQuantity = (cores: number): string =>
  Number.isInteger(cores) ? String(cores) : `${Math.round(cores * 1000)}m`;
/** Bytes in Ki, as a kubelet reports memory. */
export const memoryQuantity = (bytes: number): string => `${Math.floor(bytes / 1024)}Ki`;

export type Amounts = Record<string, number>;

/** A resource list as numbers. */
export const amounts = (list: Record<string, string | number> | undefined): Amounts =>
  Object.fromEntries(Object.entries(list ?? {}).map(([name, quantity]) => [name, parseQuantity(quantity)]));

export function addAmounts(into: Amounts, more: Amounts): Amounts {
  for (const [name, value] of Object.entries(more)) into[name] = (into[name] ?? 0) + value;
  return into;
}
