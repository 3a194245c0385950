/** StatefulSets: pods with numbers, made and replaced in order (or all at once with `Parallel`), each with its own claims. */
import { isStatus } from '../machinery/client.ts';
import { says } from '../machinery/equal.ts';
import { keyOf } from '../machinery/informer.ts';
import { isControlledBy } from '../machinery/owners.ts';
import { controllerRevisions, pods, statefulSets } from '../machinery/resources.ts';
import type { Runtime } from '../machinery/runtime.ts';
import type { Pod, StatefulSet } from '../machinery/types.ts';
import { claimPods, onPodsOf, soonestAvailable } from '../pods.ts';
import { onRoom } from '../quota/room.ts';
import { statefulSetClaims } from './claims.ts';
import { missingIdentity, ordinalOf, ordinalPod, podName } from './identity.ts';
import { plan, type Step } from './plan.ts';
import { type History, history, truncate } from './revisions.ts';
import { statefulSetStatus } from './status.ts';

export function statefulSetController(runtime: Runtime): void {
  const record = runtime.recordAs('statefulset-controller');
  const informer = runtime.informer(statefulSets);
  const podInformer = runtime.informer(pods);
  runtime.informer(controllerRevisions);
  const claims = statefulSetClaims(runtime, record);

  const said = (set: StatefulSet, verb: 'create' | 'delete', pod: string, error?: Error) => {
    const what = `${verb} Pod ${pod} in StatefulSet ${set.metadata.name}`;
    const reason = verb === 'create' ? 'Create' : 'Delete';
    if (error) record(set, 'Warning', `Failed${reason}`, `${what} failed error: ${error.message}`);
    else record(set, 'Normal', `Successful${reason}`, `${what} successful`);
  };

  async function take(set: StatefulSet, step: Step, { current, update }: History): Promise<void> {
    const name = 'remove' in step ? step.remove.metadata.name : podName(set, step.create);
    try {
      if ('remove' in step) await runtime.delete(pods, step.remove);
      else {
        // The next pass begins when the claim of the pod before it has gone.
        if (claims.isStale(set, name)) return;
        await claims.ensure(set, name, step.create);
        const revision = step.revision === update.metadata.name ? update : current;
        await runtime.create(pods, set.metadata.namespace, ordinalPod(set, revision, step.create));
      }
    } catch (error) {
      if ('remove' in step && isStatus(error, 404, 409)) return;
      // Taken: the cache is behind, or the pod of an earlier set of this name is still there. Its end is told.
      if (isStatus(error, 409) && !('remove' in step)) return;
      said(set, 'remove' in step ? 'delete' : 'create', name, error as Error);
      throw error;
    }
    said(set, 'remove' in step ? 'delete' : 'create', name);
  }

  /** Repairs what pods should keep: their labels, their claims, and who the claims go with. */
  async function repair(set: StatefulSet, pod: Pod): Promise<void> {
    if (ordinalOf(set, pod) < 0) return;
    const labels = missingIdentity(set, pod);
    if (labels) await runtime.patch(pods, pod, { metadata: { uid: pod.metadata.uid, labels } });
    if (pod.status?.phase === 'Pending') await claims.ensure(set, pod.metadata.name, ordinalOf(set, pod));
    await claims.retain(set, pod);
  }

  async function report(set: StatefulSet, revisions: History): Promise<void> {
    const mine = podInformer.list(set.metadata.namespace).filter((pod) => isControlledBy(pod, set));
    const names = { current: revisions.current.metadata.name, update: revisions.update.metadata.name };
    const status = statefulSetStatus(set, mine, names, revisions.collisionCount);
    if (says(set.status, status)) return;
    await runtime.patch(statefulSets, set, { status }, 'status').catch((error) => {
      if (!isStatus(error, 404)) throw error;
    });
  }

  const queue = runtime.queue({ name: 'statefulset', maxBackoffMs: 60_000 }, async (key) => {
    const set = informer.get(key);
    if (set === undefined || set.metadata.deletionTimestamp !== undefined) return;
    const revisions = await history(runtime, set);
    const mine = await claimPods(runtime, statefulSets, set, set.spec.selector);
    try {
      for (const pod of mine) await repair(set, pod);
      const names = { current: revisions.current.metadata.name, update: revisions.update.metadata.name };
      for (const step of plan(set, mine, names)) await take(set, step, revisions);
    } finally {
      await report(set, revisions);
    }
    await truncate(runtime, set, mine, revisions);
    return soonestAvailable(mine, set.spec.minReadySeconds);
  });

  informer.on(({ object }) => queue.add(keyOf(object)));
  onRoom(runtime, (namespace) => {
    for (const set of informer.list(namespace ?? ''))
      if ((set.status?.replicas ?? 0) < (set.spec.replicas ?? 1)) queue.add(keyOf(set));
  });
  onPodsOf(podInformer, 'StatefulSet', informer, queue, (set) => set.spec.selector);
}
