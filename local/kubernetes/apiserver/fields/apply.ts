/** Server-side apply: the client says what it wants of an object; the server merges, tells conflicts, and removes what the client no longer wants. */
import type { Answer, KindCall } from '../call.ts';
import { badRequest, conflict, internal } from '../errors.ts';
import { isMap, type Json, type Obj } from '../json.ts';
import { apiVersionOf, type Kind, subjectOf } from '../kinds/kind.ts';
import { keyOf, type Stored } from '../storage/store.ts';
import { decodeAs, parseYaml } from '../verbs/body.ts';
import { insert } from '../verbs/create.ts';
import type { WriteOptions } from '../verbs/options.ts';
import { changeStatus } from '../verbs/status.ts';
import { draft, namespaceOf } from '../verbs/stored.ts';
import { change } from '../verbs/update.ts';
import { compare, fieldsOf } from './compare.ts';
import {
  blank,
  type Managed,
  type Manager,
  onlyWritten,
  read,
  refuseConflicts,
  sameManager,
  stripSystem,
  takeOver,
  timeOf,
  write,
} from './managed.ts';
import { mergeInto, without, withParents } from './merge.ts';
import { difference, emptySet, type FieldSet, intersection, isEmpty, union } from './set.ts';
import { typeFault } from './typed.ts';

export const BEFORE_FIRST_APPLY = 'before-first-apply';

export interface Applied {
  object: Json;
  managers: Managed[];
}

interface ApplyHow {
  force: boolean;
  /** Fields that may be taken from others without force. */
  allowed?: FieldSet;
  /** Keeps of the configuration's fields what the path may write. */
  filter?: (set: FieldSet) => FieldSet;
  /** The configuration said more than the path may write: it counts as new, whatever is left of it. */
  reduced?: boolean;
}

/** Merges a configuration into the live object. Throws 409 for conflicts unless forced. */
export function applyTo(
  kind: Kind,
  live: Json,
  config: Json,
  all: Managed[],
  writer: Manager,
  { force, allowed = emptySet(), filter = (set) => set, reduced = false }: ApplyHow,
): Applied {
  const set = filter(stripSystem(fieldsOf(kind.type, config)));
  const own = all.find(({ manager }) => sameManager(manager, writer));
  const others = all.filter((one) => one !== own);
  let object = mergeInto(kind.type, live, config);
  if (own && !isEmpty(own.set)) {
    const kept = [set, ...others.map((one) => one.set)].reduce(union, emptySet());
    const gone = difference(withParents(kind.type, own.set), withParents(kind.type, kept));
    object = without(kind.type, object, gone);
  }
  const { added, modified, removed } = compare(kind.type, live, object);
  const changed = union(added, modified);
  if (!force) refuseConflicts(others, difference(changed, allowed), writer);
  const managers = others.map((one) => ({
    ...one,
    set: difference(difference(one.set, intersection(one.set, changed)), removed),
  }));
  const untouched = isEmpty(changed) && isEmpty(removed) && !reduced;
  return { object, managers: [...managers, { manager: writer, set, time: untouched ? own?.time : timeOf(writer) }] };
}

function readConfig(call: KindCall): Json {
  const { kind, info } = call;
  let config: Json;
  try {
    config = parseYaml(call.body.toString('utf8'));
  } catch (error) {
    throw badRequest(`error decoding YAML: ${(error as Error).message}`);
  }
  if (!isMap(config)) throw badRequest('invalid object type: /, Kind=');
  const given = { kind: config.kind ?? '', apiVersion: config.apiVersion ?? '' };
  if (given.kind !== kind.kind || given.apiVersion !== apiVersionOf(kind)) {
    const [group, version] = given.apiVersion.includes('/') ? given.apiVersion.split('/') : ['', given.apiVersion];
    throw badRequest(`invalid object type: ${group}/${version}, Kind=${given.kind}`);
  }
  if (config.metadata?.managedFields !== undefined) throw badRequest('metadata.managedFields must be nil');
  const metadata = { ...config.metadata };
  if (metadata.name && metadata.name !== info.name)
    throw badRequest(`the name of the object (${metadata.name}) does not match the name on the URL (${info.name})`);
  const fault = typeFault(kind.type, config);
  if (fault) {
    const [group, version] = [kind.group, kind.version];
    throw internal(
      `failed to create typed patch object (${metadata.namespace ?? ''}/${metadata.name ?? ''}; ${group}/${version}, Kind=${kind.kind}): ${fault}`,
    );
  }
  metadata.name = info.name;
  return { ...config, metadata };
}

const KUBECTL = 'kubectl';
const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration';

