/** Fields with few values: OpenAPI as Kubernetes publishes it leaves them out, a running API server shows them, and `kubectl explain` prints them. Values and texts in `enums.jsonl` are those of its Go types (Apache-2.0). */
import { readFileSync } from 'node:fs';
import type { Json } from '../json.ts';

type Values = Record<string, string>;

let fields: Map<string, Values> | undefined;

/** `io.k8s.api.core.v1.PodSpec.restartPolicy` → its values with what they mean; of a list's items, the name ends with `[]`. */
function load(): Map<string, Values> {
  if (fields) return fields;
  fields = new Map();
  for (const line of readFileSync(new URL('enums.jsonl', import.meta.url), 'utf8').split('\n')) {
    if (line === '') continue;
    const [values, names] = JSON.parse(line) as [Values, string[]];
    for (const name of names) fields.set(name, values);
  }
  return fields;
}

const listed = (values: Values): string =>
  Object.entries(values)
    .map(([value, meaning]) => ` - \`${JSON.stringify(value)}\`${meaning && ` ${meaning}`}`)
    .join('\n');

/** The schema of a definition with the values that its fields may have. */
export function withEnums(name: string, schema: Json): Json {
  const known = load();
  const properties: Json = {};
  for (const [field, property] of Object.entries<Json>(schema.properties ?? {})) {
    const own = known.get(`${name}.${field}`);
    const items = known.get(`${name}.${field}[]`);
    if (own)
      properties[field] = {
        ...property,
        description: `${property.description}\n\nPossible enum values:\n${listed(own)}`,
        enum: Object.keys(own),
      };
    if (items) properties[field] = { ...property, items: { ...property.items, enum: Object.keys(items) } };
  }
  return Object.keys(properties).length === 0
    ? schema
    : { ...schema, properties: { ...schema.properties, ...properties } };
}
