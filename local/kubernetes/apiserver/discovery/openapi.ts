/** OpenAPI v3, made from the kinds: an index, and one document for each group and version. */
import { createHash } from 'node:crypto';
import type { Answer, Context } from '../call.ts';
import { customDefinition, definitionName } from '../custom/openapi.ts';
import type { Json } from '../json.ts';
import type { Kind } from '../kinds/kind.ts';
import { openApiOf } from '../schema/definitions.ts';
import { withEnums } from '../schema/enums.ts';

const META = 'io.k8s.apimachinery.pkg.apis.meta.v1';

const pathOf = (group: string, version: string): string => (group ? `apis/${group}/${version}` : `api/${version}`);

/** Adds a definition and all that it refers to. */
export function collect(name: string, into: Record<string, Json>): void {
  if (into[name] !== undefined) return;
  const schema = openApiOf(name);
  if (schema === undefined) return;
  into[name] = withEnums(name, schema);
  for (const [, ref] of JSON.stringify(schema).matchAll(/"#\/components\/schemas\/([^"]+)"/g)) collect(ref!, into);
}

const gvk = (kind: Kind): Json => ({ group: kind.group, version: kind.version, kind: kind.kind });

function operations(kind: Kind, collection: boolean): Json {
  const ref = { $ref: `#/components/schemas/${definitionName(kind)}` };
  const answers = (schema: Json) => ({
    200: { description: 'OK', content: { 'application/json': { schema } } },
    401: { description: 'Unauthorized' },
  });
  const list = { $ref: `#/components/schemas/${definitionName(kind)}List` };
  const body = { requestBody: { content: { '*/*': { schema: ref } }, required: true } };
  const parameter = (name: string) => ({ name, in: 'query', schema: { type: 'string', uniqueItems: true } });
  const strict = ['dryRun', 'fieldManager', 'fieldValidation'].map(parameter);
  const operation = (action: string, more: Json = {}): Json => ({
    responses: answers(ref),
    ...more,
    'x-kubernetes-action': action,
    'x-kubernetes-group-version-kind': gvk(kind),
  });
  const has = (verb: string) => kind.verbs.includes(verb);
  const found: Json = {};
  if (collection) {
    if (has('list')) found.get = operation('list', { responses: answers(list) });
    if (has('create')) found.post = operation('post', { ...body, parameters: strict });
    if (has('deletecollection')) found.delete = operation('deletecollection');
    return found;
  }
  if (has('get')) found.get = operation('get');
  if (has('update')) found.put = operation('put', { ...body, parameters: strict });
  if (has('patch'))
    found.patch = operation('patch', {
      parameters: [...strict, parameter('force')],
      requestBody: {
        required: true,
        content: Object.fromEntries(
          [
            'application/apply-patch+yaml',
            'application/json-patch+json',
            'application/merge-patch+json',
            ...(kind.custom ? [] : ['application/strategic-merge-patch+json']),
          ].map((type) => [type, { schema: { $ref: `#/components/schemas/${META}.Patch` } }]),
        ),
      },
    });
  if (has('delete')) found.delete = operation('delete');
  return found;
}

function documentOf(context: Context, group: string, version: string): Json {
  const kinds = context.registry.all().filter((kind) => kind.group === group && kind.version === version);
  const schemas: Record<string, Json> = {};
  const paths: Record<string, Json> = {};
  for (const kind of kinds) {
    const base = `/${pathOf(group, version)}/${kind.namespaced ? 'namespaces/{namespace}/' : ''}${kind.resource}`;
    paths[base] = operations(kind, true);
    if (!kind.virtual) paths[`${base}/{name}`] = operations(kind, false);
    if (kind.status) paths[`${base}/{name}/status`] = operations(kind, false);
    if (kind.custom) Object.assign(schemas, customDefinition(kind));
    else {
      collect(definitionName(kind), schemas);
      collect(`${definitionName(kind)}List`, schemas);
    }
  }
  for (const name of ['DeleteOptions', 'Patch', 'Status', 'ObjectMeta', 'ListMeta'])
    collect(`${META}.${name}`, schemas);
  return {
    openapi: '3.0.0',
    info: { title: 'Kubernetes', version: context.gitVersion },
    paths,
    components: { schemas },
  };
}

interface Cached {
  revision: number;
  documents: Map<string, { text: string; hash: string }>;
}
const caches = new WeakMap<Context, Cached>();

/** Documents are made when they are first asked for, and again after kinds came or went. */
function documentText(context: Context, group: string, version: string): { text: string; hash: string } {
  let cached = caches.get(context);
  if (cached?.revision !== context.registry.revision) {
    cached = { revision: context.registry.revision, documents: new Map() };
    caches.set(context, cached);
  }
  const key = pathOf(group, version);
  let document = cached.documents.get(key);
  if (document === undefined) {
    const text = JSON.stringify(documentOf(context, group, version));
    document = { text, hash: createHash('sha512').update(text).digest('hex').toUpperCase() };
    cached.documents.set(key, document);
  }
  return document;
}

export function openApiIndex(context: Context): Json {
  const { registry } = context;
  const paths: Json = {};
  for (const group of registry.groups()) {
    for (const version of registry.versionsOf(group)!) {
      const path = pathOf(group, version);
      paths[path] = { serverRelativeURL: `/openapi/v3/${path}?hash=${documentText(context, group, version).hash}` };
    }
  }
  return { paths };
}

export function openApiOfGroup(context: Context, path: string): Answer | undefined {
  const { registry } = context;
  for (const group of registry.groups()) {
    for (const version of registry.versionsOf(group)!) {
      if (pathOf(group, version) === path)
        return { code: 200, text: documentText(context, group, version).text, type: 'application/json' };
    }
  }
  return undefined;
}
