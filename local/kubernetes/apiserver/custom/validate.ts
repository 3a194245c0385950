/** Checks an object of a custom kind against its schema, fault by fault, in the words of a real server. */
import { duplicate, type FieldError, invalidField, required, tooLong } from '../errors.ts';
import { isMap, type Json, same } from '../json.ts';
import { re2 } from '../re2.ts';
import { fieldBefore, itemBefore, unchanged } from './correlate.ts';

const typeName = (value: Json): string =>
  value === null
    ? 'null'
    : Array.isArray(value)
      ? 'array'
      : isMap(value)
        ? 'object'
        : typeof value === 'number'
          ? Number.isInteger(value)
            ? 'integer'
            : 'number'
          : typeof value;

const fits = (type: string, value: Json): boolean => {
  const is = typeName(value);
  return is === type || (type === 'number' && is === 'integer');
};

const FORMATS: Record<string, RegExp> = {
  'date-time': /^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)$/,
  date: /^\d{4}-\d\d-\d\d$/,
  email: /^[^@\s]+@[^@\s]+$/,
  uuid: /^[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$/i,
  ipv4: /^(\d{1,3}\.){3}\d{1,3}$/,
  byte: /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/,
  hostname: /^[a-zA-Z0-9]([-a-zA-Z0-9]*[a-zA-Z0-9])?(\.[a-zA-Z0-9]([-a-zA-Z0-9]*[a-zA-Z0-9])?)*$/,
  duration: /^-?(\d+(\.\d*)?(ns|us|µs|ms|s|m|h))+$/,
};

/** All faults of `value`. Parts that are as they were in `old` are taken as they are (ratcheting). */
export function schemaFaults(schema: Json, value: Json, old?: Json): FieldError[] {
  const faults: FieldError[] = [];
  check(schema, value, old, '', faults, true);
  const duplicates: FieldError[] = [];
  listFaults(schema, value, '', duplicates);
  // Lists that held something twice before may go on doing so.
  if (duplicates.length && old !== undefined) {
    const before: FieldError[] = [];
    listFaults(schema, old, '', before);
    if (before.length) return faults;
  }
  return [...faults, ...duplicates];
}

const child = (path: string, key: string): string => (path ? `${path}.${key}` : key);
const shown = (value: Json): string => JSON.stringify(value);

function check(schema: Json, value: Json, old: Json, path: string, faults: FieldError[], root = false): void {
  if (!schema || unchanged(value, old)) return;
  const bad = (text: string) =>
    faults.push({ type: 'Invalid', field: path, message: `Invalid value: ${shown(value)}: ${path} in body ${text}` });
  if (value === null) {
    if (!schema.nullable)
      faults.push({
        type: 'TypeInvalid',
        field: path,
        message: `Invalid value: "null": ${path} in body must be of type ${schema.type}: "null"`,
      });
    return;
  }
  if (schema['x-kubernetes-int-or-string']) {
    if (typeof value !== 'string' && !Number.isInteger(value)) {
      faults.push({
        type: 'TypeInvalid',
        field: path,
        message: `Invalid value: "${typeName(value)}": ${path} in body must be of type integer,string: "${typeName(value)}"`,
      });
    }
  } else if (schema.type && !fits(schema.type, value)) {
    faults.push({
      type: 'TypeInvalid',
      field: path,
      message: `Invalid value: "${typeName(value)}": ${path} in body must be of type ${schema.type}: "${typeName(value)}"`,
    });
    if (schema.type === 'integer' && typeof value === 'number')
      faults.push(invalidField('<nil>', '', `Checked value must be of type integer (default format) in ${path}`));
    return;
  }
  if (schema.enum && !schema.enum.some((one: Json) => same(one, value))) {
    faults.push({
      type: 'NotSupported',
      field: path,
      message: `Unsupported value: ${shown(value)}: supported values: ${schema.enum.map(shown).join(', ')}`,
    });
  }
  if (typeof value === 'number') numbers(schema, value, path, faults, bad);
  else if (typeof value === 'string') strings(schema, value, path, faults, bad);
  else if (Array.isArray(value)) {
    if (schema.minItems !== undefined && value.length < schema.minItems)
      bad(`should have at least ${schema.minItems} items`);
    if (schema.maxItems !== undefined && value.length > schema.maxItems) {
      faults.push({
        type: 'TooMany',
        field: path,
        message: `Too many: ${value.length}: must have at most ${schema.maxItems} items`,
      });
    }
    const before = itemBefore(schema, old);
    for (const [i, item] of value.entries()) check(schema.items, item, before(item), `${path}[${i}]`, faults);
  } else if (isMap(value)) maps(schema, value, old, path, faults, root, bad);
  combined(schema, value, path, faults);
}

