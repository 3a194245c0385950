/** Nodes: those that fall silent become Unknown, conditions become taints, pods of nodes that are gone are removed. */
import { isStatus } from '../machinery/client.ts';
import { conditionOf, withCondition } from '../machinery/conditions.ts';
import { keyOf } from '../machinery/informer.ts';
import { leases, nodes, pods } from '../machinery/resources.ts';
import type { Runtime } from '../machinery/runtime.ts';
import type { Condition, Node, Pod } from '../machinery/types.ts';
import { isReady } from '../pods.ts';
import { wantedTaints } from './taints.ts';

/** As kube-controller-manager's --node-monitor-grace-period. */
const GRACE_MS = 50_000;
const KUBELET_CONDITIONS = ['Ready', 'MemoryPressure', 'DiskPressure', 'PIDPressure'];

/** `graceMs`: how long a node may be silent. */
export function nodeLifecycleController(runtime: Runtime, graceMs = GRACE_MS): void {
  const record = runtime.recordAs('node-controller');
  const nodeInformer = runtime.informer(nodes);
  const podInformer = runtime.informer(pods);
  const leaseInformer = runtime.informer(leases);
  const lookMs = Math.min(10_000, graceMs / 5);
  /** When a node's lease was last seen to change, by this machine's clock: clocks of others are not compared. */
  const seen = new Map<string, { version: string | undefined; at: number }>();
  const tolerated = (error: unknown) => {
    if (!isStatus(error, 404, 409)) throw error;
  };

  async function lost(node: Node): Promise<void> {
    const { name } = node.metadata;
    let conditions = (node.status?.conditions ?? []) as Condition[];
    for (const type of KUBELET_CONDITIONS) {
      const message = 'Kubelet stopped posting node status.';
      conditions = withCondition(conditions, { type, status: 'Unknown', reason: 'NodeStatusUnknown', message });
    }
    await runtime.patch(nodes, node, { status: { conditions } }, 'status');
    record(node, 'Normal', 'NodeNotReady', `Node ${name} status is now: NodeNotReady`);
  }

  const nodeQueue = runtime.queue({ name: 'node-lifecycle' }, async (key) => {
    const node = nodeInformer.get(key);
    if (node === undefined) {
      seen.delete(key);
      wakePods(key);
      return;
    }
    const taints = wantedTaints(node);
    if (taints !== undefined) {
      const { resourceVersion } = node.metadata;
      await runtime.patch(nodes, node, { metadata: { resourceVersion }, spec: { taints } });
    }
    const version = leaseInformer.get(`kube-node-lease/${key}`)?.metadata.resourceVersion;
    const last = seen.get(key);
    if (last === undefined || last.version !== version) seen.set(key, { version, at: Date.now() });
    else if (Date.now() - last.at > graceMs) {
      const ready = conditionOf(node.status?.conditions as Condition[] | undefined, 'Ready');
      if (ready !== undefined && ready.status !== 'Unknown') await lost(node);
    }
    return lookMs;
  });

  const readyOf = (node: Node | undefined) =>
    conditionOf(node?.status?.conditions as Condition[] | undefined, 'Ready')?.status;
  /** Nobody can say that a pod of a node that is not ready still serves. */
  const isDoubtful = (pod: Pod): boolean => {
    const ready = readyOf(nodeInformer.get(pod.spec.nodeName ?? ''));
    return isReady(pod) && ready !== undefined && ready !== 'True';
  };

  const podQueue = runtime.queue({ name: 'pods-of-nodes' }, async (key) => {
    const pod = podInformer.get(key);
    if (pod?.spec.nodeName === undefined) return;
    if (isDoubtful(pod)) {
      const unready = { type: 'Ready', status: 'False' };
      const conditions = withCondition(pod.status?.conditions as Condition[] | undefined, unready);
      await runtime.patch(pods, pod, { status: { conditions } }, 'status').catch(tolerated);
      record(pod, 'Warning', 'NodeNotReady', 'Node is not ready');
    }
    if (nodeInformer.get(pod.spec.nodeName)) return;
    // The cache may be behind a node that was just made: ask.
    if (await runtime.client.find(nodes, undefined, pod.spec.nodeName)) return;
    await runtime.delete(pods, pod, { gracePeriodSeconds: 0 }).catch(tolerated);
  });
  const wakePods = (node: string) => {
    for (const pod of podInformer.list()) if (pod.spec.nodeName === node) podQueue.add(keyOf(pod));
  };

  nodeInformer.on((change) => {
    nodeQueue.add(keyOf(change.object));
    if (change.type === 'updated' && readyOf(change.object) !== readyOf(change.old))
      wakePods(change.object.metadata.name);
  });
  podInformer.on(({ type, object }) => {
    if (type === 'deleted' || !object.spec.nodeName) return;
    if (!nodeInformer.get(object.spec.nodeName)) podQueue.addAfter(keyOf(object), 200);
    else if (isDoubtful(object)) podQueue.add(keyOf(object));
  });
}
