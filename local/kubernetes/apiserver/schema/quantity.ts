/** Kubernetes quantities (`100m`, `1.5Gi`): exact, in the canonical form in which a real API server writes them. */

const BINARY = ['', 'Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei'];
const DECIMAL = ['n', 'u', 'm', '', 'k', 'M', 'G', 'T', 'P', 'E'];

export interface Quantity {
  /** In billionths. */
  nano: bigint;
  format: 'binary' | 'decimal' | 'exponent';
}

const NANO = 1_000_000_000n;

/** Undefined for what is no quantity. */
export function parseQuantity(text: string): Quantity | undefined {
  const match = /^([+-]?)(\d+\.?\d*|\.\d+)(Ki|Mi|Gi|Ti|Pi|Ei|n|u|m|k|M|G|T|P|E|[eE][+-]?\d+)?$/.exec(text);
  if (!match) return undefined;
  const [, sign, digits, suffix = ''] = match;
  const [whole = '', fraction = ''] = digits!.split('.');
  let value = BigInt(`${whole}${fraction}` || '0') * NANO;
  let scale = 10n ** BigInt(fraction.length);
  let format: Quantity['format'] = 'decimal';
  if (BINARY.includes(suffix) && suffix !== '') {
    format = 'binary';
    value *= 1024n ** BigInt(BINARY.indexOf(suffix));
  } else if (/^[eE]./.test(suffix)) {
    format = 'exponent';
    const power = Number(suffix.slice(1));
    if (power >= 0) value *= 10n ** BigInt(power);
    else scale *= 10n ** BigInt(-power);
  } else {
    const power = (DECIMAL.indexOf(suffix) - 3) * 3;
    if (power >= 0) value *= 10n ** BigInt(power);
    else scale *= 10n ** BigInt(-power);
  }
  // More precise than a billionth is rounded up, away from zero.
  const nano = (value + scale - 1n) / scale;
  return { nano: sign === '-' ? -nano : nano, format };
}

export function formatQuantity({ nano, format }: Quantity): string {
  if (nano === 0n) return '0';
  const sign = nano < 0n ? '-' : '';
  const absolute = nano < 0n ? -nano : nano;
  if (format === 'binary' && absolute % NANO === 0n && absolute >= 1024n * NANO) {
    let value = absolute / NANO;
    let power = 0;
    while (value % 1024n === 0n && power < 6) {
      value /= 1024n;
      power++;
    }
    return `${sign}${value}${BINARY[power]}`;
  }
  let value = absolute;
  let power = 0;
  while (value % 1000n === 0n && power < DECIMAL.length - 1) {
    value /= 1000n;
    power++;
  }
  if (format !== 'exponent') return `${sign}${value}${DECIMAL[power]}`;
  return `${sign}${value}${power === 3 ? '' : `e${(power - 3) * 3}`}`;
}

export function canonicalQuantity(text: string): string | undefined {
  const quantity = parseQuantity(text);
  return quantity && formatQuantity(quantity);
}
