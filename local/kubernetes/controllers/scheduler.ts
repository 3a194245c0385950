/** The scheduler: binds pending pods to nodes that fit, or says honestly why none does. */

import { explain, freeShare, misfits, requestsOf, unsupported } from './fit.ts';
import { isStatus } from './machinery/client.ts';
import { conditionOf, withCondition } from './machinery/conditions.ts';
import { type Amounts, addAmounts } from './machinery/quantity.ts';
import {
  nodes,
  pathOf,
  persistentVolumeClaims,
  persistentVolumes,
  pods,
  storageClasses,
} from './machinery/resources.ts';
import type { Runtime } from './machinery/runtime.ts';
import { nodeTermsMatch } from './machinery/selectors.ts';
import type { Condition, Node, PersistentVolumeClaim, Pod } from './machinery/types.ts';
import { claimNames, isFinished, isPending } from './pods.ts';
import { SELECTED_NODE, waitsForConsumer } from './volumes.ts';

export function scheduler(runtime: Runtime): void {
  const record = runtime.recordAs('default-scheduler');
  const podInformer = runtime.informer(pods);
  const nodeInformer = runtime.informer(nodes);
  const claims = runtime.informer(persistentVolumeClaims);
  const volumes = runtime.informer(persistentVolumes);
  const classes = runtime.informer(storageClasses);
  /** Bound a moment ago; the watch has not said so yet. */
  const assumed = new Map<string, string>();

  function usage(): Map<string, Amounts> {
    const used = new Map<string, Amounts>();
    for (const pod of podInformer.list()) {
      const node = pod.spec.nodeName ?? assumed.get(pod.metadata.uid);
      if (pod.spec.nodeName) assumed.delete(pod.metadata.uid);
      if (node === undefined || isFinished(pod)) continue;
      used.set(node, addAmounts(used.get(node) ?? {}, requestsOf(pod.spec)));
    }
    return used;
  }

  async function unschedulable(pod: Pod, message: string): Promise<void> {
    const before = pod.status?.conditions as Condition[] | undefined;
    const conditions = withCondition(before, {
      type: 'PodScheduled',
      status: 'False',
      reason: 'Unschedulable',
      message,
    });
    if (conditions === before) return;
    await runtime.patch(pods, pod, { status: { conditions } }, 'status');
    record(pod, 'Warning', 'FailedScheduling', message);
  }

  /** Why the pod's claims keep it from any node; the claims that wait for a node to be chosen. */
  function claimState(pod: Pod): {
    blocked?: string;
    waiting: PersistentVolumeClaim[];
    bound: PersistentVolumeClaim[];
  } {
    const waiting: PersistentVolumeClaim[] = [];
    const bound: PersistentVolumeClaim[] = [];
    for (const name of claimNames(pod)) {
      const claim = claims.get(`${pod.metadata.namespace}/${name}`);
      if (claim === undefined) return { blocked: `persistentvolumeclaim "${name}" not found`, waiting, bound };
      if (claim.metadata.deletionTimestamp)
        return { blocked: `persistentvolumeclaim "${name}" is being deleted`, waiting, bound };
      if (claim.status?.phase === 'Bound') bound.push(claim);
      else if (waitsForConsumer(claim, classes.list())) waiting.push(claim);
      else return { blocked: 'pod has unbound immediate PersistentVolumeClaims', waiting, bound };
    }
    return { waiting, bound };
  }

  const reaches = (node: Node, bound: PersistentVolumeClaim[]): boolean =>
    bound.every((claim) => {
      const terms = volumes.get(claim.spec.volumeName ?? '')?.spec.nodeAffinity?.required?.nodeSelectorTerms;
      return terms === undefined || nodeTermsMatch(terms, node.metadata.name, node.metadata.labels);
    });

  async function place(pod: Pod, used: Map<string, Amounts>): Promise<void> {
    const all = nodeInformer.list();
    const refusal = unsupported(pod.spec);
    const { blocked, waiting, bound } = claimState(pod);
    const stop = refusal ?? blocked;
    if (stop !== undefined) {
      const times =
        all.length === 0 ? 'no nodes available to schedule pods: ' : `0/${all.length} nodes are available: `;
      return unschedulable(pod, `${times}${stop}.`);
    }
    const reasons: string[] = [];
    const fitting = all.filter((node) => {
      const against = node.metadata.deletionTimestamp
        ? ['node(s) were unschedulable']
        : reaches(node, bound)
          ? misfits(pod, node, used.get(node.metadata.name) ?? {})
          : ["node(s) didn't match PersistentVolume's node affinity"];
      reasons.push(...against);
      return against.length === 0;
    });
    const chosen = waiting.map((claim) => claim.metadata.annotations?.[SELECTED_NODE]).find(Boolean);
    const [best] = fitting.sort(
      (a, b) =>
        Number(b.metadata.name === chosen) - Number(a.metadata.name === chosen) ||
        freeShare(b, used.get(b.metadata.name) ?? {}) - freeShare(a, used.get(a.metadata.name) ?? {}),
    );
    if (best === undefined) return unschedulable(pod, explain(all.length, reasons));
    const node = best.metadata.name;
    if (waiting.length > 0) {
      // The volume is made for the chosen node first; its claim's change wakes this pod again.
      for (const claim of waiting) {
        if (claim.metadata.annotations?.[SELECTED_NODE] === node) continue;
        await runtime.patch(persistentVolumeClaims, claim, { metadata: { annotations: { [SELECTED_NODE]: node } } });
      }
      used.set(node, addAmounts(used.get(node) ?? {}, requestsOf(pod.spec)));
      return;
    }
    const { name, namespace, uid } = pod.metadata;
    assumed.set(uid, node);
    try {
      await runtime.client.call('POST', pathOf(pods, namespace, name, 'binding'), {
        body: {
          apiVersion: 'v1',
          kind: 'Binding',
          metadata: { name, namespace, uid },
          target: { apiVersion: 'v1', kind: 'Node', name: node },
        },
      });
    } catch (error) {
      assumed.delete(uid);
      if (isStatus(error, 404, 409)) return;
      throw error;
    }
    used.set(node, addAmounts(used.get(node) ?? {}, requestsOf(pod.spec)));
    record(pod, 'Normal', 'Scheduled', `Successfully assigned ${namespace}/${name} to ${node}`);
  }

  const queue = runtime.queue({ name: 'scheduler', concurrency: 1 }, async () => {
    const used = usage();
    const pending = podInformer
      .list()
      .filter((pod) => isPending(pod) && !assumed.has(pod.metadata.uid))
      .sort(
        (a, b) =>
          (b.spec.priority ?? 0) - (a.spec.priority ?? 0) ||
          (a.metadata.creationTimestamp ?? '').localeCompare(b.metadata.creationTimestamp ?? ''),
      );
    const failures: unknown[] = [];
    for (const pod of pending) {
      // One pod that cannot be written must not hold up the others.
      await place(pod, used).catch((error) => failures.push(error));
    }
    if (failures.length > 0) throw failures[0];
  });
  const wake = () => queue.add('pods');
  podInformer.on(({ type, object }) => {
    if (type === 'deleted') assumed.delete(object.metadata.uid);
    if (type === 'deleted' || isPending(object) || isFinished(object)) wake();
  });
  nodeInformer.on((change) => {
    if (change.type !== 'updated') return wake();
    // Heartbeats change nothing for the scheduler.
    const relevant = (node: Node) =>
      JSON.stringify([
        node.spec,
        node.metadata.labels,
        node.status?.allocatable,
        conditionOf(node.status?.conditions as Condition[], 'Ready')?.status,
      ]);
    if (relevant(change.object) !== relevant(change.old)) wake();
  });
  for (const informer of [claims, classes]) informer.on(wake);
}
