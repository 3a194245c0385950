/** ReplicaSets: as many pods as wanted, and a status that says so. */
import { isStatus } from './machinery/client.ts';
import { conditionOf, withCondition } from './machinery/conditions.ts';
import { says } from './machinery/equal.ts';
import { keyOf } from './machinery/informer.ts';
import { controllerOf } from './machinery/owners.ts';
import { pods, replicaSets } from './machinery/resources.ts';
import type { Runtime } from './machinery/runtime.ts';
import { mapMatches, selectorMatches } from './machinery/selectors.ts';
import type { Condition, Pod, ReplicaSet } from './machinery/types.ts';
import {
  availableIn,
  byDispensability,
  claimPods,
  isActive,
  isReady,
  onPodsOf,
  podFrom,
  soonestAvailable,
} from './pods.ts';
import { onRoom } from './quota/room.ts';

/**
 * The status that a ReplicaSet with these active pods has; `failure` is why the last pod could not be made. A failure that stands already keeps
 * its first message: the next one names another pod, and each change of the status would be another try at once.
 */
export function replicaSetStatus(set: ReplicaSet, active: Pod[], failure: string | undefined) {
  const { minReadySeconds } = set.spec;
  const template = set.spec.template.metadata?.labels;
  const before = (set.status?.conditions ?? []) as Condition[];
  const failed = { type: 'ReplicaFailure', status: 'True', reason: 'FailedCreate' };
  const conditions =
    failure === undefined
      ? before.filter(({ type }) => type !== failed.type)
      : conditionOf(before, failed.type)
        ? before
        : withCondition(before, { ...failed, message: failure });
  return {
    replicas: active.length,
    fullyLabeledReplicas: active.filter((pod) => mapMatches(template, pod.metadata.labels)).length,
    readyReplicas: active.filter(isReady).length,
    availableReplicas: active.filter((pod) => availableIn(pod, minReadySeconds) === 0).length,
    observedGeneration: set.metadata.generation,
    conditions,
  };
}

export function replicaSetController(runtime: Runtime): void {
  const record = runtime.recordAs('replicaset-controller');
  const informer = runtime.informer(replicaSets);
  const podInformer = runtime.informer(pods);

  /** Makes or removes pods; answers what stopped it. The error is thrown after the status was written, so that the queue waits. */
  async function scale(set: ReplicaSet, active: Pod[]): Promise<Error | undefined> {
    const missing = (set.spec.replicas ?? 1) - active.length;
    if (missing < 0) {
      for (const pod of [...active].sort(byDispensability).slice(0, -missing)) {
        await runtime.delete(pods, pod).catch((error) => {
          if (!isStatus(error, 404, 409)) throw error;
        });
        record(set, 'Normal', 'SuccessfulDelete', `Deleted pod: ${pod.metadata.name}`);
      }
    }
    for (let made = 0; made < missing; made += 1) {
      try {
        const pod = podFrom(set.spec.template, replicaSets, set, { generateName: `${set.metadata.name}-` });
        const { metadata } = await runtime.create(pods, set.metadata.namespace, pod);
        record(set, 'Normal', 'SuccessfulCreate', `Created pod: ${metadata.name}`);
      } catch (error) {
        if (isStatus(error, 404)) return undefined;
        record(set, 'Warning', 'FailedCreate', `Error creating: ${(error as Error).message}`);
        return error as Error;
      }
    }
    return undefined;
  }

  const queue = runtime.queue({ name: 'replicaset', maxBackoffMs: 60_000 }, async (key) => {
    const set = informer.get(key);
    if (set === undefined) return;
    const claimed = await claimPods(runtime, replicaSets, set, set.spec.selector);
    const failure =
      set.metadata.deletionTimestamp === undefined ? await scale(set, claimed.filter(isActive)) : undefined;
    const active = podInformer
      .list(set.metadata.namespace)
      .filter(
        (pod) =>
          controllerOf(pod)?.uid === set.metadata.uid &&
          isActive(pod) &&
          selectorMatches(set.spec.selector, pod.metadata.labels),
      );
    const status = replicaSetStatus(set, active, failure?.message);
    if (!says(set.status, status)) {
      await runtime.patch(replicaSets, set, { status }, 'status').catch((error) => {
        if (!isStatus(error, 404)) throw error;
      });
    }
    if (failure) throw failure;
    return soonestAvailable(active, set.spec.minReadySeconds);
  });

  informer.on(({ object }) => queue.add(keyOf(object)));
  onRoom(runtime, (namespace) => {
    for (const set of informer.list(namespace ?? ''))
      if ((set.status?.replicas ?? 0) < (set.spec.replicas ?? 1)) queue.add(keyOf(set));
  });
  onPodsOf(podInformer, 'ReplicaSet', informer, queue, (set) => set.spec.selector);
}
