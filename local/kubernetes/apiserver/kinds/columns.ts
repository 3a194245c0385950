/** The columns that nearly every kind shares, and how ages, counts and selectors are printed. */
import { at, type Json, type Obj } from '../json.ts';
import type { Column } from './kind.ts';

/** As kubectl's HumanDuration: two units at most, seconds up to two minutes. */
export function humanDuration(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  if (seconds < -1) return '<invalid>';
  if (seconds < 0) return '0s';
  if (seconds < 120) return `${seconds}s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 10) return seconds % 60 === 0 ? `${minutes}m` : `${minutes}m${seconds % 60}s`;
  if (minutes < 180) return `${minutes}m`;
  const hours = Math.floor(minutes / 60);
  if (hours < 8) return minutes % 60 === 0 ? `${hours}h` : `${hours}h${minutes % 60}m`;
  if (hours < 48) return `${hours}h`;
  if (hours < 24 * 8)
    return hours % 24 === 0 ? `${Math.floor(hours / 24)}d` : `${Math.floor(hours / 24)}d${hours % 24}h`;
  if (hours < 24 * 365 * 2) return `${Math.floor(hours / 24)}d`;
  const years = Math.floor(hours / 24 / 365);
  const days = Math.floor(hours / 24) % 365;
  if (hours < 24 * 365 * 8) return days === 0 ? `${years}y` : `${years}y${days}d`;
  return `${years}y`;
}

export const ageOf = (time: string | undefined | null): string =>
  time ? humanDuration(Date.now() - Date.parse(time)) : '<unknown>';

export const column = (
  name: string,
  cell: (object: Obj) => Json,
  more: Partial<Omit<Column, 'name' | 'cell'>> = {},
): Column => ({ name, type: 'string', cell, ...more });
export const wide = (name: string, cell: (object: Obj) => Json, more: Partial<Column> = {}): Column =>
  column(name, cell, { priority: 1, ...more });
export const number = (name: string, cell: (object: Obj) => Json, more: Partial<Column> = {}): Column =>
  column(name, cell, { type: 'integer', ...more });

export const NAME = column('Name', (object) => object.metadata.name, {
  format: 'name',
  description:
    'Name must be unique within a namespace. Is required when creating resources, although some resources may allow a client to request the generation of an appropriate name automatically. Name is primarily intended for creation idempotence and configuration definition. Cannot be updated. More info: https://kubernetes.io/docs/concepts/overview/working-with-objects/names#names',
});
export const AGE = column('Age', (object) => ageOf(object.metadata.creationTimestamp), {
  description:
    'CreationTimestamp is a timestamp representing the server time when this object was created. It is not guaranteed to be set in happens-before order across separate operations. Clients may not set this value. It is represented in RFC3339 form and is in UTC.\n\nPopulated by the system. Read-only. Null for lists. More info: https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#metadata',
});
export const CREATED_AT = column('Created At', (object) => object.metadata.creationTimestamp, { type: 'date' });

export const text =
  (path: string, otherwise = '') =>
  (object: Obj) =>
    at(object, path) ?? otherwise;
export const int = (path: string) => (object: Obj) => at(object, path) ?? 0;

/** A label selector as `a=b,c in (d)`. */
export function selectorText(selector: Json): string {
  if (selector === null || selector === undefined) return '<none>';
  const equal = Object.entries(selector.matchLabels ?? {}).map(([key, value]) => [key, `${key}=${value}`]);
  const rest = (selector.matchExpressions ?? []).map(({ key, operator, values = [] }: Json) => {
    const list = [...values].sort().join(',');
    const texts: Record<string, string> = {
      In: `${key} in (${list})`,
      NotIn: `${key} notin (${list})`,
      Exists: key,
      DoesNotExist: `!${key}`,
    };
    return [key, texts[operator]];
  });
  const parts = [...equal, ...rest].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, part]) => part);
  return parts.length === 0 ? '<none>' : parts.join(',');
}

/** A plain map as `a=b,c=d`. */
export const mapText = (map: Record<string, string> | undefined): string =>
  map && Object.keys(map).length > 0
    ? Object.entries(map)
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([key, value]) => `${key}=${value}`)
        .join(',')
    : '<none>';

const containersOf = (spec: Json): Json[] => spec?.containers ?? [];
/** CONTAINERS, IMAGES and SELECTOR of workloads, for `-o wide`. */
export const WORKLOAD_WIDE: Column[] = [
  wide('Containers', (object) =>
    containersOf(at(object, 'spec.template.spec'))
      .map(({ name }) => name)
      .join(','),
  ),
  wide('Images', (object) =>
    containersOf(at(object, 'spec.template.spec'))
      .map(({ image }) => image)
      .join(','),
  ),
];
export const SELECTOR_WIDE = wide('Selector', (object) => selectorText(at(object, 'spec.selector')));
