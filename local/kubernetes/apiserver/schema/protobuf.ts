/** Reads Kubernetes' protobuf bodies, which kubectl sends for the kinds that it is compiled with, into the JSON that they stand for. */
import { isMap, type Json } from '../json.ts';
import { DecodeError } from './decode.ts';
import { definitionOf, type Numbers, numbersOf, typeOf } from './definitions.ts';
import type { StructType, Type } from './type.ts';

const MAGIC = Buffer.from('k8s\0');

/** One field as it stands on the wire. */
interface Raw {
  number: number;
  value: bigint | Buffer;
}

function* fields(buffer: Buffer): Generator<Raw> {
  let at = 0;
  const varint = (): bigint => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = buffer[at++];
      if (byte === undefined || shift > 63n) throw new DecodeError('unexpected EOF');
      value |= BigInt(byte & 127) << shift;
      if (byte < 128) return value;
    }
  };
  const bytes = (length: number): Buffer => {
    if (at + length > buffer.length) throw new DecodeError('unexpected EOF');
    const part = buffer.subarray(at, at + length);
    at += length;
    return part;
  };
  while (at < buffer.length) {
    const tag = Number(varint());
    const number = tag >> 3;
    switch (tag & 7) {
      case 0:
        yield { number, value: varint() };
        break;
      case 1:
        yield { number, value: bytes(8) };
        break;
      case 2:
        yield { number, value: bytes(Number(varint())) };
        break;
      case 5:
        yield { number, value: bytes(4) };
        break;
      default:
        throw new DecodeError(`proto: illegal wireType ${tag & 7}`);
    }
  }
}

const integer = (value: bigint | Buffer): number => Number(BigInt.asIntN(64, value as bigint));

/** The fields of a message by number, the last of each. */
const message = (buffer: Buffer): Map<number, bigint | Buffer> =>
  new Map([...fields(buffer)].map(({ number, value }) => [number, value]));
const textIn = (found: Map<number, bigint | Buffer>, number: number): string =>
  (found.get(number) as Buffer | undefined)?.toString('utf8') ?? '';

function value(type: Type, raw: bigint | Buffer): Json {
  switch (type.kind) {
    case 'struct':
      return struct(type, raw as Buffer, numbersOf(type.definition ?? ''));
    case 'list':
      // A list inside a map is a message of its own.
      return [...fields(raw as Buffer)].map((item) => value(type.item, item.value));
    case 'map':
      throw new DecodeError('a map outside of a field');
    case 'scalar':
      break;
  }
  switch (type.scalar) {
    case 'boolean':
      return raw !== 0n;
    case 'int32':
    case 'int64':
      return integer(raw);
    case 'number':
      return (raw as Buffer).readDoubleLE(0);
    case 'bytes':
      return (raw as Buffer).toString('base64');
    case 'string':
      return (raw as Buffer).toString('utf8');
    case 'quantity':
      return textIn(message(raw as Buffer), 1);
    case 'time':
    case 'microTime': {
      const found = message(raw as Buffer);
      if (found.size === 0) return null;
      const iso = new Date(integer(found.get(1) ?? 0n) * 1000).toISOString().slice(0, 19);
      const micros = String(Math.floor(integer(found.get(2) ?? 0n) / 1000)).padStart(6, '0');
      return type.scalar === 'time' ? `${iso}Z` : `${iso}.${micros}Z`;
    }
    case 'intOrString': {
      const found = message(raw as Buffer);
      return integer(found.get(1) ?? 0n) === 0 ? integer(found.get(2) ?? 0n) : textIn(found, 3);
    }
    case 'any': {
      const text = textIn(message(raw as Buffer), 1);
      return text === '' ? null : JSON.parse(text);
    }
  }
}

function struct(type: StructType, buffer: Buffer, numbers: Numbers): Record<string, Json> {
  const names = new Map(
    Object.entries(numbers).flatMap(([name, number]) => (typeof number === 'number' ? [[number, name] as const] : [])),
  );
  const out: Record<string, Json> = {};
  for (const { number, value: raw } of fields(buffer)) {
    const embedded = numbers[`+${number}`];
    if (isMap(embedded)) {
      Object.assign(out, struct(type, raw as Buffer, embedded));
      continue;
    }
    const name = names.get(number);
    const field = name === undefined ? undefined : type.fields.get(name);
    if (name === undefined || field === undefined) continue;
    if (field.type.kind === 'list') {
      out[name] ??= [];
      out[name].push(value(field.type.item, raw));
    } else if (field.type.kind === 'map') {
      const entry = message(raw as Buffer);
      out[name] ??= {};
      out[name][textIn(entry, 1)] = value(field.type.value, entry.get(2) ?? Buffer.alloc(0));
    } else out[name] = value(field.type, raw);
  }
  return out;
}

/** The object that a `application/vnd.kubernetes.protobuf` body holds. Throws `DecodeError` for what is no such body or no kind known here. */
export function parseProtobuf(body: Buffer): Json {
  if (!body.subarray(0, 4).equals(MAGIC))
    throw new DecodeError('provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]');
  const unknown = message(body.subarray(4));
  const meta = message((unknown.get(1) as Buffer | undefined) ?? Buffer.alloc(0));
  const [apiVersion, kind] = [textIn(meta, 1), textIn(meta, 2)];
  const name = definitionOf(apiVersion, kind);
  if (name === undefined)
    throw new DecodeError(`no kind ${JSON.stringify(kind)} is registered for version ${JSON.stringify(apiVersion)}`);
  const type = typeOf(name) as StructType;
  return {
    apiVersion,
    kind,
    ...struct(type, (unknown.get(2) as Buffer | undefined) ?? Buffer.alloc(0), numbersOf(name)),
  };
}
