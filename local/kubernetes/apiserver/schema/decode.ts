/** Turns what a client sent into what Go would have read and written again: types checked, unknown fields left out and named, zero values as Go encodes them. */
import { isMap, type Json } from '../json.ts';
import { canonicalQuantity } from './quantity.ts';
import type { Field, Scalar, StructType, Type } from './type.ts';

/** A value of the wrong type; the message is that of Go's decoder. */
export class DecodeError extends Error {}

export interface Decoded {
  value: Json;
  /** Paths of the fields that the type does not have, in the order of the text. */
  unknown: string[];
}

const GO_KIND = (value: unknown): string =>
  Array.isArray(value) ? 'array' : isMap(value) ? 'object' : value === true || value === false ? 'bool' : typeof value;

interface Walk {
  root: string;
  unknown: string[];
}

const child = (path: string, key: string) => (path ? `${path}.${key}` : key);

/** Decodes a whole object of a built-in kind. Throws `DecodeError`. */
export function decode(type: StructType, value: Json): Decoded {
  const walk: Walk = { root: type.name, unknown: [] };
  if (!isMap(value))
    throw new DecodeError(`json: cannot unmarshal ${GO_KIND(value)} into Go value of type ${type.name}`);
  return { value: struct(type, value, '', '', walk), unknown: walk.unknown };
}

function struct(type: StructType, value: Record<string, Json>, path: string, plain: string, walk: Walk): Json {
  const out: Record<string, Json> = {};
  for (const key of Object.keys(value)) {
    const field = type.fields.get(key);
    if (field === undefined) {
      if (key === 'kind' || key === 'apiVersion') continue;
      if (!type.open) walk.unknown.push(child(path, key));
      else out[key] = value[key];
      continue;
    }
    const got = convert(field.type, value[key], child(path, key), child(plain, key), walk, type.name);
    // Storage keeps no empty lists: one that is always written comes back as null.
    const empty = field.zero === 'null' && Array.isArray(got) && got.length === 0;
    if (!empty && !omitted(field, got)) out[key] = got;
  }
  for (const [key, field] of type.fields) if (out[key] === undefined) addZero(out, key, field);
  return out;
}

/** Go leaves it out of its JSON. */
function omitted(field: Field, value: Json): boolean {
  if (value === undefined || value === null) return true;
  if (field.zero !== 'omit') return false;
  return (
    value === '' ||
    value === 0 ||
    value === false ||
    (Array.isArray(value) && value.length === 0) ||
    (isMap(value) && Object.keys(value).length === 0)
  );
}

function addZero(out: Record<string, Json>, key: string, field: Field): void {
  if (field.zero === 'null') out[key] = null;
  else if (field.zero === 'struct') out[key] = zeroOf(field.type as StructType);
  else if (field.zero === 'keep') out[key] = zeroScalar(field.type);
}

const ZERO: Partial<Record<Scalar, Json>> = {
  string: '',
  boolean: false,
  int32: 0,
  int64: 0,
  number: 0,
  quantity: '0',
  intOrString: 0,
};
const zeroScalar = (type: Type): Json => (type.kind === 'scalar' ? (ZERO[type.scalar] ?? null) : null);

/** An empty value of the type, as Go writes it. */
export function zeroOf(type: StructType): Record<string, Json> {
  const out: Record<string, Json> = {};
  for (const [key, field] of type.fields) addZero(out, key, field);
  return out;
}

function convert(type: Type, value: Json, path: string, plain: string, walk: Walk, owner: string): Json {
  if (value === null || value === undefined) return undefined;
  const wrong = (goType: string) =>
    new DecodeError(
      `json: cannot unmarshal ${GO_KIND(value)} into Go struct field ${owner}.${plain} of type ${goType}`,
    );
  switch (type.kind) {
    case 'struct':
      if (!isMap(value)) throw wrong(goTypeOf(type));
      return struct(type, value, path, plain, walk);
    case 'map': {
      if (!isMap(value)) throw wrong(goTypeOf(type));
      const out: Record<string, Json> = {};
      for (const key of Object.keys(value)) {
        const got = convert(type.value, value[key], child(path, key), plain, walk, owner);
        out[key] = got === undefined ? zeroScalar(type.value) : got;
      }
      return out;
    }
    case 'list':
      if (!Array.isArray(value)) throw wrong(goTypeOf(type));
      return value.map(
        (item, i) =>
          convert(type.item, item, `${path}[${i}]`, plain, walk, owner) ??
          (type.item.kind === 'struct' ? zeroOf(type.item) : zeroScalar(type.item)),
      );
    case 'scalar':
      return scalar(type.scalar, value, wrong);
  }
}

