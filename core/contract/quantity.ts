/** Kubernetes quantities (`500m`, `1.5Gi`, `2e3`) as numbers. */

const SUFFIXES: Readonly<Record<string, number>> = {
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
const QUANTITY = /^([+-]?(?:\d+\.?\d*|\.\d+))(?:[eE]([+-]?\d+)|([numkMGTPE]|[KMGTPE]i)?)$/;

/** Is this a quantity as Kubernetes writes it? */
export const isQuantity = (text: string): boolean => QUANTITY.test(text);

/** In base units (cores, bytes, pieces); 0 for nothing and for what is not a quantity. */
export const quantity = (text: string | undefined): number => {
  const [, digits, exponent, suffix = ''] = QUANTITY.exec(text ?? '') ?? [];
  if (digits === undefined) return 0;
  return Number(digits) * (exponent === undefined ? (SUFFIXES[suffix] ?? 0) : 10 ** Number(exponent));
};
