/** What a StatefulSet does next: which pods to make and which to take away, in kube-controller-manager's order. Pure. */

import { countOf } from '../deployment/rollout.ts';
import type { Pod, StatefulSet } from '../machinery/types.ts';
import { availableIn, isFinished, isTerminating } from '../pods.ts';
import { ordinalOf, ordinals, revisionOf } from './identity.ts';

export interface Revisions {
  /** Names of the revisions. */
  current: string;
  update: string;
}

export type Step = { create: number; revision: string } | { remove: Pod };

const isServing = (set: StatefulSet, pod: Pod): boolean =>
  pod.status?.phase === 'Running' && !isTerminating(pod) && availableIn(pod, set.spec.minReadySeconds) === 0;

/** The revision at which the pod of a number is made: below the partition the old one. */
function revisionFor(set: StatefulSet, index: number, { current, update }: Revisions): string {
  const { type, rollingUpdate } = set.spec.updateStrategy ?? {};
  return type !== 'OnDelete' && index < (rollingUpdate?.partition ?? 0) ? current : update;
}

/** `pods` are those that the set controls. One step at a time, or with `Parallel` all that can be done at once. */
export function plan(set: StatefulSet, pods: Pod[], revisions: Revisions): Step[] {
  const parallel = set.spec.podManagementPolicy === 'Parallel';
  const { start, end } = ordinals(set);
  const numbered = pods.map((pod) => ({ pod, ordinal: ordinalOf(set, pod) })).filter(({ ordinal }) => ordinal >= 0);
  const byOrdinal = new Map(numbered.map(({ pod, ordinal }) => [ordinal, pod]));
  const steps: Step[] = [];

  for (let ordinal = start; ordinal < end; ordinal += 1) {
    const pod = byOrdinal.get(ordinal);
    if (pod === undefined) steps.push({ create: ordinal, revision: revisionFor(set, ordinal - start, revisions) });
    // A pod that has ended is replaced whatever its exit code, once its name is free.
    else if (isFinished(pod) && !isTerminating(pod)) steps.push({ remove: pod });
    if (!parallel && (steps.length > 0 || pod === undefined || !isServing(set, pod))) return steps;
  }

  const condemned = numbered
    .filter(({ ordinal }) => ordinal < start || ordinal >= end)
    .sort((a, b) => b.ordinal - a.ordinal)
    .map(({ pod }) => pod);
  if (parallel) steps.push(...condemned.filter((pod) => !isTerminating(pod)).map((remove) => ({ remove })));
  else if (condemned[0] !== undefined) {
    const [highest] = condemned;
    // One that does not serve holds up the scale-down, unless it is the lowest that does not.
    const waited = !isServing(set, highest) && condemned.findLast((pod) => !isServing(set, pod)) !== highest;
    return isTerminating(highest) || waited ? steps : [{ remove: highest }];
  }

  return [...steps, ...updates(set, byOrdinal, revisions)];
}

/** The rolling update: from the highest number down, no more than `maxUnavailable` pods away at once. */
function updates(set: StatefulSet, byOrdinal: Map<number, Pod>, { update }: Revisions): Step[] {
  const { type, rollingUpdate } = set.spec.updateStrategy ?? {};
  if (type === 'OnDelete') return [];
  const { start, end } = ordinals(set);
  const first = start + (rollingUpdate?.partition ?? 0);
  const limit = Math.max(1, countOf(rollingUpdate?.maxUnavailable ?? 1, end - start, Math.floor));
  let away = 0;
  const old: Pod[] = [];
  for (let ordinal = end - 1; ordinal >= start; ordinal -= 1) {
    const pod = byOrdinal.get(ordinal);
    if (pod === undefined || !isServing(set, pod)) away += 1;
    const outdated = pod && ordinal >= first && revisionOf(pod) !== update && !isTerminating(pod) && !isFinished(pod);
    if (outdated) old.push(pod);
  }
  // With Parallel, what does not serve anyway is replaced at once: so a broken image goes away with its fix.
  const broken = set.spec.podManagementPolicy === 'Parallel' ? old.filter((pod) => !isServing(set, pod)) : [];
  const rest = old.filter((pod) => !broken.includes(pod)).slice(0, Math.max(0, limit - away));
  return [...broken, ...rest].map((remove) => ({ remove }));
}
