/** The arithmetic of a Deployment's rollout: how many pods each of its ReplicaSets should have next. Pure. */
import { sameJson } from '../machinery/equal.ts';
import type { Deployment, PodTemplate, ReplicaSet } from '../machinery/types.ts';

export const HASH_LABEL = 'pod-template-hash';
export const REVISION = 'deployment.kubernetes.io/revision';
export const DESIRED = 'deployment.kubernetes.io/desired-replicas';
export const MAX = 'deployment.kubernetes.io/max-replicas';

/** A count or a share of the replicas (`25%`); shares of a surge are rounded up, those of unavailability down. */
export function countOf(value: number | string | undefined, replicas: number, round: (n: number) => number): number {
  if (typeof value !== 'string') return value ?? 0;
  return value.endsWith('%') ? round((replicas * Number(value.slice(0, -1))) / 100) : Number(value);
}

/** How many pods may be over and under the wanted number. Never both 0: nothing would ever move. */
export function bounds(deployment: Deployment): { surge: number; unavailable: number } {
  const replicas = deployment.spec.replicas ?? 1;
  if (deployment.spec.strategy?.type === 'Recreate') return { surge: 0, unavailable: replicas };
  const rolling = deployment.spec.strategy?.rollingUpdate;
  const surge = countOf(rolling?.maxSurge ?? '25%', replicas, Math.ceil);
  const unavailable = countOf(rolling?.maxUnavailable ?? '25%', replicas, Math.floor);
  return surge === 0 && unavailable === 0
    ? { surge, unavailable: 1 }
    : { surge, unavailable: Math.min(unavailable, replicas) };
}

const withoutHash = (template: PodTemplate): PodTemplate => {
  const { [HASH_LABEL]: _hash, ...labels } = template.metadata?.labels ?? {};
  return { ...template, metadata: { ...template.metadata, labels } };
};

/** The ReplicaSet that has the deployment's template; the oldest if there are several. */
export const newestOf = (deployment: Deployment, sets: ReplicaSet[]): ReplicaSet | undefined =>
  sets
    .filter((set) => sameJson(withoutHash(set.spec.template), withoutHash(deployment.spec.template)))
    .sort((a, b) => (a.metadata.creationTimestamp ?? '').localeCompare(b.metadata.creationTimestamp ?? ''))[0];

export const wanted = (set: ReplicaSet): number => set.spec.replicas ?? 1;
const available = (set: ReplicaSet): number => set.status?.availableReplicas ?? 0;
export const total = (sets: ReplicaSet[]): number => sets.reduce((sum, set) => sum + wanted(set), 0);

/** How many pods the newest set may have now, beside those of the others. */
export function newestSize(deployment: Deployment, size: number, others: number): number {
  const replicas = deployment.spec.replicas ?? 1;
  if (size > replicas || deployment.spec.strategy?.type === 'Recreate') return replicas;
  return Math.min(replicas, size + Math.max(0, replicas + bounds(deployment).surge - size - others));
}

const desiredOf = (set: ReplicaSet): string | undefined => set.metadata.annotations?.[DESIRED];

/** Whether another number of replicas is wanted than when a carrying set was given its size: then all are scaled before the rollout goes on. */
export const isScaling = (deployment: Deployment, sets: ReplicaSet[]): boolean =>
  sets.some((set) => wanted(set) > 0 && ![undefined, String(deployment.spec.replicas ?? 1)].includes(desiredOf(set)));

/** How much a set grows or shrinks (below 0) so that it keeps its share of all pods that may be. */
function growth(deployment: Deployment, set: ReplicaSet): number {
  const replicas = deployment.spec.replicas ?? 1;
  if (replicas === 0) return -wanted(set);
  const before = Number(set.metadata.annotations?.[MAX] ?? 0) || (deployment.status?.replicas ?? 0);
  if (before === 0) return 0;
  return Math.round((wanted(set) * (replicas + bounds(deployment).surge)) / before) - wanted(set);
}

/**
 * Sizes of the carrying sets of a deployment that scales, those that stay as they are included: one set takes all, several keep their shares of
 * what may run, the largest takes what the division leaves.
 */
