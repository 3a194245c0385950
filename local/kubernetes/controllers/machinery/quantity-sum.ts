/** Sums of quantities without rounding, written as the API writes them (`1536Mi`, `600m`, `2k`). */

const DECIMAL = ['n', 'u', 'm', '', 'k', 'M', 'G', 'T', 'P', 'E'];
const BINARY = ['', 'Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei'];
const NANO = 10n ** 9n;

/** A number of billionths, and in which family of suffixes it is written. */
export interface Exact {
  nano: bigint;
  binary: boolean;
}

export const ZERO: Exact = { nano: 0n, binary: false };

/** Throws on what is no quantity. Less than a billionth is rounded up, as the API does. */
export function exact(quantity: string | number): Exact {
  const [, sign = '', whole = '', fraction = '', suffix = '', exponent] =
    /^([+-]?)(\d*)(?:\.(\d*))?(?:([numkMGTPE]|[KMGTPE]i)|[eE]([+-]?\d+))?$/.exec(String(quantity)) ?? [];
  if (whole + fraction === '') throw new Error(`"${quantity}" is no quantity: write 500m, 2 or 1Gi`);
  const binary = suffix.endsWith('i');
  const power = exponent === undefined ? (DECIMAL.indexOf(suffix) - 3) * 3 : Number(exponent);
  const scale = binary ? NANO * 1024n ** BigInt(BINARY.indexOf(suffix)) : 10n ** BigInt(Math.max(0, 9 + power));
  const digits = BigInt(whole + fraction) * scale;
  const parts = 10n ** BigInt(fraction.length + (binary ? 0 : Math.max(0, -(9 + power))));
  const nano = (digits + parts - 1n) / parts;
  return { nano: sign === '-' ? -nano : nano, binary };
}

/** The sum, written in the family of the first that is not zero. */
export const plus = (a: Exact, b: Exact): Exact => ({
  nano: a.nano + b.nano,
  binary: a.nano === 0n ? b.binary : a.binary,
});

/** The shortest suffix that loses nothing. */
export function written({ nano, binary }: Exact): string {
  if (nano === 0n) return '0';
  const suffixes = binary && nano % NANO === 0n ? BINARY : DECIMAL;
  const step = suffixes === BINARY ? 1024n : 1000n;
  let value = suffixes === BINARY ? nano / NANO : nano;
  let index = 0;
  while (value % step === 0n && index < suffixes.length - 1) {
    value /= step;
    index += 1;
  }
  return `${value}${suffixes[index]}`;
}
