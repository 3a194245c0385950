/** Taints with NoExecute: pods that do not tolerate them go, those that do for a while go after it. */
import { isStatus } from '../machinery/client.ts';
import { withCondition } from '../machinery/conditions.ts';
import { keyOf } from '../machinery/informer.ts';
import { nodes, pods } from '../machinery/resources.ts';
import type { Runtime } from '../machinery/runtime.ts';
import type { Condition, Pod, Taint } from '../machinery/types.ts';
import { isTerminating } from '../pods.ts';
import { tolerates } from '../scheduler/fit.ts';

const executes = (taints: Taint[] | undefined) => (taints ?? []).filter(({ effect }) => effect === 'NoExecute');
const nameOf = ({ key, value = '' }: Taint): string => `${key}=${value}`;

/** When a pod was first seen under each of the taints, by their names: people's taints carry no time of their own. */
export type Seen = ReadonlyMap<string, number>;

/** What was seen, with the taints that are new from `now` on and without those that are gone. */
export const seenUnder = (taints: Taint[], before: Seen | undefined, now = Date.now()): Seen =>
  new Map(executes(taints).map((taint) => [nameOf(taint), before?.get(nameOf(taint)) ?? now]));

/**
 * Milliseconds until the pod has to go from a node with these taints; undefined: it may stay. Its patience runs from the taint's own time or else
 * from when it was first seen under it, and never from before it was made.
 */
export function goesIn(pod: Pod, taints: Taint[], seen: Seen = new Map(), now = Date.now()): number | undefined {
  const times = executes(taints).map((taint) => {
    const matching = (pod.spec.tolerations ?? []).filter((toleration) => tolerates(toleration, taint));
    if (matching.length === 0) return 0;
    const limits = matching.flatMap(({ tolerationSeconds }) =>
      tolerationSeconds === undefined ? [] : [tolerationSeconds],
    );
    if (limits.length === 0) return Number.POSITIVE_INFINITY;
    const added = taint.timeAdded === undefined ? (seen.get(nameOf(taint)) ?? now) : Date.parse(taint.timeAdded);
    const since = Math.max(added, Date.parse(pod.metadata.creationTimestamp ?? '') || 0);
    return Math.max(0, since + Math.max(0, Math.min(...limits)) * 1000 - now);
  });
  const soonest = Math.min(...times);
  return Number.isFinite(soonest) ? soonest : undefined;
}

export function taintEvictionController(runtime: Runtime): void {
  const record = runtime.recordAs('taint-eviction-controller');
  const podInformer = runtime.informer(pods);
  const nodeInformer = runtime.informer(nodes);
  /** By uid of the pod. */
  const seen = new Map<string, Seen>();
  const byNode = (name: string): Pod[] => podInformer.list().filter((pod) => pod.spec.nodeName === name);

  const queue = runtime.queue({ name: 'taint-eviction' }, async (key) => {
    const pod = podInformer.get(key);
    const node = nodeInformer.get(pod?.spec.nodeName ?? '');
    if (pod === undefined || node === undefined || isTerminating(pod)) return;
    const taints = node.spec?.taints ?? [];
    const since = seenUnder(taints, seen.get(pod.metadata.uid));
    if (since.size > 0) seen.set(pod.metadata.uid, since);
    else seen.delete(pod.metadata.uid);
    const wait = goesIn(pod, taints, since);
    if (wait === undefined) return;
    // Longer than a timer can be told: looked at again on the way.
    if (wait > 0) return Math.min(wait + 10, 2 ** 31 - 1);
    record(pod, 'Normal', 'TaintManagerEviction', `Marking for deletion Pod ${key}`);
    const conditions = withCondition(pod.status?.conditions as Condition[] | undefined, {
      type: 'DisruptionTarget',
      status: 'True',
      reason: 'DeletionByTaintManager',
      message: 'Taint manager: deleting due to NoExecute taint',
    });
    try {
      await runtime.patch(pods, pod, { status: { conditions } }, 'status');
      await runtime.delete(pods, pod);
    } catch (error) {
      if (!isStatus(error, 404, 409)) throw error;
    }
  });

  nodeInformer.on((change) => {
    const taints = executes(change.object.spec?.taints);
    const before = change.type === 'updated' ? executes(change.old.spec?.taints) : [];
    if (JSON.stringify(taints) === JSON.stringify(before)) return;
    // Also when the last one is gone: should it come back, its time begins anew.
    for (const pod of byNode(change.object.metadata.name)) queue.add(keyOf(pod));
  });
  podInformer.on((change) => {
    const { type, object } = change;
    if (type === 'deleted') seen.delete(object.metadata.uid);
    if (type === 'deleted' || executes(nodeInformer.get(object.spec.nodeName ?? '')?.spec?.taints).length === 0) return;
    queue.add(keyOf(object));
  });
}
