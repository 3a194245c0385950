/** The form of objects: one small algebra of types that decoding, pruning, patches, field management and defaults are written against. */

export type Scalar =
  | 'string'
  | 'boolean'
  | 'int32'
  | 'int64'
  | 'number'
  | 'bytes'
  | 'time'
  | 'microTime'
  | 'quantity'
  | 'intOrString'
  | 'any';

export interface ScalarType {
  kind: 'scalar';
  scalar: Scalar;
}

export interface MapType {
  kind: 'map';
  value: Type;
  atomic: boolean;
}

export interface ListType {
  kind: 'list';
  item: Type;
  /** How field management takes it (x-kubernetes-list-type). */
  list: 'atomic' | 'set' | 'map';
  keys: string[];
}

export interface StructType {
  kind: 'struct';
  /** Go's name of the struct; empty for custom kinds. */
  name: string;
  /** Its name in OpenAPI, for built-in types. */
  definition?: string;
  fields: Map<string, Field>;
  atomic: boolean;
  /** Fields that are not declared are kept (x-kubernetes-preserve-unknown-fields). */
  open: boolean;
  /** Type of the values beside the declared fields (additionalProperties). */
  rest?: Type;
  /** An object with apiVersion, kind and metadata of its own (x-kubernetes-embedded-resource). */
  embedded?: boolean;
}

export type Type = ScalarType | MapType | ListType | StructType;

export interface Field {
  readonly type: Type;
  /** Key by which a strategic merge patch merges a list of maps; empty for a set of scalars. */
  mergeKey?: string;
  patch: 'replace' | 'merge' | 'retainKeys' | 'merge,retainKeys';
  /** Go writes it although it is empty: its zero value. */
  zero: 'omit' | 'keep' | 'null' | 'pointer' | 'struct';
  default?: unknown;
  required: boolean;
}

export const ANY: ScalarType = { kind: 'scalar', scalar: 'any' };
export const STRING: ScalarType = { kind: 'scalar', scalar: 'string' };