export function scaled(
  deployment: Deployment,
  newest: ReplicaSet | undefined,
  old: ReplicaSet[],
): Map<ReplicaSet, number> {
  const replicas = deployment.spec.replicas ?? 1;
  const carrying = (newest ? [newest, ...old] : old).filter((set) => wanted(set) > 0);
  if (carrying.length <= 1) {
    const only = carrying[0] ?? newest ?? old.at(-1);
    return new Map(only ? [[only, replicas]] : []);
  }
  const saturated =
    newest && wanted(newest) === replicas && desiredOf(newest) === String(replicas) && available(newest) === replicas;
  if (saturated) return new Map(carrying.map((set) => [set, set === newest ? replicas : 0]));

  const sizes = new Map(carrying.map((set) => [set, wanted(set)]));
  // Recreate has several only while it takes the old ones away; a pause leaves the sets where it found them.
  if (deployment.spec.strategy?.type === 'Recreate' || !isScaling(deployment, carrying)) return sizes;
  const allowed = replicas === 0 ? 0 : replicas + bounds(deployment).surge;
  const missing = allowed - total(carrying);
  // The largest first; of those alike the newest grows and the oldest shrinks first.
  const made = (set: ReplicaSet) => Date.parse(set.metadata.creationTimestamp ?? '');
  carrying.sort((a, b) => wanted(b) - wanted(a) || Math.sign(missing) * (made(b) - made(a)));
  let left = missing;
  for (const set of carrying) {
    const part = growth(deployment, set);
    const taken = left === 0 ? 0 : missing > 0 ? Math.min(part, left) : Math.max(part, left);
    sizes.set(set, wanted(set) + taken);
    left -= taken;
  }
  const [largest] = carrying;
  if (largest) sizes.set(largest, Math.max(0, (sizes.get(largest) ?? 0) + left));
  return sizes;
}

/** Next size of each set whose size changes. `alive`: pods of the old sets that still exist, terminating ones too (Recreate waits for them). */
export function plan(
  deployment: Deployment,
  newest: ReplicaSet,
  old: ReplicaSet[],
  alive: number,
): Map<ReplicaSet, number> {
  const next = new Map<ReplicaSet, number>();
  const replicas = deployment.spec.replicas ?? 1;
  const resize = (set: ReplicaSet, size: number) => size !== wanted(set) && next.set(set, size);

  if (deployment.spec.strategy?.type === 'Recreate') {
    for (const set of old) resize(set, 0);
    if (alive === 0) resize(newest, replicas);
    return next;
  }

  const { unavailable } = bounds(deployment);
  resize(newest, newestSize(deployment, wanted(newest), total(old)));

  const size = next.get(newest) ?? wanted(newest);
  const floor = replicas - unavailable;
  // What is not available does not serve: it may go at once, as long as the new set's own missing pods are counted.
  let spare = size + total(old) - floor - (size - Math.min(available(newest), size));
  const sizes = new Map(old.map((set) => [set, wanted(set)]));
  const inOrder = [...old].sort((a, b) =>
    (a.metadata.creationTimestamp ?? '').localeCompare(b.metadata.creationTimestamp ?? ''),
  );
  for (const set of inOrder) {
    const take = Math.max(0, Math.min(spare, (sizes.get(set) ?? 0) - available(set)));
    sizes.set(set, (sizes.get(set) ?? 0) - take);
    spare -= take;
  }
  let serving =
    available(newest) + old.reduce((sum, set) => sum + Math.min(available(set), sizes.get(set) ?? 0), 0) - floor;
  for (const set of inOrder) {
    const take = Math.max(0, Math.min(serving, sizes.get(set) ?? 0));
    sizes.set(set, (sizes.get(set) ?? 0) - take);
    serving -= take;
  }
  for (const [set, size] of sizes) resize(set, size);
  return next;
}

/** The old sets that the history limit no longer keeps. */
export function surplus(deployment: Deployment, old: ReplicaSet[]): ReplicaSet[] {
  const empty = old.filter(
    (set) => wanted(set) === 0 && (set.status?.replicas ?? 0) === 0 && set.metadata.deletionTimestamp === undefined,
  );
  const excess = empty.length - (deployment.spec.revisionHistoryLimit ?? 10);
  return excess <= 0 ? [] : [...empty].sort((a, b) => revisionOf(a) - revisionOf(b)).slice(0, excess);
}

export const revisionOf = (set: ReplicaSet): number => Number(set.metadata.annotations?.[REVISION] ?? 0);
