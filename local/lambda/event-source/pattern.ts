/** Event patterns as in an event source mapping's FilterCriteria: which records reach the function. */

type Json = unknown;
/** Leaf test: `value` is undefined where the event has no such field. */
type Test = (value: Json) => boolean;
/** A pattern, compiled. */
export type Pattern = (event: Json) => boolean;

const isObject = (value: Json): value is Record<string, Json> =>
  value !== null && typeof value === 'object' && !Array.isArray(value);

const text =
  (test: (value: string) => boolean): Test =>
  (value) =>
    typeof value === 'string' && test(value);

const COMPARE: Readonly<Record<string, (a: number, b: number) => boolean>> = {
  '=': (a, b) => a === b,
  '<': (a, b) => a < b,
  '<=': (a, b) => a <= b,
  '>': (a, b) => a > b,
  '>=': (a, b) => a >= b,
};

/** DynamoDB's numbers come as text. */
const numeric = (parts: readonly Json[]): Test => {
  const tests = parts.flatMap((operator, at) =>
    at % 2 === 0 ? [[COMPARE[String(operator)], Number(parts[at + 1])] as const] : [],
  );
  if (tests.some(([compare, bound]) => !compare || Number.isNaN(bound)))
    throw new Error(`numeric needs operators and numbers in turn, given ${JSON.stringify(parts)}`);
  return (value) =>
    (typeof value === 'number' || (typeof value === 'string' && value.trim() !== '')) &&
    tests.every(([compare, bound]) => compare!(Number(value), bound));
};

function operator(name: string, argument: Json): Test {
  switch (name) {
    case 'exists':
      return (value) => (value !== undefined) === argument;
    case 'prefix':
      return text((value) => value.startsWith(String(argument)));
    case 'suffix':
      return text((value) => value.endsWith(String(argument)));
    case 'equals-ignore-case':
      return text((value) => value.toLowerCase() === String(argument).toLowerCase());
    case 'numeric':
      return numeric(argument as Json[]);
    case 'anything-but': {
      const tests = [argument].flat().map(leaf);
      return (value) => value !== undefined && !tests.some((test) => test(value));
    }
    default:
      throw new Error(
        `filter operator ${name} is not known here; known are exists, prefix, suffix, equals-ignore-case, numeric, anything-but`,
      );
  }
}

function leaf(wanted: Json): Test {
  if (!isObject(wanted)) return (value) => value === wanted;
  const [[name, argument] = ['', undefined], ...others] = Object.entries(wanted);
  if (others.length > 0) throw new Error(`a filter test has one operator, given ${JSON.stringify(wanted)}`);
  return operator(name, argument);
}

/** Compiles a pattern; throws for what is not known here. */
export function compilePattern(pattern: Json): Pattern {
  if (!isObject(pattern)) throw new Error(`a filter pattern is an object, given ${JSON.stringify(pattern)}`);
  const tests = Object.entries(pattern).map(([field, wanted]): Pattern => {
    if (field === '$or') {
      const any = (wanted as Json[]).map(compilePattern);
      return (event) => any.some((test) => test(event));
    }
    const inside = (event: Json): Json => (isObject(event) ? event[field] : undefined);
    if (Array.isArray(wanted)) {
      const any = wanted.map(leaf);
      return (event) => {
        const value = inside(event);
        // One element of a list is enough.
        return (Array.isArray(value) ? value : [value]).some((one) => any.some((test) => test(one)));
      };
    }
    const nested = compilePattern(wanted);
    return (event) => nested(inside(event));
  });
  return (event) => tests.every((test) => test(event));
}
