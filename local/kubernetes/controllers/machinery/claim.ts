/** Adoption and release: which dependents a selector gives to an owner. */
import { controllerOf, controllerReference, isControlledBy } from './owners.ts';
import type { Resource } from './resources.ts';
import type { Runtime } from './runtime.ts';
import { selectorMatches } from './selectors.ts';
import type { LabelSelector, Stored } from './types.ts';

/**
 * The objects that belong to `owner`: those it controls and the selector matches; a matching one without a controller is adopted if it is
 * `adoptable`, a controlled one that no longer matches is released.
 */
export async function claim<T extends Stored>(
  runtime: Runtime,
  dependents: Resource<T>,
  of: Resource,
  owner: Stored,
  selector: LabelSelector,
  adoptable: (object: T) => boolean,
): Promise<T[]> {
  const mine: T[] = [];
  const setOwners = (object: T, ownerReferences: unknown[]) =>
    runtime.patch(dependents, object, { metadata: { uid: object.metadata.uid, ownerReferences } });
  for (const object of runtime.informer(dependents).list(owner.metadata.namespace)) {
    const { ownerReferences = [], deletionTimestamp } = object.metadata;
    const matches = selectorMatches(selector, object.metadata.labels);
    if (isControlledBy(object, owner)) {
      if (matches) mine.push(object);
      else if (deletionTimestamp === undefined)
        await setOwners(
          object,
          ownerReferences.filter(({ uid }) => uid !== owner.metadata.uid),
        );
    } else if (
      matches &&
      controllerOf(object) === undefined &&
      deletionTimestamp === undefined &&
      owner.metadata.deletionTimestamp === undefined &&
      adoptable(object)
    ) {
      mine.push(await setOwners(object, [...ownerReferences, controllerReference(of, owner)]));
    }
  }
  return mine;
}
