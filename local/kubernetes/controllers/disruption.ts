/** Disruption budgets: how many of their pods are healthy, and how many may go. */

import { countOf } from './deployment/rollout.ts';
import { isStatus } from './machinery/client.ts';
import { withCondition } from './machinery/conditions.ts';
import { sameJson, says } from './machinery/equal.ts';
import { keyOf } from './machinery/informer.ts';
import { controllerOf } from './machinery/owners.ts';
import { deployments, podDisruptionBudgets, pods, replicaSets, statefulSets } from './machinery/resources.ts';
import type { Runtime } from './machinery/runtime.ts';
import { selectorMatches } from './machinery/selectors.ts';
import type { Condition, Pod, PodDisruptionBudget } from './machinery/types.ts';
import { isActive, isReady, isTerminating } from './pods.ts';

/** An eviction that was granted counts as done for so long, though its pod still looks well. */
const DISRUPTED_MS = 120_000;

/** The numbers of the status; `scale` is how many pods the pods' controllers want. */
export function budgetStatus(budget: PodDisruptionBudget, selected: Pod[], scale: number, now = Date.now()) {
  const { minAvailable, maxUnavailable } = budget.spec;
  let expectedPods = selected.length;
  let desiredHealthy = 0;
  if (maxUnavailable !== undefined) {
    expectedPods = scale;
    desiredHealthy = Math.max(0, scale - countOf(maxUnavailable, scale, Math.ceil));
  } else if (typeof minAvailable === 'string') {
    expectedPods = scale;
    desiredHealthy = countOf(minAvailable, scale, Math.ceil);
  } else desiredHealthy = minAvailable ?? 1;
  const disruptedPods = Object.fromEntries(
    Object.entries(budget.status?.disruptedPods ?? {}).filter(([name, at]) => {
      const pod = selected.find(({ metadata }) => metadata.name === name);
      return pod !== undefined && !isTerminating(pod) && Date.parse(at) + DISRUPTED_MS > now;
    }),
  );
  const currentHealthy = selected.filter(
    (pod) => isReady(pod) && !isTerminating(pod) && disruptedPods[pod.metadata.name] === undefined,
  ).length;
  const disruptionsAllowed = expectedPods <= 0 ? 0 : Math.max(0, currentHealthy - desiredHealthy);
  return { currentHealthy, desiredHealthy, expectedPods, disruptionsAllowed, disruptedPods };
}

export function disruptionController(runtime: Runtime): void {
  const record = runtime.recordAs('controllermanager');
  const informer = runtime.informer(podDisruptionBudgets);
  const podInformer = runtime.informer(pods);
  const sets = runtime.informer(replicaSets);
  const owners = { Deployment: runtime.informer(deployments), StatefulSet: runtime.informer(statefulSets) };

  /** How many pods the controller of this one wants, and its uid; none: nobody scales it. */
  function scaleOf(pod: Pod): { uid: string; replicas: number } | undefined {
    const find = (kind: string, name: string) => {
      const key = `${pod.metadata.namespace}/${name}`;
      return kind === 'ReplicaSet' ? sets.get(key) : owners[kind as keyof typeof owners]?.get(key);
    };
    const owner = controllerOf(pod);
    const direct = owner && find(owner.kind, owner.name);
    const above = direct && controllerOf(direct);
    const top = (above && find(above.kind, above.name)) ?? direct;
    return top && { uid: top.metadata.uid, replicas: top.spec.replicas ?? 1 };
  }

  const queue = runtime.queue({ name: 'disruption' }, async (key) => {
    const budget = informer.get(key);
    if (budget === undefined || budget.metadata.deletionTimestamp) return;
    const selected = podInformer
      .list(budget.metadata.namespace)
      .filter(
        (pod) => selectorMatches(budget.spec.selector, pod.metadata.labels) && (isActive(pod) || isTerminating(pod)),
      );
    const scales = new Map<string, number>();
    const unmanaged: string[] = [];
    for (const pod of selected) {
      const scale = scaleOf(pod);
      if (scale) scales.set(scale.uid, scale.replicas);
      else unmanaged.push(pod.metadata.name);
    }
    const scaled = budget.spec.maxUnavailable !== undefined || typeof budget.spec.minAvailable === 'string';
    const counts = budgetStatus(
      budget,
      selected,
      [...scales.values()].reduce((sum, replicas) => sum + replicas, 0),
    );
    const enough = counts.disruptionsAllowed > 0;
    const conditions = withCondition(budget.status?.conditions as Condition[] | undefined, {
      type: 'DisruptionAllowed',
      status: enough ? 'True' : 'False',
      reason: enough ? 'SufficientPods' : 'InsufficientPods',
      message: '',
      observedGeneration: budget.metadata.generation,
    });
    const status = { ...counts, conditions, observedGeneration: budget.metadata.generation };
    const forgotten = Object.keys(budget.status?.disruptedPods ?? {}).filter((name) => !(name in counts.disruptedPods));
    if (!says(budget.status, status) || forgotten.length > 0) {
      if (scaled && unmanaged.length > 0 && !sameJson(budget.status?.conditions, conditions))
        record(
          budget,
          'Warning',
          'UnmanagedPods',
          `Pods selected by this PodDisruptionBudget (${unmanaged.join(', ')}) were found to be unmanaged. As a result, the status of the PDB cannot be calculated correctly, which may result in undefined behavior. To account for these pods please set ".spec.minAvailable" field of the PDB to an integer value.`,
        );
      const { resourceVersion } = budget.metadata;
      const gone = Object.fromEntries(forgotten.map((name) => [name, null]));
      const disruptedPods = { ...counts.disruptedPods, ...gone };
      await runtime
        .patch(
          podDisruptionBudgets,
          budget,
          { metadata: { resourceVersion }, status: { ...status, disruptedPods } },
          'status',
        )
        .catch((error) => {
          if (!isStatus(error, 404)) throw error;
        });
    }
    return Object.keys(counts.disruptedPods).length > 0 ? DISRUPTED_MS : undefined;
  });

  const wakeAll = (namespace: string | undefined) => {
    for (const budget of informer.list(namespace ?? '')) queue.add(keyOf(budget));
  };
  informer.on(({ type, object }) => type !== 'deleted' && queue.add(keyOf(object)));
  podInformer.on((change) => {
    const versions = change.type === 'updated' ? [change.object, change.old] : [change.object];
    for (const budget of informer.list(change.object.metadata.namespace))
      if (versions.some(({ metadata }) => selectorMatches(budget.spec.selector, metadata.labels)))
        queue.add(keyOf(budget));
  });
  for (const scaled of [sets, ...Object.values(owners)])
    scaled.on((change) => {
      if (change.type !== 'updated' || change.object.spec.replicas !== change.old.spec.replicas)
        wakeAll(change.object.metadata.namespace);
    });
}
