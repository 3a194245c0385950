/** Which volumes of pods are refused. */
import { duplicate, type FieldError, forbiddenField, invalidField, required } from '../errors.ts';
import type { Json } from '../json.ts';
import { parseQuantity } from '../schema/quantity.ts';
import { backstepFaults, filePathFaults, namedFaults, oneOf } from './field-rules.ts';

const MAX_MODE = 0o777;
const modeFaults = (field: string, mode: number | undefined): FieldError[] =>
  mode === undefined || (mode >= 0 && mode <= MAX_MODE)
    ? []
    : [invalidField(field, mode, 'must be a number between 0 and 0777 (octal), both inclusive')];

const named = (field: string, name: Json): FieldError[] => (name ? [] : [required(field)]);

const itemFaults = (field: string, items: Json): FieldError[] =>
  (items ?? []).flatMap(({ key, path = '', mode }: Json, i: number) => [
    ...named(`${field}[${i}].key`, key),
    ...named(`${field}[${i}].path`, path),
    ...filePathFaults(`${field}[${i}].path`, path),
    ...modeFaults(`${field}[${i}].mode`, mode),
  ]);

/** Go names the list, not the item. */
const downwardFaults = (field: string, items: Json): FieldError[] =>
  (items ?? []).flatMap(({ path = '', fieldRef, resourceFieldRef, mode }: Json) => [
    ...named(`${field}.path`, path),
    ...filePathFaults(`${field}.path`, path),
    ...(fieldRef || resourceFieldRef ? [] : [required(field, 'one of fieldRef and resourceFieldRef is required')]),
    ...(fieldRef && resourceFieldRef
      ? [invalidField(field, 'resource', 'fieldRef and resourceFieldRef can not be specified simultaneously')]
      : []),
    ...modeFaults(`${field}.mode`, mode),
  ]);

const MIN_TOKEN_SECONDS = 600;
const MAX_TOKEN_SECONDS = 2 ** 32;

function tokenFaults(field: string, source: string, { expirationSeconds, path }: Json): FieldError[] {
  const at = `${source}.expirationSeconds`;
  const faults: FieldError[] = [];
  if (expirationSeconds < MIN_TOKEN_SECONDS)
    faults.push(invalidField(at, expirationSeconds, 'may not specify a duration less than 10 minutes'));
  if (expirationSeconds > MAX_TOKEN_SECONDS)
    faults.push(invalidField(at, expirationSeconds, 'may not specify a duration larger than 2^32 seconds'));
  return [...faults, ...(path ? filePathFaults(`${field}.path`, path) : [required(`${field}.path`)])];
}

function projectedFaults(field: string, { sources, defaultMode }: Json): FieldError[] {
  const faults = modeFaults(`${field}.defaultMode`, defaultMode);
  const paths = new Set<string>();
  const taken = (items: Json, name?: string): void => {
    for (const { path } of items ?? []) {
      if (path && paths.has(path)) faults.push(invalidField(field, name ?? path, 'conflicting duplicate paths'));
      paths.add(path);
    }
  };
  for (const [i, source] of (sources ?? []).entries()) {
    const at = `${field}.sources[${i}]`;
    for (const kind of ['secret', 'configMap']) {
      if (!source[kind]) continue;
      faults.push(...named(`${at}.${kind}.name`, source[kind].name));
      faults.push(...itemFaults(`${at}.${kind}.items`, source[kind].items));
      taken(source[kind].items, source[kind].name ?? '');
    }
    if (source.downwardAPI) {
      faults.push(...downwardFaults(`${at}.downwardAPI`, source.downwardAPI.items));
      taken(source.downwardAPI.items);
    }
    if (source.serviceAccountToken)
      faults.push(...tokenFaults(field, `${at}.serviceAccountToken`, source.serviceAccountToken));
    if (Object.keys(source).length > 1)
      faults.push(forbiddenField(at, 'may not specify more than 1 volume type per source'));
  }
  return faults;
}

const HOST_PATHS = [
  '',
  'BlockDevice',
  'CharDevice',
  'Directory',
  'DirectoryOrCreate',
  'File',
  'FileOrCreate',
  'Socket',
];

const stored =
  (name: string) =>
  (field: string, source: Json): FieldError[] => [
    ...named(`${field}.${name}`, source[name]),
    ...modeFaults(`${field}.defaultMode`, source.defaultMode),
    ...itemFaults(`${field}.items`, source.items),
  ];

/** The sources whose rules are checked here, in the order in which Kubernetes looks at them; of the rest, only that there is one. */
const SOURCES: Record<string, (field: string, source: Json) => FieldError[]> = {
  emptyDir: (field, { sizeLimit }) =>
    sizeLimit !== undefined && (parseQuantity(String(sizeLimit))?.nano ?? 0n) < 0n
      ? [forbiddenField(`${field}.sizeLimit`, 'SizeLimit field must be a valid resource quantity')]
      : [],
  hostPath: (field, { path, type }) =>
    path
      ? [...backstepFaults(`${field}.path`, path), ...oneOf(`${field}.type`, type, HOST_PATHS)]
      : [required(`${field}.path`)],
  secret: stored('secretName'),
  nfs: (field, { server, path = '' }) => [
    ...named(`${field}.server`, server),
    ...named(`${field}.path`, path),
    ...(path.startsWith('/') ? [] : [invalidField(`${field}.path`, path, 'must be an absolute path')]),
  ],
  persistentVolumeClaim: (field, { claimName }) => named(`${field}.claimName`, claimName),
  downwardAPI: (field, { defaultMode, items }) => [
    ...modeFaults(`${field}.defaultMode`, defaultMode),
    ...downwardFaults(field, items),
  ],
  configMap: stored('name'),
  projected: projectedFaults,
  csi: (field, { driver }) => named(`${field}.driver`, driver),
};
const ORDER = Object.keys(SOURCES);
const place = (source: string): number => (ORDER.includes(source) ? ORDER.indexOf(source) : ORDER.length);

function sourceFaults(field: string, volume: Json): FieldError[] {
  const [first, ...more] = Object.keys(volume)
    .filter((key) => key !== 'name')
    .sort((a, b) => place(a) - place(b));
  return [
    ...(first === undefined ? [] : (SOURCES[first]?.(`${field}.${first}`, volume[first] ?? {}) ?? [])),
    ...more.map((extra) => forbiddenField(`${field}.${extra}`, 'may not specify more than 1 volume type')),
  ];
}

/** Faults of the volumes of a pod, and the names of those that have none: only these can be mounted. */
export function volumeFaults(field: string, volumes: Json[]): { faults: FieldError[]; names: Set<string> } {
  const names = new Set<string>();
  const faults = volumes.flatMap((volume, i) => {
    const at = `${field}[${i}]`;
    const own = sourceFaults(at, volume);
    if (volume.name) own.push(...namedFaults('label', `${at}.name`, volume.name));
    else own.push(required(`${at}.name`));
    if (names.has(volume.name)) own.push(duplicate(`${at}.name`, volume.name));
    if (own.length === 0) names.add(volume.name);
    return own;
  });
  return { faults, names };
}
