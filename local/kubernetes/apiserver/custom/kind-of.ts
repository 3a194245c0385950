/** The kinds that a CustomResourceDefinition makes: one for each served version. */
import { isMap, type Json, type Obj, same } from '../json.ts';
import { AGE, ageOf, NAME, selectorText } from '../kinds/columns.ts';
import type { Column, Kind } from '../kinds/kind.ts';
import { jsonPath } from './json-path.ts';
import { rootType } from './schema-type.ts';

const VERBS = ['delete', 'deletecollection', 'get', 'list', 'patch', 'create', 'update', 'watch'];

function cellOf(type: string, value: Json): Json {
  if (value === undefined) return null;
  switch (type) {
    case 'integer':
      return typeof value === 'number' ? Math.trunc(value) : null;
    case 'number':
      return typeof value === 'number' ? value : null;
    case 'boolean':
      return typeof value === 'boolean' ? value : null;
    case 'date':
      return typeof value === 'string' ? ageOf(value) : '<unknown>';
    default:
      return typeof value === 'string'
        ? value
        : isMap(value) || Array.isArray(value)
          ? JSON.stringify(value)
          : String(value);
  }
}

const columnsOf = (columns: Json[] | undefined): Column[] =>
  columns?.length
    ? [
        NAME,
        ...columns.map(({ name, type, format, description, priority, jsonPath: path }) => ({
          name,
          type,
          ...(format && { format }),
          description: description ?? `Custom resource definition column (in JSONPath format): ${path}`,
          ...(priority && { priority }),
          cell: (object: Obj) => cellOf(type, jsonPath(path, object)[0]),
        })),
      ]
    : [NAME, { ...AGE, type: 'date' as const }];

const plain = (path: string): string => path.replace(/^\./, '');

/** All but metadata and, where it has its own subresource, the status. */
const moved =
  (status: boolean) =>
  (next: Obj, old: Obj): boolean => {
    const content = ({ metadata: _metadata, apiVersion: _apiVersion, ...object }: Obj) => ({
      ...object,
      ...(status && { status: undefined }),
    });
    return !same(content(next), content(old));
  };

export function kindsOf(definition: Obj): Kind[] {
  const { group, names, scope, versions } = definition.spec as Json;
  const accepted = names;
  return versions
    .filter(({ served }: Json) => served)
    .map((version: Json): Kind => {
      const schema = version.schema?.openAPIV3Schema;
      const status = version.subresources?.status !== undefined;
      const scale = version.subresources?.scale;
      return {
        group,
        version: version.name,
        kind: accepted.kind,
        resource: accepted.plural,
        singular: accepted.singular,
        ...(accepted.shortNames && { shortNames: accepted.shortNames }),
        ...(accepted.categories && { categories: accepted.categories }),
        namespaced: scope === 'Namespaced',
        type: rootType(schema),
        schema,
        custom: true,
        storage: `${group}/${accepted.plural}`,
        verbs: VERBS,
        columns: columnsOf(version.additionalPrinterColumns),
        nameRule: 'subdomain',
        status,
        generation: moved(status),
        ...(scale && {
          scale: {
            spec: plain(scale.specReplicasPath),
            status: plain(scale.statusReplicasPath),
            selector: (object: Obj) => {
              const found = scale.labelSelectorPath ? jsonPath(scale.labelSelectorPath, object)[0] : undefined;
              return isMap(found) ? selectorText(found) : found;
            },
          },
        }),
        ...(version.selectableFields?.length && {
          fields: Object.fromEntries(
            version.selectableFields.map(({ jsonPath: path }: Json) => [
              plain(path),
              (object: Obj) => String(jsonPath(path, object)[0] ?? ''),
            ]),
          ),
        }),
        ...(definition.metadata.deletionTimestamp && { terminating: true }),
        ...(version.deprecated && {
          deprecation: version.deprecationWarning ?? `${group}/${version.name} ${accepted.kind} is deprecated`,
        }),
      };
    });
}
