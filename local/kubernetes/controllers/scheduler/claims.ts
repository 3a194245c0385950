/** What a pod's claims mean for its place. Pure. */
import { nodeTermsMatch } from '../machinery/selectors.ts';
import type { Node, PersistentVolume, PersistentVolumeClaim, Pod, StorageClass } from '../machinery/types.ts';
import { claimNames } from '../pods.ts';
import { classOf, reaches, SELECTED_NODE, satisfies, waitsForConsumer } from '../volumes/match.ts';
import { type Misfit, never } from './misfit.ts';

export interface Storage {
  claim(key: string): PersistentVolumeClaim | undefined;
  volume(name: string): PersistentVolume | undefined;
  volumes(): PersistentVolume[];
  classes(): StorageClass[];
}

export interface ClaimsOf {
  /** What keeps the pod from any node. */
  blocked?: string;
  /** Volumes chosen for the pod are being bound: nothing to decide until they are. */
  binding?: true;
  /** Claims that are bound once the pod has a node. */
  waiting: PersistentVolumeClaim[];
  bound: PersistentVolumeClaim[];
}

export function claimsOf(pod: Pod, storage: Storage): ClaimsOf {
  const waiting: PersistentVolumeClaim[] = [];
  const bound: PersistentVolumeClaim[] = [];
  for (const name of claimNames(pod)) {
    const claim = storage.claim(`${pod.metadata.namespace}/${name}`);
    if (claim === undefined) return { blocked: `persistentvolumeclaim "${name}" not found`, waiting, bound };
    if (claim.metadata.deletionTimestamp)
      return { blocked: `persistentvolumeclaim "${name}" is being deleted`, waiting, bound };
    if (claim.status?.phase === 'Lost')
      return {
        blocked: `persistentvolumeclaim "${name}" bound to non-existent persistentvolume "${claim.spec.volumeName}"`,
        waiting,
        bound,
      };
    if (claim.status?.phase === 'Bound') bound.push(claim);
    else if (claim.spec.volumeName && claim.metadata.annotations?.[SELECTED_NODE])
      return { binding: true, waiting, bound };
    else if (waitsForConsumer(claim, storage.classes())) waiting.push(claim);
    else return { blocked: 'pod has unbound immediate PersistentVolumeClaims', waiting, bound };
  }
  return { waiting, bound };
}

/** Reasons of the pod's volumes against a node. */
export function volumeMisfits({ waiting, bound }: ClaimsOf, node: Node, storage: Storage): Misfit[] {
  if (!bound.every((claim) => reaches(storage.volume(claim.spec.volumeName ?? ''), node)))
    return [never("node(s) didn't match PersistentVolume's node affinity")];
  const canServe = (claim: PersistentVolumeClaim) => {
    if (storage.volumes().some((volume) => satisfies(volume, claim) && reaches(volume, node))) return true;
    const storageClass = classOf(claim, storage.classes());
    if (!storageClass || storageClass.provisioner === 'kubernetes.io/no-provisioner') return false;
    const { allowedTopologies } = storageClass;
    return (
      !allowedTopologies?.length ||
      nodeTermsMatch(
        allowedTopologies.map(({ matchLabelExpressions }) => ({
          matchExpressions: (matchLabelExpressions ?? []).map((requirement) => ({ ...requirement, operator: 'In' })),
        })),
        node.metadata.name,
        node.metadata.labels,
      )
    );
  };
  return waiting.every(canServe) ? [] : [never("node(s) didn't find available persistent volumes to bind")];
}
