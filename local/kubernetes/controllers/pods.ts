/** What the workload controllers know of pods: ready, available, controlled by whom. */
import { claim } from './machinery/claim.ts';
import { conditionOf } from './machinery/conditions.ts';
import { type Informer, keyOf } from './machinery/informer.ts';
import { controllerKey, controllerOf, controllerReference } from './machinery/owners.ts';
import type { WorkQueue } from './machinery/queue.ts';
import { pods, type Resource } from './machinery/resources.ts';
import type { Runtime } from './machinery/runtime.ts';
import { selectorMatches } from './machinery/selectors.ts';
import type { Condition, LabelSelector, Pod, PodTemplate, Stored } from './machinery/types.ts';

export const readyCondition = (pod: Pod): Condition | undefined =>
  conditionOf(pod.status?.conditions as Condition[] | undefined, 'Ready');
export const isReady = (pod: Pod): boolean => readyCondition(pod)?.status === 'True';
export const isTerminating = (pod: Pod): boolean => pod.metadata.deletionTimestamp !== undefined;
export const isFinished = (pod: Pod): boolean => pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed';
export const isActive = (pod: Pod): boolean => !isTerminating(pod) && !isFinished(pod);

/** Milliseconds until the pod counts as available: 0 when it is, Infinity when it is not ready. */
export function availableIn(pod: Pod, minReadySeconds = 0, now = Date.now()): number {
  const condition = readyCondition(pod);
  if (condition?.status !== 'True') return Number.POSITIVE_INFINITY;
  if (minReadySeconds === 0) return 0;
  return Math.max(0, Date.parse(condition.lastTransitionTime ?? '') + minReadySeconds * 1000 - now);
}

/** Milliseconds until the next of the pods becomes available, if one is waiting for that. */
export function soonestAvailable(pods: Pod[], minReadySeconds = 0): number | undefined {
  const waits = pods.map((pod) => availableIn(pod, minReadySeconds)).filter((ms) => ms > 0 && Number.isFinite(ms));
  return waits.length === 0 ? undefined : Math.min(...waits) + 10;
}

/** The claims of a pod, ephemeral ones included, by name. */
export const claimNames = (pod: Pod): string[] =>
  (pod.spec.volumes ?? []).flatMap((volume) =>
    volume.persistentVolumeClaim
      ? [volume.persistentVolumeClaim.claimName]
      : volume.ephemeral
        ? [`${pod.metadata.name}-${volume.name}`]
        : [],
  );

export const isPending = (pod: Pod): boolean =>
  !pod.spec.nodeName &&
  !isTerminating(pod) &&
  !isFinished(pod) &&
  !pod.spec.schedulingGates?.length &&
  (pod.spec.schedulerName ?? 'default-scheduler') === 'default-scheduler';

/** The order in which pods are taken away: what serves least goes first. */
export function byDispensability(a: Pod, b: Pod): number {
  const rank = (pod: Pod) => [
    pod.spec.nodeName === undefined ? 0 : 1,
    pod.status?.phase === 'Pending' ? 0 : pod.status?.phase === 'Unknown' ? 1 : 2,
    isReady(pod) ? 1 : 0,
    Number(pod.metadata.annotations?.['controller.kubernetes.io/pod-deletion-cost'] ?? 0),
    -Math.max(0, ...(pod.status?.containerStatuses ?? []).map((status) => status.restartCount)),
    -Date.parse(pod.metadata.creationTimestamp ?? ''),
  ];
  const [left, right] = [rank(a), rank(b)];
  for (const [index, value] of left.entries()) {
    const difference = value - (right[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** The pod that a template makes for its owner. */
export function podFrom(
  template: PodTemplate,
  of: Resource,
  owner: Stored,
  name: { name: string } | { generateName: string },
) {
  return {
    metadata: {
      ...name,
      namespace: owner.metadata.namespace,
      labels: template.metadata?.labels ?? {},
      annotations: template.metadata?.annotations ?? {},
      ...(template.metadata?.finalizers && { finalizers: template.metadata.finalizers }),
      ownerReferences: [controllerReference(of, owner)],
    },
    spec: template.spec,
  };
}

/** The pods of `owner`; only living ones are adopted. */
export const claimPods = (runtime: Runtime, of: Resource, owner: Stored, selector: LabelSelector): Promise<Pod[]> =>
  claim(runtime, pods, of, owner, selector, isActive);

/** Wakes the owner of every pod that changes; a pod without a controller wakes all who select it. */
export function onPodsOf<T extends Stored>(
  podInformer: Informer<Pod>,
  kind: string,
  owners: Informer<T>,
  queue: WorkQueue,
  selectorOf: (owner: T) => LabelSelector,
): void {
  podInformer.on(({ object }) => {
    const owner = controllerKey(object, kind);
    if (owner !== undefined) return queue.add(owner);
    if (controllerOf(object) !== undefined) return;
    for (const candidate of owners.list(object.metadata.namespace)) {
      if (selectorMatches(selectorOf(candidate), object.metadata.labels)) queue.add(keyOf(candidate));
    }
  });
}
