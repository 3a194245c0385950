/** The shape in which objects are shown: themselves, rows of a table, or their metadata alone. */

import type { ListAnswer } from '../call.ts';
import { badRequest, notAcceptable } from '../errors.ts';
import type { Form } from '../http/negotiate.ts';
import type { Json, Obj } from '../json.ts';
import type { Column, Kind } from '../kinds/kind.ts';

export interface Shaper {
  one(object: Obj): Json;
  list(list: ListAnswer): Json;
  bookmark(object: Json): Json;
}

const partial = (object: Obj, version: string): Json => ({
  kind: 'PartialObjectMetadata',
  apiVersion: `meta.k8s.io/${version}`,
  metadata: object.metadata,
});

const definition = ({ name, type, format = '', description = '', priority = 0 }: Column): Json => ({
  name,
  type,
  format,
  description,
  priority,
});

/** How the client wants it. Throws 400 and 406 for shapes that do not fit. */
export function shape(form: Form, kind: Kind, query: URLSearchParams, columns: Column[] = kind.columns): Shaper {
  const version = form.version ?? 'v1';
  if (form.as === undefined) return plain(kind);
  if (form.as === 'Table') return table(kind, columns, query, version);
  const go = `*${kind.custom ? 'unstructured.Unstructured' : `${goPackage(kind.group)}.${kind.kind}`}`;
  const list = kind.custom ? '*unstructured.UnstructuredList' : `${go}List`;
  return {
    one(object) {
      if (form.as === 'PartialObjectMetadataList')
        throw notAcceptable(`you requested PartialObjectMetadataList, but the requested object is not a list (${go})`);
      return partial(object, version);
    },
    list({ items, metadata }) {
      if (form.as === 'PartialObjectMetadata')
        throw notAcceptable(`you requested PartialObjectMetadata, but the requested object is a list (${list})`);
      return {
        kind: 'PartialObjectMetadataList',
        apiVersion: `meta.k8s.io/${version}`,
        metadata,
        items: items.map((item) => partial(item, version)),
      };
    },
    bookmark: (object) => ({
      kind: 'PartialObjectMetadata',
      apiVersion: `meta.k8s.io/${version}`,
      metadata: object.metadata,
    }),
  };
}

const goPackage = (group: string): string => group.split('.')[0] || 'core';

function plain(kind: Kind): Shaper {
  const apiVersion = kind.group ? `${kind.group}/${kind.version}` : kind.version;
  return {
    one: (object) => object,
    list: ({ items, metadata }) => ({
      kind: `${kind.kind}List`,
      apiVersion,
      metadata: kind.custom ? { continue: '', ...metadata } : metadata,
      items: kind.custom ? items : items.map(({ kind: _kind, apiVersion: _version, ...item }) => item),
    }),
    bookmark: (object) => object,
  };
}

function table(kind: Kind, columns: Column[], query: URLSearchParams, version: string): Shaper {
  const include = query.get('includeObject') || 'Metadata';
  if (!['Metadata', 'Object', 'None'].includes(include)) {
    throw badRequest(
      `Unable to convert to Table as requested: includeObject: Invalid value: ${JSON.stringify(include)}: must be 'Metadata', 'Object', 'None', or empty`,
    );
  }
  const head = { kind: 'Table', apiVersion: `meta.k8s.io/${version}` };
  const row = (object: Obj): Json => ({
    cells: columns.map(({ cell }) =>
      cell(kind.toStored && object.apiVersion === 'events.k8s.io/v1' ? kind.toStored(object) : object),
    ),
    object: include === 'None' ? null : include === 'Object' ? object : partial(object, version),
  });
  const definitions = columns.map(definition);
  let first = true;
  return {
    one(object) {
      const columnDefinitions = first ? definitions : null;
      first = false;
      return {
        ...head,
        metadata: { resourceVersion: object.metadata.resourceVersion },
        columnDefinitions,
        rows: [row(object)],
      };
    },
    list: ({ items, metadata }) => ({ ...head, metadata, columnDefinitions: definitions, rows: items.map(row) }),
    bookmark: (object) => ({
      ...head,
      metadata: { resourceVersion: object.metadata.resourceVersion },
      columnDefinitions: first ? definitions : null,
      rows: [{ cells: columns.map(() => null), object: partial(object, version) }],
    }),
  };
}
