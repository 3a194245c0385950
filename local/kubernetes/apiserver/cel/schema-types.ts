/** What an OpenAPI schema is in CEL: its types, and the values of JSON that has been checked against it. */
import type { Environment } from '@marcbachmann/cel-js';
import { Duration } from '@marcbachmann/cel-js/evaluator';
import { isMap, type Json } from '../json.ts';
import { celEqual, markUnordered, toCel } from './values.ts';

export interface CelType {
  name: string;
  convert(value: Json): unknown;
}

const KEYWORDS = new Set(
  'true false null in as break const continue else for function if import let loop package namespace return var void while'.split(
    ' ',
  ),
);

/** A property as an identifier of CEL, or undefined if it cannot be one (Kubernetes' own escaping). */
export function escaped(name: string): string | undefined {
  if (KEYWORDS.has(name)) return `__${name}__`;
  if (!/^[A-Za-z_.\-/][A-Za-z0-9_.\-/]*$/.test(name)) return undefined;
  return name.replace(/__|\.|-|\//g, (part) =>
    part === '__' ? '__underscores__' : part === '.' ? '__dot__' : part === '-' ? '__dash__' : '__slash__',
  );
}

const TEXT = { type: 'string' };
const META = { type: 'object', properties: { name: TEXT, generateName: TEXT } };

/** At the root of a resource kind, version, and the name in its metadata are known, whatever the schema says. */
const rooted = (schema: Json): Json => ({
  ...schema,
  properties: { ...schema.properties, kind: TEXT, apiVersion: TEXT, metadata: META },
});

const DYN: CelType = { name: 'dyn', convert: toCel };

function durationOf(text: string): Duration {
  const sign = text.startsWith('-') ? -1n : 1n;
  const unit: Record<string, number> = { ns: 1, us: 1e3, µs: 1e3, ms: 1e6, s: 1e9, m: 6e10, h: 3.6e12 };
  let nanos = 0n;
  for (const [, number, name] of text.matchAll(/([\d.]+)(ns|us|µs|ms|s|m|h)/g))
    nanos += BigInt(Math.round(Number(number) * unit[name!]!));
  nanos *= sign;
  return new Duration(nanos / 1_000_000_000n, Number(nanos % 1_000_000_000n));
}

function text(format: string | undefined): CelType {
  switch (format) {
    case 'byte':
      return { name: 'bytes', convert: (value) => new Uint8Array(Buffer.from(value, 'base64')) };
    case 'duration':
      return { name: 'google.protobuf.Duration', convert: durationOf };
    case 'date':
    case 'date-time':
      return { name: 'google.protobuf.Timestamp', convert: (value) => new Date(value) };
    default:
      return { name: 'string', convert: (value) => value };
  }
}

/**
 * Declares the types of a schema in an environment, `name` being what messages call them. Answers the type of each schema inside it, but not for
 * what CEL cannot see: a schema without a type, or a list or map of such. `root`: it is the schema of a whole resource. `field`: what a property
 * is called in expressions; undefined leaves it out.
 */
export function declareTypes(
  environment: Environment,
  name: string,
  whole: Json,
  { root = false, field = escaped }: { root?: boolean; field?: (name: string) => string | undefined } = {},
): Map<Json, CelType> {
  const known = new Map<Json, CelType>();
  let count = 0;
  const of = (schema: Json, isRoot: boolean): CelType | undefined => {
    const found = declare(schema, isRoot);
    if (found) known.set(schema, found);
    // Null has no type of its own: what may be null is checked when it is used.
    return found && schema.nullable === true
      ? { name: 'dyn', convert: (value) => (value === null ? null : found.convert(value)) }
      : found;
  };
  function declare(schema: Json, isRoot: boolean): CelType | undefined {
    if (!isMap(schema)) return undefined;
    if (schema['x-kubernetes-int-or-string']) return DYN;
    const own = isRoot || schema['x-kubernetes-embedded-resource'] === true;
    switch (schema.type) {
      case 'array': {
        const item = of(schema.items, false);
        if (!item) return undefined;
        const kind = schema['x-kubernetes-list-type'];
        const keys = (schema['x-kubernetes-list-map-keys'] ?? []).map(field);
        return {
          name: `list<${item.name}>`,
          convert(value: Json[]) {
            const list = value.map((one) => item.convert(one));
            return kind === 'set' || kind === 'map' ? markUnordered(list, kind === 'map' ? keys : undefined) : list;
          },
        };
      }
      case 'object': {
        if (isMap(schema.additionalProperties)) {
          const item = of(schema.additionalProperties, false);
          return (
            item && {
              name: `map<string, ${item.name}>`,
              convert: (value) => new Map(Object.keys(value).map((key) => [key, item.convert(value[key])])),
            }
          );
        }
        return struct(own ? rooted(schema) : schema);
      }
      case 'string':
        return text(schema.format);
      case 'boolean':
        return { name: 'bool', convert: (value) => value };
      case 'number':
        return { name: 'double', convert: (value) => value };
      case 'integer':
        return { name: 'int', convert: (value) => BigInt(value) };
      default:
        return undefined;
    }
  }
  function struct(schema: Json): CelType {
    const fields: Record<string, string> = {};
    const converts = new Map<string, { as: string; type: CelType }>();
    for (const [property, inner] of Object.entries<Json>(schema.properties ?? {})) {
      const as = field(property);
      const type = of(inner, false);
      if (as === undefined || !type) continue;
      fields[as] = type.name;
      converts.set(property, { as, type });
    }
    const full = `${name}_${++count}`;
    class Struct extends Map<string, unknown> {}
    environment.registerType(full, { ctor: Struct, fields });
    environment.registerOperator(`${full} == ${full}`, celEqual);
    return {
      name: full,
      convert(value) {
        const made = new Struct();
        for (const [property, { as, type }] of converts)
          if (value[property] !== undefined) made.set(as, type.convert(value[property]));
        return made;
      },
    };
  }
  of(whole, root);
  return known;
}
