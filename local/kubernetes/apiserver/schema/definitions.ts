/** The types of the built-in kinds, read once from `definitions.jsonl`. */
import { readFileSync } from 'node:fs';
import type { Json } from '../json.ts';
import { ANY, type Field, type ListType, type Scalar, type StructType, type Type } from './type.ts';

export interface Numbers {
  [field: string]: number | Numbers;
}

type Line = [name: string, schema: Json, zeroes: Record<string, string>, numbers: Numbers];

let lines: Map<string, Line> | undefined;
const types = new Map<string, Type>();

function load(): Map<string, Line> {
  if (lines) return lines;
  lines = new Map();
  for (const text of readFileSync(new URL('definitions.jsonl', import.meta.url), 'utf8').split('\n')) {
    if (text === '') continue;
    const line = JSON.parse(text) as Line;
    lines.set(line[0], line);
  }
  return lines;
}

/** The OpenAPI v3 schema of a definition. */
export const openApiOf = (name: string): Json => load().get(name)?.[1];

/** The protobuf numbers of a definition's fields. */
export const numbersOf = (name: string): Numbers => load().get(name)?.[3] ?? {};

let kinds: Map<string, string> | undefined;
/** The definition of an apiVersion and kind, such as `v1 ConfigMap`. */
export function definitionOf(apiVersion: string, kind: string): string | undefined {
  if (kinds === undefined) {
    kinds = new Map();
    for (const [name, schema] of load().values()) {
      for (const one of schema['x-kubernetes-group-version-kind'] ?? []) {
        kinds.set(`${one.group ? `${one.group}/` : ''}${one.version} ${one.kind}`, name);
      }
    }
  }
  return kinds.get(`${apiVersion} ${kind}`);
}

export const META = 'io.k8s.apimachinery.pkg.apis.meta.v1';

const SCALARS: Record<string, Scalar> = {
  [`${META}.Time`]: 'time',
  [`${META}.MicroTime`]: 'microTime',
  [`${META}.FieldsV1`]: 'any',
  'io.k8s.apimachinery.pkg.api.resource.Quantity': 'quantity',
  'io.k8s.apimachinery.pkg.util.intstr.IntOrString': 'intOrString',
  'io.k8s.apimachinery.pkg.runtime.RawExtension': 'any',
  'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSON': 'any',
  'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaPropsOrArray': 'any',
  'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaPropsOrBool': 'any',
  'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaPropsOrStringArray': 'any',
};

const refOf = (schema: Json): string | undefined => {
  const ref = schema.$ref ?? schema.allOf?.[0]?.$ref;
  return ref?.slice('#/components/schemas/'.length);
};

/** The type of a definition such as `io.k8s.api.core.v1.Pod`. Throws for a name that `definitions.jsonl` does not have. */
export function typeOf(name: string): Type {
  const known = types.get(name);
  if (known) return known;
  const scalar = SCALARS[name];
  const line = load().get(name);
  if (scalar === undefined && line === undefined) throw new Error(`definitions.jsonl has no type ${name}`);
  if (scalar !== undefined) {
    const type: Type = { kind: 'scalar', scalar };
    types.set(name, type);
    return type;
  }
  const [, schema, zeroes] = line!;
  const struct: StructType = {
    kind: 'struct',
    name: name.slice(name.lastIndexOf('.') + 1),
    definition: name,
    fields: new Map(),
    atomic: schema['x-kubernetes-map-type'] === 'atomic',
    open: false,
  };
  // Known before its fields are read: types may contain themselves.
  types.set(name, struct);
  for (const [field, property] of Object.entries<Json>(schema.properties ?? {})) {
    struct.fields.set(field, fieldOf(field, property, zeroes[field], schema.required ?? []));
  }
  return struct;
}

function fieldOf(name: string, schema: Json, letter: string | undefined, required: string[]): Field {
  const type = typeOfSchema(schema);
  const zero = (): Field['zero'] => {
    if (letter === 'p') return 'pointer';
    if (letter === 'n') return 'null';
    if (letter === 'z') return 'omit';
    const isTime = type.kind === 'scalar' && (type.scalar === 'time' || type.scalar === 'microTime');
    if (isTime) return 'null';
    if (type.kind === 'struct') return 'struct';
    if (letter !== 'k') return 'omit';
    return type.kind === 'list' || type.kind === 'map' || (type.kind === 'scalar' && type.scalar === 'any')
      ? 'null'
      : 'keep';
  };
  return {
    type,
    patch: schema['x-kubernetes-patch-strategy'] ?? 'replace',
    ...(schema['x-kubernetes-patch-merge-key'] !== undefined && { mergeKey: schema['x-kubernetes-patch-merge-key'] }),
    zero: zero(),
    ...(schema.default !== undefined && { default: schema.default }),
    required: required.includes(name),
  };
}

function typeOfSchema(schema: Json): Type {
  const ref = refOf(schema);
  if (ref !== undefined) {
    const type = typeOf(ref);
    // The field may say what its type does not: that it is one value.
    return type.kind === 'struct' && schema['x-kubernetes-map-type'] === 'atomic' ? { ...type, atomic: true } : type;
  }
  switch (schema.type) {
    case 'array': {
      const list: ListType = {
        kind: 'list',
        item: typeOfSchema(schema.items ?? {}),
        list: schema['x-kubernetes-list-type'] ?? 'atomic',
        keys: schema['x-kubernetes-list-map-keys'] ?? [],
      };
      return list;
    }
    case 'object':
      return {
        kind: 'map',
        value: schema.additionalProperties ? typeOfSchema(schema.additionalProperties) : ANY,
        atomic: schema['x-kubernetes-map-type'] === 'atomic',
      };
    case 'string':
      return { kind: 'scalar', scalar: schema.format === 'byte' ? 'bytes' : 'string' };
    case 'boolean':
      return { kind: 'scalar', scalar: 'boolean' };
    case 'integer':
      return { kind: 'scalar', scalar: schema.format === 'int64' ? 'int64' : 'int32' };
    case 'number':
      return { kind: 'scalar', scalar: 'number' };
    default:
      return ANY;
  }
}
