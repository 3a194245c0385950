/** Functions on strings: those of cel-go's extension that the library lacks. */
import { type Environment, Optional } from '@marcbachmann/cel-js';
import { Duration } from '@marcbachmann/cel-js/evaluator';
import { CelError } from '../error.ts';

function replace(text: string, old: string, next: string, limit: bigint): string {
  const parts = text.split(old);
  if (limit < 0n || parts.length - 1 <= Number(limit)) return parts.join(next);
  const [first, rest] = [parts.slice(0, Number(limit) + 1), parts.slice(Number(limit) + 1)];
  return [first.join(next), ...rest].join(old);
}

function charAt(text: string, at: bigint): string {
  const runes = [...text];
  const index = Number(at);
  if (index < 0 || index > runes.length) throw new CelError(`index out of range: ${at}`);
  return runes[index] ?? '';
}

/** How `%s` writes a value. */
export function shownAs(value: unknown): string {
  if (value === null) return 'null';
  if (typeof value === 'string') return value;
  if (value instanceof Date) return timestampText(value);
  if (value instanceof Duration) return durationText(value);
  if (value instanceof Uint8Array) return Buffer.from(value).toString();
  if (Array.isArray(value)) return `[${value.map(inner).join(', ')}]`;
  if (value instanceof Map)
    return `{${[...value]
      .map(([key, one]) => `${inner(key)}: ${inner(one)}`)
      .sort()
      .join(', ')}}`;
  if (value instanceof Optional) return value.hasValue() ? `optional(${inner(value.value())})` : 'optional.none()';
  return String(value);
}
const inner = (value: unknown): string => shownAs(value);

function format(template: string, args: unknown[]): string {
  let next = 0;
  const text = template.replace(/%(?:%|(?:\.(\d+))?([a-zA-Z]))/g, (all, precision, verb) => {
    if (all === '%%') return '%';
    if (next >= args.length) throw new CelError(`index ${next} out of range`);
    const value = args[next++];
    const number = typeof value === 'bigint' ? Number(value) : value;
    const wrong = () => new CelError(`error during formatting: no formatting function for %${verb} of this type`);
    switch (verb) {
      case 's':
        return shownAs(value);
      case 'd':
        if (typeof value !== 'bigint') throw wrong();
        return String(value);
      case 'f':
        if (typeof number !== 'number') throw wrong();
        return number.toFixed(Number(precision ?? 6));
      case 'e':
        if (typeof number !== 'number') throw wrong();
        return number.toExponential(Number(precision ?? 6)).replace(/e([+-])(\d)$/, 'e$10$2');
      case 'b':
        if (typeof value === 'boolean') return value ? '1' : '0';
        if (typeof value !== 'bigint') throw wrong();
        return value.toString(2);
      case 'o':
        if (typeof value !== 'bigint') throw wrong();
        return value.toString(8);
      case 'x':
      case 'X': {
        const hex =
          typeof value === 'bigint'
            ? value.toString(16)
            : typeof value === 'string' || value instanceof Uint8Array
              ? Buffer.from(value as Uint8Array).toString('hex')
              : undefined;
        if (hex === undefined) throw wrong();
        return verb === 'X' ? hex.toUpperCase() : hex;
      }
      default:
        throw new CelError(`unrecognized formatting clause "${verb}"`);
    }
  });
  return text;
}

/** RFC 3339 as Go writes it: no fraction when there is none. */
export const timestampText = (at: Date): string => at.toISOString().replace(/\.?0*Z$/, 'Z');

/** Seconds, with a fraction when there is one: `90s`, `1.5s`. */
export const durationText = (duration: Duration): string => {
  const nanos = duration.seconds * 1_000_000_000n + BigInt(duration.nanos);
  const absolute = nanos < 0n ? -nanos : nanos;
  const fraction = String(absolute % 1_000_000_000n)
    .padStart(9, '0')
    .replace(/0+$/, '');
  return `${nanos < 0n ? '-' : ''}${absolute / 1_000_000_000n}${fraction && `.${fraction}`}s`;
};

const TIMESTAMP = 'google.protobuf.Timestamp';
const DURATION = 'google.protobuf.Duration';

export const registerStrings = (environment: Environment): Environment =>
  environment
    .registerFunction('string.replace(string, string): string', (text: string, old: string, next: string) =>
      replace(text, old, next, -1n),
    )
    .registerFunction('string.replace(string, string, int): string', replace)
    .registerFunction('string.charAt(int): string', charAt)
    .registerFunction('string.reverse(): string', (text: string) => [...text].reverse().join(''))
    .registerFunction('string.format(list): string', format)
    .registerFunction(`string(${TIMESTAMP}): string`, timestampText)
    .registerFunction(`string(${DURATION}): string`, durationText)
    .registerFunction(`int(${TIMESTAMP}): int`, (at: Date) => BigInt(Math.floor(at.getTime() / 1000)))
    .registerFunction(`timestamp(${TIMESTAMP}): ${TIMESTAMP}`, (at: Date) => at)
    .registerFunction(`duration(${DURATION}): ${DURATION}`, (duration: Duration) => duration);
