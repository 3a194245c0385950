/** Field management: who set which field, kept in metadata.managedFields by every write. */
import { StatusError } from '../errors.ts';
import { type Json, type ManagedFieldsEntry, type Obj, timestamp } from '../json.ts';
import { apiVersionOf, type Kind } from '../kinds/kind.ts';
import { zeroOf } from '../schema/decode.ts';
import { compare } from './compare.ts';
import {
  cut,
  difference,
  emptySet,
  type FieldSet,
  fromJson,
  intersection,
  isEmpty,
  paths,
  pathText,
  toJson,
  union,
} from './set.ts';

export interface Manager {
  name: string;
  operation: 'Apply' | 'Update';
  apiVersion: string;
  subresource: string;
}

export interface Managed {
  manager: Manager;
  set: FieldSet;
  time: string | undefined;
}

/** More Update managers than these are put together under one name. */
const MOST_UPDATERS = 10;

/** Fields that belong to the server, whoever writes them. */
const SYSTEM = [
  'name',
  'namespace',
  'creationTimestamp',
  'selfLink',
  'uid',
  'clusterName',
  'generation',
  'managedFields',
  'resourceVersion',
];

export function stripSystem(set: FieldSet): FieldSet {
  cut(set, ['f:apiVersion']);
  cut(set, ['f:kind']);
  const metadata = set.children.get('f:metadata');
  if (metadata) {
    metadata.member = false;
    for (const field of SYSTEM) cut(metadata, [`f:${field}`]);
    if (isEmpty(metadata)) set.children.delete('f:metadata');
  }
  return set;
}

const sameManager = (a: Manager, b: Manager): boolean =>
  a.name === b.name &&
  a.operation === b.operation &&
  a.subresource === b.subresource &&
  (a.operation === 'Apply' || a.apiVersion === b.apiVersion);

export const read = (entries: ManagedFieldsEntry[] | undefined): Managed[] =>
  (entries ?? []).map((entry) => ({
    manager: {
      name: entry.manager ?? '',
      operation: entry.operation === 'Apply' ? 'Apply' : 'Update',
      apiVersion: entry.apiVersion ?? '',
      subresource: entry.subresource ?? '',
    },
    set: fromJson(entry.fieldsV1),
    time: entry.time,
  }));

export function write(object: Obj, all: Managed[]): void {
  const entries = cap(all.filter(({ set }) => !isEmpty(set)))
    .sort(
      (a, b) =>
        a.manager.operation.localeCompare(b.manager.operation) ||
        (a.time ?? '').localeCompare(b.time ?? '') ||
        a.manager.name.localeCompare(b.manager.name),
    )
    .map(({ manager, set, time }) => ({
      manager: manager.name,
      operation: manager.operation,
      apiVersion: manager.apiVersion,
      ...(time && { time }),
      fieldsType: 'FieldsV1',
      fieldsV1: toJson(set),
      ...(manager.subresource && { subresource: manager.subresource }),
    }));
  if (entries.length) object.metadata.managedFields = entries;
  else delete object.metadata.managedFields;
}

function cap(all: Managed[]): Managed[] {
  const updaters = all
    .filter(({ manager }) => manager.operation === 'Update')
    .sort((a, b) => (a.time ?? '').localeCompare(b.time ?? ''));
  if (updaters.length <= MOST_UPDATERS) return all;
  const old = updaters.slice(0, updaters.length - MOST_UPDATERS + 1);
  const together = old.reduce((sum, { set }) => union(sum, set), emptySet());
  const [first] = old;
  const ancient: Managed = {
    manager: { ...first!.manager, name: 'ancient-changes', subresource: '' },
    set: together,
    time: old.at(-1)!.time,
  };
  return [...all.filter((one) => !old.includes(one)), ancient];
}

/** The object before it was made, as Go writes an empty one. */
export const blank = (kind: Kind): Json => ({
  ...(kind.custom ? {} : zeroOf(kind.type)),
  kind: kind.kind,
  apiVersion: apiVersionOf(kind),
});

