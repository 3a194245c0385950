/** Who controls what: owner references with `controller: true`. */
import type { Resource } from './resources.ts';
import type { OwnerReference, Stored } from './types.ts';

export const controllerOf = (object: Stored): OwnerReference | undefined =>
  object.metadata.ownerReferences?.find((owner) => owner.controller === true);

export const isControlledBy = (object: Stored, owner: Stored): boolean =>
  controllerOf(object)?.uid === owner.metadata.uid;

/** The reference that a dependent of `owner` carries. */
export const controllerReference = (of: Resource, owner: Stored): OwnerReference => ({
  apiVersion: of.apiVersion,
  kind: of.kind,
  name: owner.metadata.name,
  uid: owner.metadata.uid,
  controller: true,
  blockOwnerDeletion: true,
});

/** Queue key of the controlling owner, if it is of that kind. */
export function controllerKey(object: Stored, kind: string): string | undefined {
  const owner = controllerOf(object);
  return owner?.kind === kind ? `${object.metadata.namespace}/${owner.name}` : undefined;
}
