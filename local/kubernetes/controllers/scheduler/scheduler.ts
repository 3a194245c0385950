/** The scheduler: binds pending pods to nodes that fit, or says honestly why none does. */
import { isStatus } from '../machinery/client.ts';
import { conditionOf, withCondition } from '../machinery/conditions.ts';
import { controllerOf } from '../machinery/owners.ts';
import {
  namespaces,
  nodes,
  pathOf,
  persistentVolumeClaims,
  persistentVolumes,
  pods,
  storageClasses,
} from '../machinery/resources.ts';
import type { Runtime } from '../machinery/runtime.ts';
import type { Condition, Node, PersistentVolumeClaim, Pod } from '../machinery/types.ts';
import { isPending } from '../pods.ts';
import { SELECTED_NODE } from '../volumes/match.ts';
import { type ClaimsOf, claimsOf, type Storage, volumeMisfits } from './claims.ts';
import { freeShare, misfits, unsupported } from './fit.ts';
import { claimKeys, Ledger } from './ledger.ts';
import { type Against, explain, fullOf } from './misfit.ts';
import { mindsOthers, topologyRules } from './topology.ts';

const ONE_POD = 'node has pod using PersistentVolumeClaim with the same name and ReadWriteOncePod access mode';

/** The first difference counts. */
const compare = (a: number[], b: number[]): number =>
  a.map((value, index) => value - (b[index] ?? 0)).find((difference) => Math.abs(difference) > 1e-9) ?? 0;

/** How many pods are written at a time. */
const AT_ONCE = 16;

