/** What a kind is to the server: data, and the few rules that are its own. One more kind is one more such entry. */
import type { FieldError } from '../errors.ts';
import type { Json, Obj } from '../json.ts';
import type { StructType } from '../schema/type.ts';
import type { NameRule } from './names.ts';

export interface Column {
  name: string;
  type: 'string' | 'integer' | 'date' | 'boolean' | 'number';
  format?: string;
  description?: string;
  /** 0 is always shown, 1 with `-o wide`. */
  priority?: number;
  cell: (object: Obj) => Json;
}

/** What a kind's own rules may ask of the rest of the cluster. */
export interface Surroundings {
  find(storage: string, namespace: string | undefined, name: string): Obj | undefined;
  all(storage: string): Obj[];
}

export interface Scale {
  /** Paths into the object. */
  spec: string;
  status: string;
  /** The label selector as text. */
  selector(object: Obj): string | undefined;
}

export interface Kind {
  group: string;
  version: string;
  kind: string;
  /** Plural, as in paths. */
  resource: string;
  singular: string;
  shortNames?: string[];
  categories?: string[];
  namespaced: boolean;
  /** Name of the definition in OpenAPI; custom kinds have none. */
  definition?: string;
  type: StructType;
  custom: boolean;
  /** OpenAPI schema of a custom kind, as its definition has it. */
  schema?: Json;
  /** Where the objects lie: all versions of a kind share it. */
  storage: string;
  verbs: readonly string[];
  columns: Column[];
  nameRule: NameRule;
  /** Fills in what the client left out, on every write and read of old objects; it must not change what is there. */
  defaults?(object: Json): void;
  /** Sets what the client may not choose. */
  prepareCreate?(object: Obj, around: Surroundings): void;
  prepareUpdate?(next: Obj, old: Obj, around: Surroundings): void;
  validate?(object: Obj, around: Surroundings): FieldError[];
  validateUpdate?(next: Obj, old: Obj, around: Surroundings): FieldError[];
  warnings?(object: Obj): string[];
  /** Has a status of its own that only `/status` writes. */
  status: boolean;
  /** Whether a change moves metadata.generation; absent: the kind has no generation. */
  generation?(next: Obj, old: Obj): boolean;
  scale?: Scale;
  /** Fields that a field selector may name beside metadata.name and metadata.namespace. */
  fields?: Record<string, (object: Obj) => string>;
  /** PUT creates what is not there. */
  createOnUpdate?: boolean;
  /** PUT without a resourceVersion is refused. */
  conditionalUpdate?: boolean;
  /** DELETE answers the object instead of a Status. */
  deleteAnswersObject?: boolean;
  /** Finalizers that a deletion begins with: what the server itself does before the object may go. */
  deletionFinalizers?: string[];
  /** Garbage collection policy when the client names none. */
  defaultPropagation?: 'Background' | 'Orphan';
  /** A kind whose POST answers without storing (reviews). */
  virtual?: boolean;
  /** Between the form of this version and the stored one, where they differ. */
  toStored?(object: Obj): Obj;
  fromStored?(object: Obj): Obj;
  /** Its definition is being deleted: nothing new may come. */
  terminating?: boolean;
  /** The group that refusals name, where it is another than the kind's own. */
  refusedAs?: string;
  /** Sent with each answer (deprecated versions). */
  deprecation?: string;
}

export const apiVersionOf = ({ group, version }: { group: string; version: string }): string =>
  group ? `${group}/${version}` : version;

export const subjectOf = ({ group, resource }: { group: string; resource: string }) => ({ group, resource });

export const ALL_VERBS = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'] as const;
