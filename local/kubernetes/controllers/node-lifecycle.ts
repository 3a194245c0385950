/** Nodes that fall silent become Unknown; pods of nodes that are gone are removed. */
import { isStatus } from './machinery/client.ts';
import { conditionOf, withCondition } from './machinery/conditions.ts';
import { keyOf } from './machinery/informer.ts';
import { leases, nodes, pods } from './machinery/resources.ts';
import type { Runtime } from './machinery/runtime.ts';
import type { Condition } from './machinery/types.ts';

/** As kube-controller-manager's --node-monitor-grace-period. */
const GRACE_MS = 50_000;
const LOOK_MS = 10_000;

export function nodeLifecycleController(runtime: Runtime): void {
  const record = runtime.recordAs('node-controller');
  const nodeInformer = runtime.informer(nodes);
  const podInformer = runtime.informer(pods);
  const leaseInformer = runtime.informer(leases);
  /** When a node's lease was last seen to change, by this machine's clock: clocks of others are not compared. */
  const seen = new Map<string, { version: string | undefined; at: number }>();

  const nodeQueue = runtime.queue({ name: 'node-lifecycle' }, async (key) => {
    const node = nodeInformer.get(key);
    if (node === undefined) {
      seen.delete(key);
      for (const pod of podInformer.list()) if (pod.spec.nodeName === key) podQueue.add(keyOf(pod));
      return;
    }
    const version = leaseInformer.get(`kube-node-lease/${key}`)?.metadata.resourceVersion;
    const last = seen.get(key);
    if (last === undefined || last.version !== version) {
      seen.set(key, { version, at: Date.now() });
      return LOOK_MS;
    }
    const before = node.status?.conditions as Condition[] | undefined;
    const ready = conditionOf(before, 'Ready');
    if (Date.now() - last.at > GRACE_MS && ready !== undefined && ready.status !== 'Unknown') {
      const conditions = withCondition(before, {
        type: 'Ready',
        status: 'Unknown',
        reason: 'NodeStatusUnknown',
        message: 'Kubelet stopped posting node status.',
      });
      await runtime.patch(nodes, node, { status: { conditions } }, 'status');
      record(node, 'Normal', 'NodeNotReady', `Node ${key} status is now: NodeNotReady`);
    }
    return LOOK_MS;
  });

  const podQueue = runtime.queue({ name: 'pod-gc' }, async (key) => {
    const pod = podInformer.get(key);
    if (pod?.spec.nodeName === undefined || nodeInformer.get(pod.spec.nodeName)) return;
    // The cache may be behind a node that was just made: ask.
    if (await runtime.client.find(nodes, undefined, pod.spec.nodeName)) return;
    await runtime.delete(pods, pod, { gracePeriodSeconds: 0 }).catch((error) => {
      if (!isStatus(error, 404, 409)) throw error;
    });
  });

  nodeInformer.on(({ object }) => nodeQueue.add(keyOf(object)));
  podInformer.on(({ type, object }) => {
    if (type !== 'deleted' && object.spec.nodeName && !nodeInformer.get(object.spec.nodeName))
      podQueue.addAfter(keyOf(object), 200);
  });
}