export function scheduler(runtime: Runtime): void {
  const record = runtime.recordAs('default-scheduler');
  const podInformer = runtime.informer(pods);
  const nodeInformer = runtime.informer(nodes);
  const namespaceInformer = runtime.informer(namespaces);
  const claims = runtime.informer(persistentVolumeClaims);
  const volumes = runtime.informer(persistentVolumes);
  const classes = runtime.informer(storageClasses);
  const storage: Storage = {
    claim: (key) => claims.get(key),
    volume: (name) => volumes.get(name),
    volumes: () => volumes.list(),
    classes: () => classes.list(),
  };
  const ledger = new Ledger();
  /** Pods to be placed. */
  const waiting = new Map<string, Pod>();
  /** Of these, those that fitted nowhere: they are tried again when something changed that may help. */
  const parked = new Set<string>();

  async function unschedulable(pod: Pod, message: string): Promise<void> {
    parked.add(pod.metadata.uid);
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

  /** The best node, or why there is none. */
  function choose(pod: Pod, of: ClaimsOf): Node | string {
    const all = nodeInformer.list();
    const stop = unsupported(pod.spec) ?? of.blocked;
    const { preemptionPolicy, priority = 0 } = pod.spec;
    if (stop !== undefined) return explain(all.length, stop, preemptionPolicy);
    const taken = [...of.bound, ...of.waiting].some(
      (claim) =>
        claim.spec.accessModes?.includes('ReadWriteOncePod') &&
        ledger.isUsed(`${claim.metadata.namespace}/${claim.metadata.name}`, pod.metadata.uid),
    );
    const rules = topologyRules(pod, {
      nodes: new Map(all.map((node) => [node.metadata.name, node])),
      placed: ledger.placed(!mindsOthers(pod)),
      namespaceLabels: (name) => namespaceInformer.get(name)?.metadata.labels,
    });
    const against: Against[] = [];
    const fitting = all.filter((node) => {
      const { name } = node.metadata;
      const checks = [
        () => misfits(pod, node, ledger.used(name), ledger.ports(name)),
        () => (taken ? [fullOf(ONE_POD)] : []),
        () => volumeMisfits(of, node, storage),
        () => rules(node),
      ];
      for (const check of checks) {
        const reasons = check();
        if (reasons.length === 0) continue;
        against.push({ reasons, victims: ledger.hasBelow(name, priority) });
        return false;
      }
      return true;
    });
    const selected = of.waiting.map((claim) => claim.metadata.annotations?.[SELECTED_NODE]).find(Boolean);
    const owner = controllerOf(pod)?.uid;
    // The node that the volumes were chosen for, then the emptiest; of those alike the one with the fewest siblings, then with the fewest pods.
    const score = (node: Node) => {
      const { name } = node.metadata;
      const used = ledger.used(name);
      return [Number(name === selected), freeShare(node, used), -ledger.siblings(name, owner), -(used.pods ?? 0)];
    };
    const [best] = fitting.map((node) => ({ node, score: score(node) })).sort((a, b) => compare(b.score, a.score));
    return best?.node ?? explain(all.length, against, preemptionPolicy);
  }

  async function bind(pod: Pod, node: string): Promise<void> {
    const { name, namespace, uid } = pod.metadata;
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
      // Gone, or placed by somebody else: the watch tells.
      if (isStatus(error, 404, 409)) waiting.delete(uid);
      ledger.release(uid);
      if (!isStatus(error, 404, 409)) throw error;
      return;
    }
    waiting.delete(uid);
    record(pod, 'Normal', 'Scheduled', `Successfully assigned ${namespace}/${name} to ${node}`);
  }

  const select = (claim: PersistentVolumeClaim, node: string) =>
    claim.metadata.annotations?.[SELECTED_NODE] === node
      ? undefined
      : runtime.patch(persistentVolumeClaims, claim, { metadata: { annotations: { [SELECTED_NODE]: node } } });

  async function place(pod: Pod): Promise<void> {
    const of = claimsOf(pod, storage);
    // The place is kept; the claims' next change wakes this pod again.
    if (of.binding) return;
    ledger.release(pod.metadata.uid);
    const node = choose(pod, of);
    if (typeof node === 'string') return unschedulable(pod, node);
    const { name } = node.metadata;
    ledger.assume(pod, name);
    if (of.waiting.length === 0) return bind(pod, name);
    // The volumes are made for the chosen node first; their claims' change wakes this pod again.
    for (const claim of of.waiting) await select(claim, name);
  }

  const queue = runtime.queue({ name: 'scheduler', concurrency: 1 }, async () => {
    const pending = [...waiting.values()]
      .filter((pod) => !parked.has(pod.metadata.uid))
      .sort(
        (a, b) =>
          (b.spec.priority ?? 0) - (a.spec.priority ?? 0) ||
          (a.metadata.creationTimestamp ?? '').localeCompare(b.metadata.creationTimestamp ?? ''),
      );
    const failures: unknown[] = [];
    const writes: Promise<unknown>[] = [];
    for (const { metadata } of pending) {
      const pod = waiting.get(metadata.uid);
      // The place is taken at once, in order; the writing goes on beside. One that fails must not hold up the others.
      if (pod) writes.push(place(pod).catch((error) => isStatus(error, 404) || failures.push(error)));
      if (writes.length >= AT_ONCE) await Promise.all(writes.splice(0));
    }
    await Promise.all(writes);
    if (failures.length > 0) throw failures[0];
  });

  /** Something changed that may help those who fitted nowhere. */
  const wake = (helps: (pod: Pod) => boolean = () => true) => {
    for (const uid of parked) {
      const pod = waiting.get(uid);
      if (pod === undefined || helps(pod)) parked.delete(uid);
    }
    if (waiting.size > parked.size) queue.add('pods');
  };

  podInformer.on((change) => {
    const { type, object } = change;
    const { uid } = object.metadata;
    const placedBefore = ledger.nodeOf(uid) !== undefined;
    ledger.observe(object, type === 'deleted');
    if (type !== 'deleted' && isPending(object)) {
      waiting.set(uid, object);
      const asks = (pod: Pod) => JSON.stringify([pod.spec, pod.metadata.labels]);
      if (type === 'updated' && asks(object) !== asks(change.old)) parked.delete(uid);
      if (!parked.has(uid)) queue.add('pods');
      return;
    }
    waiting.delete(uid);
    parked.delete(uid);
    const placed = ledger.nodeOf(uid) !== undefined;
    if (placedBefore && !placed) wake();
    else if (!placedBefore && placed) wake(mindsOthers);
  });
  nodeInformer.on((change) => {
    // Heartbeats change nothing for the scheduler.
    const relevant = ({ spec, metadata, status }: Node) =>
      JSON.stringify([
        spec,
        metadata.labels,
        status?.allocatable,
        conditionOf(status?.conditions as Condition[], 'Ready')?.status,
      ]);
    if (change.type !== 'updated' || relevant(change.object) !== relevant(change.old)) wake();
  });
  claims.on(({ object }) => {
    const key = `${object.metadata.namespace}/${object.metadata.name}`;
    wake((pod) => claimKeys(pod).includes(key));
  });
  volumes.on(({ type }) => type !== 'updated' && wake((pod) => claimKeys(pod).length > 0));
  classes.on(() => wake((pod) => claimKeys(pod).length > 0));
}
