/** Custom kinds in OpenAPI: their own schema with the fields that every object has. */
import type { Json } from '../json.ts';
import type { Kind } from '../kinds/kind.ts';

const META = 'io.k8s.apimachinery.pkg.apis.meta.v1';

/** `example.com/v1 Boat` → `com.example.v1.Boat`. */
export const definitionName = (kind: Kind): string =>
  kind.definition ?? [...kind.group.split('.').reverse(), kind.version, kind.kind].join('.');

const ref = (name: string): Json => ({ $ref: `#/components/schemas/${name}` });

export function customDefinition(kind: Kind): Record<string, Json> {
  const name = definitionName(kind);
  const gvk = { group: kind.group, version: kind.version, kind: kind.kind };
  const schema = kind.schema ?? { type: 'object' };
  const string = (description: string) => ({ type: 'string', description });
  const own = {
    apiVersion: string(
      'APIVersion defines the versioned schema of this representation of an object. Servers should convert recognized schemas to the latest internal value, and may reject unrecognized values. More info: https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#resources',
    ),
    kind: string(
      'Kind is a string value representing the REST resource this object represents. Servers may infer this from the endpoint the client submits requests to. Cannot be updated. In CamelCase. More info: https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#types-kinds',
    ),
    metadata: {
      allOf: [ref(`${META}.ObjectMeta`)],
      description:
        "Standard object's metadata. More info: https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#metadata",
    },
  };
  return {
    [name]: { ...schema, properties: { ...schema.properties, ...own }, 'x-kubernetes-group-version-kind': [gvk] },
    [`${name}List`]: {
      type: 'object',
      description: `${kind.kind}List is a list of ${kind.kind}`,
      required: ['items'],
      properties: {
        apiVersion: own.apiVersion,
        kind: own.kind,
        items: { type: 'array', items: ref(name) },
        metadata: { allOf: [ref(`${META}.ListMeta`)] },
      },
      'x-kubernetes-group-version-kind': [{ ...gvk, kind: `${kind.kind}List` }],
    },
  };
}
