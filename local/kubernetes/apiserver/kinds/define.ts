/** Makes a built-in kind from the little that is its own. */
import { type Obj, same } from '../json.ts';
import { typeOf } from '../schema/definitions.ts';
import type { StructType } from '../schema/type.ts';
import { AGE, NAME } from './columns.ts';
import { ALL_VERBS, type Kind } from './kind.ts';

type Own = Partial<Omit<Kind, 'group' | 'version' | 'kind' | 'resource'>> & { spec?: boolean };

/** `definition` is the package of its type in OpenAPI, such as `io.k8s.api.core.v1`. */
export function define(
  group: string,
  version: string,
  pkg: string,
  kind: string,
  resource: string,
  own: Own = {},
): Kind {
  const definition = `${pkg}.${kind}`;
  return {
    group,
    version,
    kind,
    resource,
    singular: kind.toLowerCase(),
    namespaced: true,
    definition,
    type: typeOf(definition) as StructType,
    custom: false,
    storage: group ? `${group}/${resource}` : resource,
    verbs: ALL_VERBS,
    columns: [NAME, AGE],
    nameRule: 'subdomain',
    status: false,
    ...own,
  };
}

/** The generation counts changes of the spec. */
export const generationOfSpec = (next: Obj, old: Obj): boolean => !same(next.spec, old.spec);
