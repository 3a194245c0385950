/** Node pools as EKS Auto Mode and Karpenter have them: a node for pods that fit nowhere, none for nobody. */
import { randomBytes } from 'node:crypto';
import { INSTANCE_TYPES } from './instance-types.ts';
import { isStatus } from './machinery/client.ts';
import { conditionOf, withCondition } from './machinery/conditions.ts';
import { sameJson } from './machinery/equal.ts';
import { keyOf } from './machinery/informer.ts';
import { controllerOf } from './machinery/owners.ts';
import { type Amounts, addAmounts, cpuQuantity, memoryQuantity } from './machinery/quantity.ts';
import { nodePools, nodes, pods } from './machinery/resources.ts';
import type { Runtime } from './machinery/runtime.ts';
import type { Condition, Node, NodePool, Pod } from './machinery/types.ts';
import { choose, type Offer } from './node-choice.ts';
import { isFinished, isPending } from './pods.ts';

const POOL = 'karpenter.sh/nodepool';
const DO_NOT_DISRUPT = 'karpenter.sh/do-not-disrupt';

/** `30s`, `5m`, `1h30m` in milliseconds; `Never` is undefined. */
export function durationMs(text: string | undefined): number | undefined {
  if (text === undefined || text === 'Never') return undefined;
  const units: Record<string, number> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };
  return [...text.matchAll(/([0-9.]+)(ms|s|m|h)/g)].reduce(
    (sum, [, n, unit]) => sum + Number(n) * (units[unit ?? 's'] ?? 0),
    0,
  );
}

/** The node that an offer becomes. Its name is its instance id, as in Auto Mode. */
export function nodeOf(offer: Offer, zone: string) {
  const id = `i-${randomBytes(9).toString('hex').slice(0, 17)}`;
  const { template } = offer.pool.spec;
  return {
    metadata: {
      name: id,
      labels: { ...offer.labels, [POOL]: offer.pool.metadata.name, 'kubernetes.io/hostname': id },
      annotations: template.metadata?.annotations ?? {},
    },
    spec: {
      providerID: `aws:///${zone}/${id}`,
      taints: [...(template.spec.taints ?? []), ...(template.spec.startupTaints ?? [])],
    },
  };
}

export function nodePoolController(runtime: Runtime): void {
  const record = runtime.recordAs('karpenter');
  const pools = runtime.informer(nodePools);
  const podInformer = runtime.informer(pods);
  const nodeInformer = runtime.informer(nodes);
  /** Since when a node has been empty. */
  const emptySince = new Map<string, number>();
  /** Pods for which a node was made, until they are bound: they are not counted twice. */
  const nominated = new Map<string, string>();

  const nodesOf = (pool: NodePool): Node[] =>
    nodeInformer.list().filter((node) => node.metadata.labels?.[POOL] === pool.metadata.name);

  function resourcesOf(pool: NodePool): Amounts {
    const total: Amounts = { nodes: 0, cpu: 0, memory: 0 };
    for (const node of nodesOf(pool)) {
      const type = INSTANCE_TYPES.find(
        ({ name }) => name === node.metadata.labels?.['node.kubernetes.io/instance-type'],
      );
      addAmounts(total, { nodes: 1, cpu: type?.cpu ?? 0, memory: type?.memory ?? 0 });
    }
    return total;
  }

  async function provision(): Promise<void> {
    const waiting = podInformer.list().filter((pod) => {
      const scheduled = conditionOf(pod.status?.conditions as Condition[] | undefined, 'PodScheduled');
      const nodeName = nominated.get(pod.metadata.uid);
      const served = nodeName !== undefined && nodeInformer.get(nodeName) !== undefined;
      return isPending(pod) && scheduled?.reason === 'Unschedulable' && !served;
    });
    const candidates = pools.list().filter(({ metadata }) => metadata.deletionTimestamp === undefined);
    if (waiting.length === 0 || candidates.length === 0) return;
    const used = new Map(candidates.map((pool) => [pool.metadata.name, resourcesOf(pool)]));
    const { offers, refused } = choose(waiting, candidates, used);
    for (const { pod, message } of refused) record(pod, 'Warning', 'FailedScheduling', message);
    for (const offer of offers) {
      const zone = offer.labels['topology.kubernetes.io/zone'] ?? '';
      const node = await runtime.create(nodes, undefined, nodeOf(offer, zone));
      for (const pod of offer.pods) {
        nominated.set(pod.metadata.uid, node.metadata.name);
        record(pod, 'Normal', 'Nominated', `Pod should schedule on: node/${node.metadata.name}`);
      }
    }
  }

  const isDaemon = (pod: Pod) =>
    controllerOf(pod)?.kind === 'DaemonSet' || pod.metadata.annotations?.['kubernetes.io/config.mirror'] !== undefined;

  /** Removes nodes that have been empty long enough; answers when the next one is due. */
  async function consolidate(pool: NodePool): Promise<number | undefined> {
    const after = durationMs(pool.spec.disruption?.consolidateAfter ?? '0s');
    let next: number | undefined;
    for (const node of nodesOf(pool)) {
      const { name } = node.metadata;
      const mine = podInformer.list().filter((pod) => (pod.spec.nodeName ?? nominated.get(pod.metadata.uid)) === name);
      const busy =
        mine.some((pod) => !isFinished(pod) && !isDaemon(pod)) ||
        node.metadata.annotations?.[DO_NOT_DISRUPT] === 'true';
      if (busy || after === undefined || node.metadata.deletionTimestamp !== undefined) {
        emptySince.delete(name);
        continue;
      }
      const since = emptySince.get(name) ?? Date.now();
      emptySince.set(name, since);
      const left = since + after - Date.now();
      if (left > 0) {
        next = Math.min(next ?? left, left);
        continue;
      }
      record(node, 'Normal', 'DisruptionTerminating', 'Disrupting Node: Empty/Delete');
      emptySince.delete(name);
      await runtime.delete(nodes, node).catch((error) => {
        if (!isStatus(error, 404, 409)) throw error;
      });
    }
    return next;
  }

  async function report(pool: NodePool): Promise<void> {
    const total = resourcesOf(pool);
    const resources = {
      nodes: String(total.nodes),
      cpu: cpuQuantity(total.cpu ?? 0),
      memory: memoryQuantity(total.memory ?? 0),
    };
    const conditions = withCondition(pool.status?.conditions, {
      type: 'Ready',
      status: 'True',
      reason: 'Ready',
      message: '',
    });
    if (sameJson(pool.status?.resources, resources) && conditions === pool.status?.conditions) return;
    await runtime.patch(nodePools, pool, { status: { resources, conditions } }, 'status').catch((error) => {
      // A definition without the status subresource has nowhere to report.
      if (!isStatus(error, 404, 409)) throw error;
    });
  }

  const queue = runtime.queue({ name: 'node-pools', concurrency: 1 }, async () => {
    if (pools.list().length === 0) return;
    for (const pod of podInformer.list()) if (pod.spec.nodeName) nominated.delete(pod.metadata.uid);
    await provision();
    const due: number[] = [];
    for (const pool of pools.list()) {
      const next = await consolidate(pool);
      if (next !== undefined) due.push(next + 5);
      const current = pools.get(keyOf(pool));
      if (current) await report(current);
    }
    if (due.length > 0) return Math.min(...due);
  });
  const wake = () => queue.add('pools');
  pools.on(wake);
  nodeInformer.on(({ type }) => type !== 'updated' && wake());
  podInformer.on(({ type, object }) => {
    if (type === 'deleted') nominated.delete(object.metadata.uid);
    wake();
  });
}
