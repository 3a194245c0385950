/** Kubernetes quantities (`500m`, `2Gi`) as numbers, and back. */

const FACTORS: Record<string, number> = {
  n: 1e-9,
  u: 1e-6,
  m: 1e-3,
  '': 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  E: 1e18,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  Pi: 2 ** 50,
  Ei: 2 ** 60,
};

/** The value in units (cores, bytes, pieces). Throws on what is no quantity. */
export function parseQuantity(quantity: string | number): number {
  const [, number, suffix = '', exponent] =
    /^([+-]?[0-9.]+)(?:([numkMGTPE]|[KMGTPE]i)|[eE]([+-]?[0-9]+))?$/.exec(String(quantity)) ?? [];
  const value = Number(number);
  if (number === undefined || Number.isNaN(value))
    throw new Error(`"${quantity}" is no quantity: write 500m, 2 or 1Gi`);
  return exponent === undefined ? value * (FACTORS[suffix] ?? 1) : value * 10 ** Number(exponent);
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
