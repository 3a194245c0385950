/** Creating objects: the path through defaults, admission, validation, field management and storage. */
import { randomUUID } from 'node:crypto';
import { admitCreate, admitValid } from '../admission/admit.ts';
import type { Answer, KindCall } from '../call.ts';
import { customFaults, pruneCustom } from '../custom/objects.ts';
import { alreadyExists, internal, StatusError } from '../errors.ts';
import { type Manager, managed } from '../fields/managed.ts';
import { type Obj, timestamp } from '../json.ts';
import { subjectOf } from '../kinds/kind.ts';
import { generatedName } from '../kinds/names.ts';
import { keyOf } from '../storage/store.ts';
import { objectOf } from './body.ts';
import { metadataFaults } from './metadata.ts';
import { type WriteOptions, writeOptions } from './options.ts';
import { checkNamespace, invalidObject, managerOf, shown, tidy, toStored } from './stored.ts';

export function create(call: KindCall): Answer {
  const options = writeOptions(call.info.query, 'CreateOptions', call.headers['user-agent']);
  const object = objectOf(call, options);
  return { code: 201, object: insert(call, object, options, managerOf(call, options)), kind: call.kind };
}

/** Makes a new object of what a client sent: by POST, by a PUT or an apply of what is not there. */
export function insert(
  call: KindCall,
  object: Obj,
  options: WriteOptions,
  manager: Manager,
  appliedFields?: (object: Obj) => void,
): Obj {
  const { kind, context } = call;
  checkNamespace(call, object);
  if (kind.custom) {
    pruneCustom(call, kind, object, options);
    if (kind.status) delete object.status;
  }
  const { metadata } = object;
  if (metadata.resourceVersion) throw internal('resourceVersion should not be set on objects to be created');
  const generating = !metadata.name && !!metadata.generateName;
  const named = metadata.name || metadata.generateName || '';
  const given = metadata.managedFields;
  if (generating) metadata.name = generatedName(metadata.generateName!);
  for (const key of [
    'deletionTimestamp',
    'deletionGracePeriodSeconds',
    'selfLink',
    'managedFields',
    'resourceVersion',
  ] as const)
    delete metadata[key];
  kind.defaults?.(object);
  // Before admission: what the server adds itself belongs to nobody.
  if (given !== undefined) metadata.managedFields = given;
  if (appliedFields) appliedFields(object);
  else managed(kind, undefined, object, manager);
  admitCreate(call, object, named);
  metadata.uid = randomUUID();
  metadata.creationTimestamp = timestamp();
  kind.prepareCreate?.(object, context.around);
  if (kind.generation) metadata.generation = 1;
  const faults = [
    ...metadataFaults(kind, object),
    ...(kind.custom ? customFaults(call, kind, object) : []),
    ...(kind.validate?.(object, context.around) ?? []),
  ];
  if (faults.length) throw invalidObject(kind, metadata.name ?? '', faults);
  call.warnings.push(...(kind.warnings?.(object) ?? []));
  const { dryRun } = options;
  admitValid({ call, kind, operation: 'CREATE', object, old: undefined, subresource: '', dryRun });
  const before = context.store.get(kind.storage, keyOf(metadata.namespace, metadata.name));
  if (before) {
    if (generating) {
      throw new StatusError(
        409,
        'AlreadyExists',
        `${kind.group ? `${kind.resource}.${kind.group}` : kind.resource} "${metadata.name}" already exists, the server was not able to generate a unique name for the object`,
        { name: metadata.name, kind: kind.resource, retryAfterSeconds: 1 },
      );
    }
    const dying = before.object.metadata.deletionTimestamp !== undefined;
    const about = subjectOf(kind);
    if (dying) {
      const taken = alreadyExists(about, metadata.name);
      throw new StatusError(409, 'AlreadyExists', `object is being deleted: ${taken.message}`, taken.details);
    }
    throw alreadyExists(about, metadata.name);
  }
  const ordered = tidy(object);
  if (options.dryRun) return ordered;
  return shown(kind, context.store.put(kind.storage, toStored(kind, ordered)).object);
}
