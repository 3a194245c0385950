/** Which volume can serve which claim, and where. Pure. */
import { parseQuantity } from '../machinery/quantity.ts';
import { nodeTermsMatch, selectorMatches } from '../machinery/selectors.ts';
import type { Node, PersistentVolume, PersistentVolumeClaim, StorageClass } from '../machinery/types.ts';

/** The scheduler's word to the provisioner: the volume is wanted for this node. */
export const SELECTED_NODE = 'volume.kubernetes.io/selected-node';
export const NO_PROVISIONER = 'kubernetes.io/no-provisioner';

export const classOf = (claim: PersistentVolumeClaim, classes: StorageClass[]): StorageClass | undefined =>
  classes.find((candidate) => candidate.metadata.name === claim.spec.storageClassName);

/** Whether the claim is bound only once a pod that uses it has been given a node. */
export const waitsForConsumer = (claim: PersistentVolumeClaim, classes: StorageClass[]): boolean =>
  !claim.spec.volumeName && classOf(claim, classes)?.volumeBindingMode === 'WaitForFirstConsumer';

/** Whether the node is where the volume is. */
export function reaches(volume: PersistentVolume | undefined, node: Node): boolean {
  const terms = volume?.spec.nodeAffinity?.required?.nodeSelectorTerms;
  return terms === undefined || nodeTermsMatch(terms, node.metadata.name, node.metadata.labels);
}

const size = (list: Record<string, string> | undefined): number => parseQuantity(list?.storage ?? 0);

/** Why a volume cannot be bound to the claim, in upstream's words; whose it is not counted. */
export function mismatch(volume: PersistentVolume, claim: PersistentVolumeClaim): string | undefined {
  if (size(volume.spec.capacity) < size(claim.spec.resources?.requests)) return 'requested PV is too small';
  if ((volume.spec.storageClassName ?? '') !== (claim.spec.storageClassName ?? ''))
    return 'storageClassName does not match';
  if ((volume.spec.volumeMode ?? 'Filesystem') !== (claim.spec.volumeMode ?? 'Filesystem'))
    return 'incompatible volumeMode';
  if (!(claim.spec.accessModes ?? []).every((mode) => volume.spec.accessModes?.includes(mode)))
    return 'incompatible accessMode';
  return undefined;
}

/** Whether the volume is kept for another claim. */
export function isTaken({ spec: { claimRef } }: PersistentVolume, { metadata }: PersistentVolumeClaim): boolean {
  if (!claimRef) return false;
  const named = claimRef.namespace === metadata.namespace && claimRef.name === metadata.name;
  return !named || (claimRef.uid !== undefined && claimRef.uid !== metadata.uid);
}

/** Whether an unclaimed volume (or one kept for this claim) can serve the claim. */
export function satisfies(volume: PersistentVolume, claim: PersistentVolumeClaim): boolean {
  if (volume.metadata.deletionTimestamp || isTaken(volume, claim)) return false;
  if (claim.spec.volumeName && claim.spec.volumeName !== volume.metadata.name) return false;
  if (mismatch(volume, claim)) return false;
  return claim.spec.selector === undefined || selectorMatches(claim.spec.selector, volume.metadata.labels);
}

/** The volumes that can serve the claim, those kept for it first, then the smallest. */
export const candidates = (volumes: PersistentVolume[], claim: PersistentVolumeClaim): PersistentVolume[] =>
  volumes
    .filter((volume) => satisfies(volume, claim))
    .sort(
      (a, b) =>
        Number(b.spec.claimRef !== undefined) - Number(a.spec.claimRef !== undefined) ||
        size(a.spec.capacity) - size(b.spec.capacity),
    );
