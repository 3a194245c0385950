/** The JSONPath that state machines here may use: one value each, `$.a.b[0]['c d']`, from the input (`$`) or the context object (`$$`). */
import { StateError } from './error.ts';

/** Any JSON value. */
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/** A path read once: where it starts and the keys to follow. */
export interface Path {
  readonly root: 'input' | 'context';
  readonly keys: readonly (string | number)[];
}

const STEP = /^(?:\.([A-Za-z_][\w-]*)|\[(\d+)\]|\['([^']+)'\]|\["([^"]+)"\])/;

/** Reads a path; throws an Error that says what is allowed (several values, filters and functions are not). */
export function parsePath(text: string): Path {
  const root = text.startsWith('$$') ? 'context' : 'input';
  let rest = text.slice(root === 'context' ? 2 : 1);
  const keys: (string | number)[] = [];
  if (!text.startsWith('$')) throw new Error(`path "${text}" does not start with $ or $$`);
  while (rest !== '') {
    const step = STEP.exec(rest);
    if (!step) throw new Error(`path "${text}" is not supported at "${rest}": allowed are .name, [0] and ['name']`);
    keys.push(step[2] === undefined ? (step[1] ?? step[3] ?? step[4])! : Number(step[2]));
    rest = rest.slice(step[0].length);
  }
  return { root, keys };
}

/** The two documents that a path may start from. */
export interface Scope {
  readonly input: Json;
  readonly context: Json;
}

/** The value at a path, or undefined when nothing is there. */
export function find(text: string, scope: Scope): Json | undefined {
  const path = parsePath(text);
  let value: Json | undefined = scope[path.root];
  for (const key of path.keys) {
    if (value === null || typeof value !== 'object') return undefined;
    value = Array.isArray(value)
      ? typeof key === 'number'
        ? value[key]
        : undefined
      : Object.hasOwn(value, key)
        ? value[key as string]
        : undefined;
  }
  return value;
}

/** The value at a path; `States.Runtime`, which nothing catches, when nothing is there (as Step Functions does). */
export function pick(text: string, scope: Scope, field: string): Json {
  const value = find(text, scope);
  if (value === undefined)
    throw new StateError(
      'States.Runtime',
      `The JSONPath '${text}' specified for the field '${field}' could not be found in the input '${JSON.stringify(scope.input)}'`,
    );
  return value;
}

/** `document` with `value` at a reference path (ResultPath); objects on the way are made, anything else there is `States.ResultPathMatchFailure`. */
export function place(text: string, document: Json, value: Json): Json {
  const put = (at: Json | undefined, keys: readonly (string | number)[]): Json => {
    const [key, ...rest] = keys;
    if (key === undefined) return value;
    if (Array.isArray(at) && typeof key === 'number' && key < at.length) return at.with(key, put(at[key], rest));
    if (at !== undefined && (at === null || typeof at !== 'object' || Array.isArray(at)))
      throw new StateError(
        'States.ResultPathMatchFailure',
        `Unable to apply ReferencePath ${text} to input ${JSON.stringify(document)}`,
      );
    return { ...at, [key]: put(at?.[key as string], rest) };
  };
  return put(document, parsePath(text).keys);
}

/** A payload template: keys that end in `.$` take their value from a path, everything else stays as written. */
export function fill(template: Json, scope: Scope): Json {
  if (Array.isArray(template)) return template.map((item) => fill(item, scope));
  if (template === null || typeof template !== 'object') return template;
  return Object.fromEntries(
    Object.entries(template).map(([key, value]) =>
      key.endsWith('.$') ? [key.slice(0, -2), pick(value as string, scope, key)] : [key, fill(value, scope)],
    ),
  );
}
