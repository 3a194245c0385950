/** Writing the status of an object, and what else its path may write. */
import type { KindCall } from '../call.ts';
import type { Json, Obj } from '../json.ts';
import type { Stored } from '../storage/store.ts';
import type { WriteOptions } from './options.ts';
import { managerOf } from './stored.ts';
import { type Change, change } from './update.ts';

/** Writes the status and, of the rest, labels, annotations and what metadata may be set there. */
export function changeStatus(
  call: KindCall,
  old: Obj,
  next: Obj,
  options: WriteOptions,
  stored: Stored,
  manage?: Change['manage'],
): Obj {
  const merged: Obj = { ...old, metadata: statusMetadata(old, next, call.kind.custom) };
  if (next.status === undefined) delete merged.status;
  else merged.status = next.status;
  return change(call, stored, {
    next: merged,
    options,
    manager: managerOf(call, options, 'status'),
    subresource: 'status',
    ...(manage && { manage }),
  });
}

function statusMetadata(old: Obj, next: Obj, custom: boolean): Obj['metadata'] {
  const metadata: Json = {
    ...old.metadata,
    resourceVersion: next.metadata?.resourceVersion ?? '',
    ...(next.metadata?.uid && { uid: next.metadata.uid }),
  };
  if (custom) return metadata;
  for (const key of ['labels', 'annotations', 'finalizers', 'ownerReferences', 'managedFields']) {
    if ((next.metadata as Json)?.[key] === undefined) delete metadata[key];
    else metadata[key] = (next.metadata as Json)[key];
  }
  return metadata;
}
