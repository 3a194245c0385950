/** The comparisons of Choice states. */
import type { Rule } from './definition.ts';
import { find, type Json, pick, type Scope } from './path.ts';

const orders: Record<string, (a: number | string, b: number | string) => boolean> = {
  Equals: (a, b) => a === b,
  LessThan: (a, b) => a < b,
  GreaterThan: (a, b) => a > b,
  LessThanEquals: (a, b) => a <= b,
  GreaterThanEquals: (a, b) => a >= b,
};

const RFC3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/;
const isTimestamp = (value: Json | undefined): value is string => typeof value === 'string' && RFC3339.test(value);

const types: Record<string, (value: Json | undefined) => boolean> = {
  IsNull: (value) => value === null,
  IsNumeric: (value) => typeof value === 'number',
  IsString: (value) => typeof value === 'string',
  IsBoolean: (value) => typeof value === 'boolean',
  IsTimestamp: isTimestamp,
};

/** `*` is any run of characters, `\*` a star. */
const glob = (pattern: string): RegExp =>
  new RegExp(
    `^${pattern.replace(/\\([\\*])|\*|[.+?^${}()|[\]\\]/g, (found, escaped?: string) =>
      escaped ? `\\${escaped}` : found === '*' ? '.*' : `\\${found}`,
    )}$`,
    's',
  );

/** Values of different types are never equal nor ordered: the rule is false, as in Step Functions. */
function compare(family: string, order: string, value: Json, wanted: Json): boolean {
  const test = orders[order]!;
  if (family === 'Boolean') return typeof value === 'boolean' && value === wanted;
  if (family === 'Numeric') return typeof value === 'number' && typeof wanted === 'number' && test(value, wanted);
  if (family === 'String') return typeof value === 'string' && typeof wanted === 'string' && test(value, wanted);
  return isTimestamp(value) && isTimestamp(wanted) && test(Date.parse(value), Date.parse(wanted));
}

/** Whether a rule holds; a variable that is not there is `States.Runtime` unless the rule asks `IsPresent`. */
export function holds(rule: Rule, scope: Scope): boolean {
  if ('And' in rule) return (rule.And as Rule[]).every((one) => holds(one, scope));
  if ('Or' in rule) return (rule.Or as Rule[]).some((one) => holds(one, scope));
  if ('Not' in rule) return !holds(rule.Not as Rule, scope);
  const { Variable, ...rest } = rule;
  const [name, wanted] = Object.entries(rest).find(([key]) => key !== 'Next' && key !== 'Comment')!;
  if (name === 'IsPresent') return (find(Variable, scope) !== undefined) === wanted;
  const value = pick(Variable, scope, 'Variable');
  const type = types[name];
  if (type) return type(value) === wanted;
  if (name === 'StringMatches') return typeof value === 'string' && glob(wanted as string).test(value);
  const [, family, order, fromPath] = /^(String|Numeric|Timestamp|Boolean)([A-Za-z]+?)(Path)?$/.exec(name)!;
  return compare(family!, order!, value, fromPath ? pick(wanted as string, scope, name) : wanted);
}
