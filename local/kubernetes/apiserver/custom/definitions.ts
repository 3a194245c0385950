/** CustomResourceDefinitions at work: each served version becomes a kind, and the definition is told that it is established. */
import type { Context } from '../call.ts';
import type { Json, Obj } from '../json.ts';
import { AGE, NAME } from '../kinds/columns.ts';
import { generationOfSpec } from '../kinds/define.ts';
import { ALL_VERBS, type Kind } from '../kinds/kind.ts';
import { META, typeOf } from '../schema/definitions.ts';
import { ANY, STRING, type StructType } from '../schema/type.ts';

const STORAGE = 'apiextensions.k8s.io/customresourcedefinitions';

/** The type of a custom object whose own fields are not looked at. */
const openType = (): StructType => ({
  kind: 'struct',
  name: '',
  atomic: false,
  open: true,
  fields: new Map([
    ['apiVersion', { type: STRING, patch: 'replace', zero: 'omit', required: false }],
    ['kind', { type: STRING, patch: 'replace', zero: 'omit', required: false }],
    ['metadata', { type: typeOf(`${META}.ObjectMeta`), patch: 'replace', zero: 'struct', required: false }],
  ]),
  rest: ANY,
});

const kindsOf = ({ spec }: Json): Kind[] =>
  spec.versions
    .filter(({ served }: Json) => served)
    .map((version: Json): Kind => ({
      group: spec.group,
      version: version.name,
      kind: spec.names.kind,
      resource: spec.names.plural,
      singular: spec.names.singular,
      shortNames: spec.names.shortNames,
      categories: spec.names.categories,
      namespaced: spec.scope === 'Namespaced',
      type: openType(),
      custom: true,
      schema: version.schema?.openAPIV3Schema,
      storage: `${spec.group}/${spec.names.plural}`,
      verbs: ALL_VERBS,
      columns: [NAME, AGE],
      nameRule: 'subdomain',
      status: version.subresources?.status !== undefined,
      generation: generationOfSpec,
      conditionalUpdate: true,
    }));

export function customResources({ store, registry }: Context): { start(): void; stop(): void } {
  const served = new Map<string, Kind[]>();
  let unlisten = () => {};

  const serve = (definition: Obj): void => {
    const { name } = definition.metadata;
    for (const kind of served.get(name) ?? []) registry.remove(kind);
    const kinds = kindsOf(definition);
    for (const kind of kinds) registry.add(kind);
    served.set(name, kinds);
    const status = (definition as Json).status ?? {};
    if ((status.conditions ?? []).some(({ type, status: is }: Json) => type === 'Established' && is === 'True')) return;
    const at = new Date().toISOString().replace(/\.\d+Z$/, 'Z');
    const condition = (type: string, reason: string, message: string) => ({ lastTransitionTime: at, message, reason, status: 'True', type });
    store.put(STORAGE, {
      ...definition,
      status: {
        ...status,
        acceptedNames: (definition as Json).spec.names,
        conditions: [
          condition('NamesAccepted', 'NoConflicts', 'no conflicts found'),
          condition('Established', 'InitialNamesAccepted', 'the initial names have been accepted'),
        ],
      },
    } as Obj);
  };

  return {
    start() {
      for (const { object } of store.list(STORAGE)) serve(object);
      unlisten = store.listen(STORAGE, ({ type, stored }) => {
        if (type === 'DELETED') {
          for (const kind of served.get(stored.object.metadata.name) ?? []) registry.remove(kind);
          served.delete(stored.object.metadata.name);
        } else setImmediate(() => {
          const now = store.list(STORAGE).find(({ object }) => object.metadata.name === stored.object.metadata.name);
          if (now !== undefined) serve(now.object);
        });
      });
    },
    stop: () => unlisten(),
  };
}