/** A client that sends an empty list, or a list with an empty entry, wants to forget all managers. */
export const isReset = (entries: ManagedFieldsEntry[] | undefined): boolean =>
  entries !== undefined && (entries.length === 0 || (entries.length === 1 && Object.keys(entries[0]!).length === 0));

/** The parts of an object that a path writes: everything but the status, or only the status (and a built-in object's labels). */
export function onlyWritten(kind: Kind, subresource: string, set: FieldSet): FieldSet {
  if (subresource === 'status') {
    for (const key of [...set.children.keys()])
      if (key !== 'f:status' && (kind.custom || key !== 'f:metadata')) set.children.delete(key);
  } else if (kind.status) cut(set, ['f:status']);
  return set;
}

/** When a manager wrote; of what came through a Scale, a real server keeps no time. */
export const timeOf = ({ subresource }: Manager): string | undefined =>
  subresource === 'scale' ? undefined : timestamp();

/** Takes the change between two states into the managers: the writer gets what it changed, others lose it. */
export function takeOver(kind: Kind, before: Json, after: Json, all: Managed[], writer: Manager): Managed[] {
  const compared = compare(kind.type, before, after);
  // What a path does not write is not lost by being left out: a PUT without a status takes nothing from who set it.
  const removed = onlyWritten(kind, writer.subresource, compared.removed);
  const changed = onlyWritten(kind, writer.subresource, union(compared.added, compared.modified));
  const others = all.map((one) => ({ ...one, set: difference(difference(one.set, changed), removed) }));
  const taken = stripSystem(changed);
  if (isEmpty(taken)) return others;
  // What the writer had before stays its own, changed again or not.
  const own = all.find(({ manager }) => sameManager(manager, writer));
  const set = own ? union(difference(own.set, removed), taken) : taken;
  return [
    ...others.filter(({ manager }) => !sameManager(manager, writer)),
    { manager: writer, set, time: timeOf(writer) },
  ];
}

/** Field management of a plain write: sets `next.metadata.managedFields`. */
export function managed(kind: Kind, old: Obj | undefined, next: Obj, writer: Manager): void {
  const given = next.metadata.managedFields;
  if (old && isReset(given)) {
    delete next.metadata.managedFields;
    return;
  }
  const known = given?.length ? given : old?.metadata.managedFields;
  // An object that nobody tracks is not tracked from the middle of its life; the first apply begins it.
  if (old && !known?.length) return;
  try {
    write(next, takeOver(kind, old ?? blank(kind), next, read(old ? known : undefined), writer));
  } catch (error) {
    // Content that cannot be told apart (a list item without its key) is refused by validation, in better words; until then nobody owns it.
    if (error instanceof StatusError || !(error instanceof Error)) throw error;
  }
}

const described = ({ name, operation, apiVersion, subresource }: Manager): string =>
  `conflict with ${JSON.stringify(name)}${subresource ? ` with subresource ${JSON.stringify(subresource)}` : ''}${operation === 'Update' ? ` using ${apiVersion}` : ''}`;

/** Throws 409 for fields of others among `changed`. `shown` may rename a path. */
export function refuseConflicts(all: Managed[], changed: FieldSet, writer: Manager): void {
  const causes: { reason: string; message: string; field: string }[] = [];
  const found: [string, string[]][] = [];
  for (const { manager, set } of all) {
    if (sameManager(manager, writer)) continue;
    const fields = [...paths(intersection(set, changed))].map(pathText);
    if (fields.length === 0) continue;
    found.push([described(manager), fields]);
    for (const field of fields) causes.push({ reason: 'FieldManagerConflict', message: described(manager), field });
  }
  if (causes.length === 0) return;
  const text =
    causes.length === 1
      ? `Apply failed with 1 conflict: ${causes[0]!.message}: ${causes[0]!.field}`
      : `Apply failed with ${causes.length} conflicts: ${found.map(([who, fields]) => `${who.replace('conflict', 'conflicts')}:\n${fields.map((field) => `- ${field}`).join('\n')}`).join('\n')}`;
  throw new StatusError(409, 'Conflict', text, { causes });
}

export { sameManager };