function numbers(schema: Json, value: number, path: string, faults: FieldError[], bad: (text: string) => void): void {
  const { minimum, maximum, exclusiveMinimum, exclusiveMaximum, multipleOf } = schema;
  if (multipleOf !== undefined) {
    if (value === 0)
      faults.push({
        type: 'Invalid',
        field: path,
        message: `Invalid value: 0: factor MultipleOf declared for ${path} must be positive: 0`,
      });
    else if (!Number.isInteger(Number((value / multipleOf).toPrecision(12))))
      bad(`should be a multiple of ${multipleOf}`);
  }
  if (maximum !== undefined && (exclusiveMaximum ? value >= maximum : value > maximum))
    bad(`should be less than ${exclusiveMaximum ? '' : 'or equal to '}${maximum}`);
  if (minimum !== undefined && (exclusiveMinimum ? value <= minimum : value < minimum))
    bad(`should be greater than ${exclusiveMinimum ? '' : 'or equal to '}${minimum}`);
}

function strings(schema: Json, value: string, path: string, faults: FieldError[], bad: (text: string) => void): void {
  const length = [...value].length;
  if (schema.maxLength !== undefined && length > schema.maxLength) faults.push(tooLong(path, schema.maxLength));
  if (schema.minLength !== undefined && length < schema.minLength)
    bad(`should be at least ${schema.minLength} chars long`);
  if (schema.pattern !== undefined && !re2(schema.pattern).test(value)) bad(`should match '${schema.pattern}'`);
  const format = FORMATS[schema.format];
  if (format && !format.test(value)) {
    faults.push({
      type: 'TypeInvalid',
      field: path,
      message: `Invalid value: ${shown(value)}: ${path} in body must be of type ${schema.format}: ${shown(value)}`,
    });
  }
}

function maps(
  schema: Json,
  value: Record<string, Json>,
  old: Json,
  path: string,
  faults: FieldError[],
  root: boolean,
  bad: (text: string) => void,
): void {
  for (const key of schema.required ?? []) if (value[key] === undefined) faults.push(required(child(path, key)));
  if (schema['x-kubernetes-embedded-resource']) {
    for (const key of ['apiVersion', 'kind']) if (!value[key]) faults.push(required(child(path, key)));
  }
  const count = Object.keys(value).length;
  if (schema.minProperties !== undefined && count < schema.minProperties)
    bad(`should have at least ${schema.minProperties} properties`);
  if (schema.maxProperties !== undefined && count > schema.maxProperties) {
    faults.push({
      type: 'TooMany',
      field: path,
      message: `Too many: ${count}: must have at most ${schema.maxProperties} items`,
    });
  }
  for (const [key, item] of Object.entries(value)) {
    if (root && ['apiVersion', 'kind', 'metadata'].includes(key)) continue;
    const property =
      schema.properties?.[key] ?? (isMap(schema.additionalProperties) ? schema.additionalProperties : undefined);
    if (property) check(property, item, fieldBefore(schema, old, key), child(path, key), faults);
  }
}

/** allOf, anyOf, oneOf and not: they say which values, never which fields. */
function combined(schema: Json, value: Json, path: string, faults: FieldError[]): void {
  const passes = (one: Json): boolean => {
    const found: FieldError[] = [];
    check(one, value, undefined, path, found);
    return found.length === 0;
  };
  for (const one of schema.allOf ?? []) check(one, value, undefined, path, faults);
  const say = (text: string) =>
    faults.push({
      type: 'Invalid',
      field: path || '<nil>',
      message: `Invalid value: ${path ? shown(value) : '""'}: ${path ? `${path} in body ` : ''}${text}`,
    });
  if (schema.anyOf && !schema['x-kubernetes-int-or-string'] && !schema.anyOf.some(passes))
    say('must validate at least one schema (anyOf)');
  if (schema.oneOf && schema.oneOf.filter(passes).length !== 1) say('must validate one and only one schema (oneOf)');
  if (schema.not && passes(schema.not)) say('must not validate the schema (not)');
}

/** Sets hold each value once, map lists each key. */
function listFaults(schema: Json, value: Json, path: string, faults: FieldError[]): void {
  if (Array.isArray(value)) {
    const seen: Json[] = [];
    for (const [i, item] of value.entries()) {
      const type = schema?.['x-kubernetes-list-type'];
      const identity =
        type === 'set'
          ? item
          : type === 'map' && isMap(item)
            ? Object.fromEntries(
                schema['x-kubernetes-list-map-keys'].flatMap((key: string) =>
                  item[key] === undefined ? [] : [[key, item[key]]],
                ),
              )
            : undefined;
      if (identity !== undefined && seen.some((one) => same(one, identity)))
        faults.push(duplicate(`${path}[${i}]`, identity));
      if (identity !== undefined) seen.push(identity);
      listFaults(schema?.items, item, `${path}[${i}]`, faults);
    }
  } else if (isMap(value)) {
    for (const [key, item] of Object.entries(value))
      listFaults(schema?.properties?.[key] ?? schema?.additionalProperties, item, child(path, key), faults);
  }
}
