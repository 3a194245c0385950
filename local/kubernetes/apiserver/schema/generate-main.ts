/**
 * Writes `definitions.jsonl`, the types of the built-in kinds, from Kubernetes' own published sources (Apache-2.0):
 * `node local/kubernetes/apiserver/schema/generate-main.ts V3 API APIMACHINERY APIEXTENSIONS` with the folder api/openapi-spec/v3 of
 * kubernetes/kubernetes and the folders of the Go modules k8s.io/api, k8s.io/apimachinery and k8s.io/apiextensions-apiserver. Run it for a newer
 * Kubernetes. A line is `[name, OpenAPI schema, how zero values of its fields are written, protobuf numbers of its fields]`; the last two come from the
 * Go types, since OpenAPI does not say what Go's encoder leaves out and which numbers kubectl's protobuf bodies use.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const GROUPS = [
  'api__v1',
  'apis__admissionregistration.k8s.io__v1',
  'apis__apiextensions.k8s.io__v1',
  'apis__apps__v1',
  'apis__authentication.k8s.io__v1',
  'apis__authorization.k8s.io__v1',
  'apis__autoscaling__v1',
  'apis__coordination.k8s.io__v1',
  'apis__discovery.k8s.io__v1',
  'apis__events.k8s.io__v1',
  'apis__networking.k8s.io__v1',
  'apis__policy__v1',
  'apis__rbac.authorization.k8s.io__v1',
  'apis__scheduling.k8s.io__v1',
  'apis__storage.k8s.io__v1',
];

interface GoField {
  type: string;
  name: string;
  tags: string[];
  number: number | undefined;
}

/** Of an embedded struct, which JSON inlines and protobuf does not, `+number` holds the numbers. */
interface Numbers {
  [field: string]: number | Numbers;
}

const [openapi, api, apimachinery, apiextensions] = process.argv.slice(2);
if (!openapi || !api || !apimachinery || !apiextensions) throw new Error('name four folders: see the top of this file');

/** `io.k8s.api.core.v1` → the folder of that Go package. */
function folderOf(pkg: string): string | undefined {
  if (pkg.startsWith('io.k8s.api.')) return join(api!, ...pkg.slice(11).split('.'));
  if (pkg.startsWith('io.k8s.apimachinery.')) return join(apimachinery!, ...pkg.slice(20).split('.'));
  if (pkg.startsWith('io.k8s.apiextensions-apiserver.')) return join(apiextensions!, ...pkg.slice(31).split('.'));
  return undefined;
}

const packages = new Map<string, Map<string, GoField[]>>();
function structsOf(pkg: string): Map<string, GoField[]> {
  const known = packages.get(pkg);
  if (known) return known;
  const structs = new Map<string, GoField[]>();
  packages.set(pkg, structs);
  const folder = folderOf(pkg);
  if (folder === undefined) return structs;
  for (const file of readdirSync(folder).filter((name) => name.endsWith('types.go') || name.startsWith('types_'))) {
    const source = readFileSync(join(folder, file), 'utf8');
    for (const [, name, body] of source.matchAll(/^type (\w+) struct \{\n([\s\S]*?)^\}/gm)) {
      const fields = [
        ...body!.matchAll(
          /^\s+(?:\w+\s+)?(\*?[\w.[\]*]+)\s+`(?:[^`]*\s)?json:"([^"]*)"(?:[^`]*?protobuf:"\w+,(\d+))?/gm,
        ),
      ].map(([, type, tag, number]) => {
        const [jsonName, ...tags] = tag!.split(',');
        return { type: type!, name: jsonName!, tags, number: number === undefined ? undefined : Number(number) };
      });
      structs.set(name!, fields);
    }
  }
  return structs;
}

/** p: pointer, a given zero stays. k: always written. n: pointer, null when absent. z: a zero struct is left out. No letter: a zero is left out. */
function zeroesOf(pkg: string, struct: string): Record<string, string> {
  const zeroes: Record<string, string> = {};
  for (const { type, name, tags } of structsOf(pkg).get(struct) ?? []) {
    if (name === '' && tags.includes('inline')) {
      if (/^\w+$/.test(type)) Object.assign(zeroes, zeroesOf(pkg, type));
      continue;
    }
    const kept = !tags.includes('omitempty') && !tags.includes('omitzero');
    const letter = type.startsWith('*') ? (kept ? 'n' : 'p') : kept ? 'k' : tags.includes('omitzero') ? 'z' : '';
    if (letter) zeroes[name] = letter;
  }
  return zeroes;
}

function numbersOf(pkg: string, struct: string): Numbers {
  const numbers: Numbers = {};
  for (const { type, name, tags, number } of structsOf(pkg).get(struct) ?? []) {
    if (number === undefined) continue;
    if (name === '' && tags.includes('inline')) numbers[`+${number}`] = numbersOf(pkg, type);
    else numbers[name] = number;
  }
  return numbers;
}

const schemas = new Map<string, unknown>();
for (const group of GROUPS) {
  const document = JSON.parse(readFileSync(join(openapi, `${group}_openapi.json`), 'utf8'));
  for (const [name, schema] of Object.entries(document.components.schemas)) schemas.set(name, schema);
}
const lines = [...schemas]
  .sort(([a], [b]) => (a < b ? -1 : 1))
  .map(([name, schema]) => {
    const dot = name.lastIndexOf('.');
    const [pkg, struct] = [name.slice(0, dot), name.slice(dot + 1)];
    return JSON.stringify([name, schema, zeroesOf(pkg, struct), numbersOf(pkg, struct)]);
  });
writeFileSync(new URL('definitions.jsonl', import.meta.url), `${lines.join('\n')}\n`);
