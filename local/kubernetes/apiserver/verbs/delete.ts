/** Deleting: at once, after a grace, or when finalizers let go. */
import { admitDelete } from '../admission/admit.ts';
import type { Answer, KindCall } from '../call.ts';
import { badRequest, conflict } from '../errors.ts';
import { isMap, type Json, type Obj, same, timestamp } from '../json.ts';
import { type Kind, subjectOf } from '../kinds/kind.ts';
import { DecodeError } from '../schema/decode.ts';
import type { Stored } from '../storage/store.ts';
import { parseBody } from './body.ts';
import { type DeleteOptions, deleteOptions } from './options.ts';
import { selected } from './read.ts';
import { existing, shown, tidy, toStored } from './stored.ts';

export function optionsOf(call: KindCall): DeleteOptions {
  if (call.body.length === 0) return deleteOptions(call.info.query, undefined);
  let value: Json;
  try {
    ({ value } = parseBody(call));
  } catch (error) {
    if (error instanceof DecodeError) throw badRequest(`couldn't get version/kind; json parse error: ${error.message}`);
    throw error;
  }
  if (!isMap(value)) throw badRequest('the body of a DELETE must be DeleteOptions');
  if (value.kind && value.kind !== 'DeleteOptions')
    throw badRequest(
      `no kind ${JSON.stringify(value.kind)} is registered for version ${JSON.stringify(value.apiVersion ?? '')} in scheme "pkg/api/legacyscheme/scheme.go:30"`,
    );
  return deleteOptions(call.info.query, value);
}

/** Seconds that a pod may still run; 0 for everything else. */
function graceOf(kind: Kind, object: Obj, options: DeleteOptions): number {
  if (kind.storage !== 'pods') return 0;
  const { spec, status } = object as Json;
  if (!spec?.nodeName || status?.phase === 'Succeeded' || status?.phase === 'Failed') return 0;
  const grace = options.gracePeriodSeconds ?? spec.terminationGracePeriodSeconds ?? 30;
  return grace < 0 ? 1 : grace;
}

function finalizersAfter(kind: Kind, object: Obj, policy: string | undefined): string[] {
  const kept = (object.metadata.finalizers ?? []).filter((one) => one !== 'orphan' && one !== 'foregroundDeletion');
  switch (policy) {
    case 'Orphan':
      return [...kept, 'orphan'];
    case 'Foreground':
      return [...kept, 'foregroundDeletion'];
    case 'Background':
      return kept;
    default:
      return kind.defaultPropagation === 'Orphan' ? [...kept, 'orphan'] : (object.metadata.finalizers ?? []);
  }
}

export interface Deletion {
  object: Obj;
  /** It is no longer stored. */
  gone: boolean;
}

/** Deletes one object as the options say. Throws 409 for a failed precondition. */
export function remove(call: KindCall, kind: Kind, stored: Stored, options: DeleteOptions): Deletion {
  const { store } = call.context;
  const old = stored.object;
  const { uid, resourceVersion } = options.preconditions ?? {};
  const about = { ...subjectOf(kind), resource: kind.kind };
  if (uid && uid !== old.metadata.uid) {
    throw conflict(
      about,
      old.metadata.name,
      `the UID in the precondition (${uid}) does not match the UID in record (${old.metadata.uid}). The object might have been deleted and then recreated`,
    );
  }
  if (resourceVersion && resourceVersion !== old.metadata.resourceVersion) {
    throw conflict(
      about,
      old.metadata.name,
      `the ResourceVersion in the precondition (${resourceVersion}) does not match the ResourceVersion in record (${old.metadata.resourceVersion}). The object might have been modified`,
    );
  }
  admitDelete(call, kind, old, options.dryRun);
  const finalizers = [
    ...new Set([
      ...finalizersAfter(kind, old, options.propagationPolicy),
      ...(dying(old) ? [] : (kind.deletionFinalizers ?? [])),
    ]),
  ];
  const grace = graceOf(kind, old, options);
  const namespace = kind.storage === 'namespaces';
  const held = finalizers.length > 0 || grace > 0 || (namespace && (!dying(old) || old.spec?.finalizers?.length > 0));
  const changesOnTheWay = kind.storage === 'pods' && !held;
  if (!held) {
    const last = changesOnTheWay ? marked(kind, old, [], 0) : old;
    if (!options.dryRun) store.remove(kind.storage, stored.key);
    return { object: shown(kind, namespace ? last : last), gone: true };
  }
  if (dying(old)) {
    const before = old.metadata.deletionGracePeriodSeconds ?? 0;
    // A second DELETE may only shorten the grace.
    if (grace >= before && same(finalizers, old.metadata.finalizers ?? []))
      return { object: shown(kind, old), gone: false };
  }
  const next = marked(
    kind,
    old,
    finalizers,
    dying(old) ? Math.min(grace, old.metadata.deletionGracePeriodSeconds ?? 0) : grace,
  );
  if (options.dryRun) return { object: shown(kind, next), gone: false };
  return { object: shown(kind, store.put(kind.storage, toStored(kind, next)).object), gone: false };
}

const dying = (object: Obj): boolean => object.metadata.deletionTimestamp !== undefined;

/** The object with the marks of a deletion under way. */
function marked(kind: Kind, old: Obj, finalizers: string[], grace: number): Obj {
  const next: Obj = {
    ...old,
    metadata: {
      ...old.metadata,
      deletionTimestamp:
        dying(old) && grace === 0 ? old.metadata.deletionTimestamp! : timestamp(new Date(Date.now() + grace * 1000)),
      deletionGracePeriodSeconds: grace,
      finalizers,
      ...(!dying(old) &&
        kind.generation &&
        old.metadata.generation !== undefined && { generation: old.metadata.generation + 1 }),
    },
  };
  if (kind.storage === 'namespaces') {
    delete next.metadata.deletionGracePeriodSeconds;
    next.status = { ...old.status, phase: 'Terminating' };
  }
  return tidy(next);
}

export function deleteOne(call: KindCall): Answer {
  const { kind } = call;
  const options = optionsOf(call);
  const stored = existing(call);
  const { object, gone } = remove(call, kind, stored, options);
  if (!gone || kind.deleteAnswersObject) return { code: 200, object, kind };
  return {
    code: 200,
    json: {
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Success',
      details: {
        name: object.metadata.name,
        ...(kind.group && { group: kind.group }),
        kind: kind.resource,
        uid: object.metadata.uid,
      },
    },
  };
}

export function deleteCollection(call: KindCall): Answer {
  const { kind, context } = call;
  const options = optionsOf(call);
  const items = selected(call, context.store.list(kind.storage));
  const version = String(context.store.version);
  for (const stored of items) remove(call, kind, stored, options);
  // The answer is the list that was found: what a finalizer holds does not stand marked in it.
  const objects = items.map(({ object }) => shown(kind, object));
  return { code: 200, list: { items: objects, metadata: { resourceVersion: version } }, kind };
}
