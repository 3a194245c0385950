/** OpenAPI v2 (swagger), which older clients still ask for: the same definitions in one document. */
import type { Context } from '../call.ts';
import { customDefinition, definitionName } from '../custom/openapi.ts';
import type { Json } from '../json.ts';
import { collect } from './openapi.ts';

/** v2 knows neither allOf around a reference with a default nor oneOf. */
function downgrade(schema: Json): Json {
  if (Array.isArray(schema)) return schema.map(downgrade);
  if (schema === null || typeof schema !== 'object') return schema;
  const { allOf, default: _default, oneOf, ...rest } = schema;
  if (allOf?.length === 1 && allOf[0].$ref) return { ...downgrade(rest), ...downgrade(allOf[0]) };
  const out: Json = {};
  for (const [key, value] of Object.entries<Json>(rest)) {
    out[key] =
      key === '$ref' && typeof value === 'string'
        ? value.replace('#/components/schemas/', '#/definitions/')
        : downgrade(value);
  }
  if (oneOf) out.type = 'string';
  return out;
}

export function openApiV2(context: Context): Json {
  const schemas: Record<string, Json> = {};
  const paths: Json = {};
  for (const kind of context.registry.all()) {
    if (kind.custom) Object.assign(schemas, customDefinition(kind));
    else {
      collect(definitionName(kind), schemas);
      collect(`${definitionName(kind)}List`, schemas);
    }
    const base = `/${kind.group ? `apis/${kind.group}` : 'api'}/${kind.version}/${kind.namespaced ? 'namespaces/{namespace}/' : ''}${kind.resource}/{name}`;
    paths[base] = {
      patch: {
        'x-kubernetes-action': 'patch',
        'x-kubernetes-group-version-kind': { group: kind.group, version: kind.version, kind: kind.kind },
        parameters: ['dryRun', 'fieldValidation'].map((name) => ({ name, in: 'query', type: 'string' })),
        responses: {},
      },
    };
  }
  const definitions = Object.fromEntries(Object.entries(schemas).map(([name, schema]) => [name, downgrade(schema)]));
  return { swagger: '2.0', info: { title: 'Kubernetes', version: context.gitVersion }, paths, definitions };
}
