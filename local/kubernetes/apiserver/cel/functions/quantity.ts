/** Quantities of Kubernetes in CEL. */
import type { Environment } from '@marcbachmann/cel-js';
import { formatQuantity, parseQuantity, type Quantity } from '../../schema/quantity.ts';
import { CelError } from '../error.ts';

const NANO = 1_000_000_000n;
const TYPE = 'kubernetes.Quantity';

class QuantityValue {
  readonly value: Quantity;
  constructor(value: Quantity) {
    this.value = value;
  }
  get nano(): bigint {
    return this.value.nano;
  }
  equals(other: unknown): boolean {
    return other instanceof QuantityValue && other.nano === this.nano;
  }
  plus(nano: bigint): QuantityValue {
    return new QuantityValue({ ...this.value, nano: this.nano + nano });
  }
}

function parsed(text: string): QuantityValue {
  const value = parseQuantity(text);
  if (value === undefined)
    throw new CelError("quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'");
  return new QuantityValue(value);
}

const sign = (nano: bigint): bigint => (nano < 0n ? -1n : nano > 0n ? 1n : 0n);
const whole = ({ nano }: QuantityValue): boolean => nano % NANO === 0n;

export const registerQuantity = (environment: Environment): Environment =>
  environment
    .registerType(TYPE, QuantityValue)
    .registerOperator(`${TYPE} == ${TYPE}`, (a: QuantityValue, b: QuantityValue) => a.equals(b))
    .registerFunction('isQuantity(string): bool', (text: string) => parseQuantity(text) !== undefined)
    .registerFunction(`quantity(string): ${TYPE}`, parsed)
    .registerFunction(`${TYPE}.sign(): int`, (a: QuantityValue) => sign(a.nano))
    .registerFunction(`${TYPE}.isGreaterThan(${TYPE}): bool`, (a: QuantityValue, b: QuantityValue) => a.nano > b.nano)
    .registerFunction(`${TYPE}.isLessThan(${TYPE}): bool`, (a: QuantityValue, b: QuantityValue) => a.nano < b.nano)
    .registerFunction(`${TYPE}.compareTo(${TYPE}): int`, (a: QuantityValue, b: QuantityValue) => sign(a.nano - b.nano))
    .registerFunction(`${TYPE}.add(${TYPE}): ${TYPE}`, (a: QuantityValue, b: QuantityValue) => a.plus(b.nano))
    .registerFunction(`${TYPE}.add(int): ${TYPE}`, (a: QuantityValue, b: bigint) => a.plus(b * NANO))
    .registerFunction(`${TYPE}.sub(${TYPE}): ${TYPE}`, (a: QuantityValue, b: QuantityValue) => a.plus(-b.nano))
    .registerFunction(`${TYPE}.sub(int): ${TYPE}`, (a: QuantityValue, b: bigint) => a.plus(-b * NANO))
    .registerFunction(`${TYPE}.isInteger(): bool`, whole)
    .registerFunction(`${TYPE}.asInteger(): int`, (a: QuantityValue) => {
      if (!whole(a)) throw new CelError('cannot convert value to integer');
      return a.nano / NANO;
    })
    .registerFunction(`${TYPE}.asApproximateFloat(): double`, (a: QuantityValue) => Number(a.nano) / 1e9)
    .registerFunction(`string(${TYPE}): string`, (a: QuantityValue) => formatQuantity(a.value));