const goTypeOf = (type: Type): string => {
  switch (type.kind) {
    case 'struct':
      return `v1.${type.name}`;
    case 'map':
      return `map[string]${goTypeOf(type.value)}`;
    case 'list':
      return `[]${goTypeOf(type.item)}`;
    case 'scalar':
      return (
        (
          { boolean: 'bool', bytes: '[]uint8', number: 'float64', time: 'v1.Time', any: 'interface {}' } as Record<
            string,
            string
          >
        )[type.scalar] ?? type.scalar
      );
  }
};

const TIME = /^(\d{4}-\d\d-\d\d)[Tt](\d\d:\d\d:\d\d)(\.\d+)?([Zz]|[+-]\d\d:\d\d)$/;
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

function time(value: string, fraction: boolean): string {
  const layout = fraction ? '2006-01-02T15:04:05.000000Z07:00' : '2006-01-02T15:04:05Z07:00';
  const match = TIME.exec(value);
  const at = match ? Date.parse(value) : Number.NaN;
  if (!match || Number.isNaN(at)) {
    throw new DecodeError(
      `parsing time ${JSON.stringify(JSON.stringify(value)).slice(1, -1).replaceAll('\\"', '"')} as ${JSON.stringify(JSON.stringify(layout)).slice(1, -1).replaceAll('\\"', '"')}: cannot parse ${JSON.stringify(value)} as "2006"`,
    );
  }
  if (!fraction) return `${new Date(at).toISOString().slice(0, 19)}Z`;
  if (match[3] === undefined)
    throw new DecodeError(`parsing time "${value}" as "${layout}": cannot parse "${value.slice(19)}" as ".000000"`);
  return `${new Date(at).toISOString().slice(0, 19)}.${match[3].slice(1, 7).padEnd(6, '0')}Z`;
}

function scalar(kind: Scalar, value: Json, wrong: (goType: string) => Error): Json {
  switch (kind) {
    case 'any':
      return value;
    case 'string':
      if (typeof value !== 'string') throw wrong('string');
      return value;
    case 'boolean':
      if (typeof value !== 'boolean') throw wrong('bool');
      return value;
    case 'int32':
    case 'int64': {
      if (typeof value !== 'number') throw wrong(kind);
      const limit = kind === 'int32' ? 2 ** 31 : 2 ** 63;
      if (!Number.isInteger(value) || value >= limit || value < -limit)
        throw new DecodeError(wrong(kind).message.replace('unmarshal number', `unmarshal number ${value}`));
      return value;
    }
    case 'number':
      if (typeof value !== 'number') throw wrong('float64');
      return value;
    case 'bytes':
      if (typeof value !== 'string') throw wrong('[]uint8');
      if (!BASE64.test(value)) {
        const bad = value.search(/[^A-Za-z0-9+/=]/);
        throw new DecodeError(`illegal base64 data at input byte ${bad < 0 ? Math.floor(value.length / 4) * 4 : bad}`);
      }
      return value;
    case 'time':
      if (typeof value !== 'string') throw wrong('v1.Time');
      return time(value, false);
    case 'microTime':
      if (typeof value !== 'string') throw wrong('v1.MicroTime');
      return time(value, true);
    case 'quantity': {
      if (typeof value !== 'string' && typeof value !== 'number') throw wrong('resource.Quantity');
      const quantity = canonicalQuantity(String(value));
      if (quantity === undefined) {
        throw new DecodeError(
          "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
        );
      }
      return quantity;
    }
    case 'intOrString':
      if (typeof value !== 'string' && !Number.isInteger(value)) throw wrong('intstr.IntOrString');
      return value;
  }
}
