/** A structural schema as a type, so that custom kinds are pruned, merged and managed by the same code as built-in ones. */
import type { Json } from '../json.ts';
import { META, typeOf } from '../schema/definitions.ts';
import { ANY, type Field, type ListType, type Scalar, STRING, type StructType, type Type } from '../schema/type.ts';

const SCALARS: Record<string, Scalar> = { string: 'string', boolean: 'boolean', integer: 'int64', number: 'number' };

const field = (type: Type, schema: Json = {}, required = false): Field => ({
  type,
  patch: 'replace',
  zero: 'pointer',
  ...(schema.default !== undefined && { default: schema.default }),
  required,
});

/** The type of a whole object of a custom kind. */
export function rootType(schema: Json): StructType {
  const root = typeOfSchema(schema ?? {}) as Type;
  const fields = new Map(root.kind === 'struct' ? root.fields : []);
  fields.set('apiVersion', field(STRING));
  fields.set('kind', field(STRING));
  fields.set('metadata', field(typeOf(`${META}.ObjectMeta`)));
  return { kind: 'struct', name: '', fields, atomic: false, open: root.kind === 'struct' ? root.open : true };
}

function typeOfSchema(schema: Json): Type {
  if (schema['x-kubernetes-int-or-string']) return { kind: 'scalar', scalar: 'intOrString' };
  const open = schema['x-kubernetes-preserve-unknown-fields'] === true;
  switch (schema.type) {
    case 'object': {
      if (schema.additionalProperties) {
        const value = schema.additionalProperties === true ? ANY : typeOfSchema(schema.additionalProperties);
        return { kind: 'map', value, atomic: schema['x-kubernetes-map-type'] === 'atomic' };
      }
      const fields = new Map<string, Field>();
      for (const [name, property] of Object.entries<Json>(schema.properties ?? {})) {
        fields.set(name, field(typeOfSchema(property), property, schema.required?.includes(name)));
      }
      const embedded = schema['x-kubernetes-embedded-resource'] === true;
      if (embedded) {
        fields.set('apiVersion', field(STRING));
        fields.set('kind', field(STRING));
        fields.set('metadata', field(typeOf(`${META}.ObjectMeta`)));
      }
      return {
        kind: 'struct',
        name: '',
        fields,
        atomic: schema['x-kubernetes-map-type'] === 'atomic',
        open,
        ...(embedded && { embedded }),
      };
    }
    case 'array': {
      const list: ListType = {
        kind: 'list',
        item: typeOfSchema(schema.items ?? {}),
        list: schema['x-kubernetes-list-type'] ?? 'atomic',
        keys: schema['x-kubernetes-list-map-keys'] ?? [],
      };
      return list;
    }
    default: {
      const scalar = SCALARS[schema.type as string];
      return scalar ? { kind: 'scalar', scalar } : ANY;
    }
  }
}
