/** The status of a StatefulSet, counted from its pods. Pure. */
import type { Pod, StatefulSet } from '../machinery/types.ts';
import { availableIn, isReady, isTerminating } from '../pods.ts';
import { revisionOf } from './identity.ts';
import type { Revisions } from './plan.ts';

export function statefulSetStatus(
  set: StatefulSet,
  pods: Pod[],
  { current, update }: Revisions,
  collisionCount: number,
) {
  const wanted = set.spec.replicas ?? 1;
  const ready = pods.filter((pod) => pod.status?.phase === 'Running' && isReady(pod));
  const at = (revision: string) => pods.filter((pod) => !isTerminating(pod) && revisionOf(pod) === revision).length;
  const updatedReplicas = at(update);
  const rolled =
    set.spec.updateStrategy?.type !== 'OnDelete' &&
    updatedReplicas === wanted &&
    pods.length === wanted &&
    ready.length === wanted;
  return {
    observedGeneration: set.metadata.generation,
    replicas: pods.length,
    readyReplicas: ready.length,
    availableReplicas: ready.filter((pod) => availableIn(pod, set.spec.minReadySeconds) === 0).length,
    currentReplicas: rolled ? updatedReplicas : at(current),
    updatedReplicas,
    currentRevision: rolled ? update : current,
    updateRevision: update,
    collisionCount,
  };
}