/** What `kubectl apply` wrote last and nobody changed since: `kubectl apply --server-side` may take it from others without force. */
function leftByKubectl(kind: Kind, live: Obj, writer: Manager): FieldSet {
  const text = live.metadata.annotations?.[LAST_APPLIED];
  if (writer.name !== KUBECTL || text === undefined) return emptySet();
  try {
    const applied = JSON.parse(text);
    const { added, modified, removed } = compare(kind.type, applied, live);
    return [added, modified, removed].reduce(difference, fieldsOf(kind.type, applied));
  } catch {
    return emptySet();
  }
}

/** Apply on `/scale`: the replicas of the main object, owned under the subresource. */
export function applyReplicas(call: KindCall, options: WriteOptions, stored: Stored, replicas: number): Obj {
  const { kind } = call;
  const live = draft(kind, stored);
  const writer: Manager = {
    name: options.fieldManager,
    operation: 'Apply',
    apiVersion: apiVersionOf(kind),
    subresource: 'scale',
  };
  const config = kind.scale!.spec.split('.').reduceRight<Json>((inner, key) => ({ [key]: inner }), replicas);
  const known = read(live.metadata.managedFields);
  // A Scale does not show zero replicas: to apply them is to set them anew, against whoever else owns them.
  const before = replicas === 0 ? without(kind.type, live, fieldsOf(kind.type, config)) : live;
  const { object, managers } = applyTo(kind, before, config, known, writer, { force: options.force });
  const next = decodeAs(call, kind, object, { fieldValidation: 'Ignore' });
  next.metadata.resourceVersion = '';
  return change(call, stored, {
    next,
    options,
    manager: writer,
    subresource: 'scale',
    manage: (changed) => write(changed, managers),
  });
}

export function applyPatch(call: KindCall, options: WriteOptions, subresource: string): Answer {
  const { kind, info, context } = call;
  const config = readConfig(call);
  const writer: Manager = {
    name: options.fieldManager,
    operation: 'Apply',
    apiVersion: apiVersionOf(kind),
    subresource,
  };
  const filter = (set: FieldSet) => onlyWritten(kind, subresource, set);
  const stored = context.store.get(kind.storage, keyOf(namespaceOf(kind, info.namespace), info.name!));
  // Unknown fields were refused above; a second decoding has nothing to tell.
  const quiet = { fieldValidation: 'Ignore' as const };
  if (stored === undefined) {
    if (config.metadata.uid)
      throw conflict(
        subjectOf(kind),
        info.name!,
        `uid mismatch: the provided object specified uid ${config.metadata.uid}, and no existing object was found`,
      );
    const { object, managers } = applyTo(kind, blank(kind), config, [], writer, {
      force: options.force,
      filter,
    });
    const made = insert(call, decodeAs(call, kind, object, quiet), options, writer, (next) => write(next, managers));
    return { code: 201, object: made, kind };
  }
  const live = draft(kind, stored);
  let known = read(live.metadata.managedFields);
  if (known.length === 0)
    known = takeOver(kind, blank(kind), live, [], { ...writer, name: BEFORE_FIRST_APPLY, operation: 'Update' });
  const relevant =
    subresource === 'status'
      ? { ...config, metadata: kind.custom ? {} : config.metadata, spec: undefined }
      : kind.status
        ? { ...config, status: undefined }
        : config;
  const wanted = dropUndefined(relevant);
  const allowed = leftByKubectl(kind, live, writer);
  const { object, managers } = applyTo(kind, live, wanted, known, writer, {
    force: options.force,
    allowed,
    filter,
    reduced: subresource === '' && wanted.status === undefined && config.status !== undefined,
  });
  if (writer.name === KUBECTL && live.metadata.annotations?.[LAST_APPLIED] !== undefined) {
    // kubectl's client-side apply goes on from what was applied last, by whichever way.
    object.metadata = {
      ...object.metadata,
      annotations: { ...object.metadata.annotations, [LAST_APPLIED]: `${JSON.stringify(config)}\n` },
    };
  }
  const next: Obj = decodeAs(call, kind, object, quiet);
  next.metadata.resourceVersion = config.metadata.resourceVersion ?? '';
  if (config.metadata.uid) next.metadata.uid = config.metadata.uid;
  const manage = (changed: Obj) => write(changed, managers);
  const result =
    subresource === 'status'
      ? changeStatus(call, live, next, options, stored, manage)
      : change(call, stored, { next, options, manager: writer, manage });
  return { code: 200, object: result, kind };
}

const dropUndefined = (object: Json): Json =>
  Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined));
