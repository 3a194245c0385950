/** Where a seat is put: the cluster that it fills best, or what is missing on each (DESIGN §1; kubernetes.md findings 19, 20). Pure. */
import type { ClusterInfo } from '../contract/cluster.ts';
import { memoryOf, vcpuOf } from '../contract/sizes.ts';
import { isConnected } from './cluster-origin.ts';
import { type ClusterState, isExpired } from './cluster-state.ts';
import { conditionsAt } from './cluster-view.ts';
import { isTrue } from './conditions.ts';
import type { Amount } from './decision.ts';
import type { Lease } from './link.ts';
import { minusAmount, missingIn, NO_AMOUNT } from './seat-amount.ts';

/** What the seats of a cluster hold of it. */
export interface Room {
  readonly seats: number;
  readonly taken: Amount;
  /** No seat may come any more. */
  readonly closed: boolean;
}

/** A cluster with what placement wants to know of it. */
export interface Candidate {
  readonly cluster: ClusterState;
  readonly lease: Lease | null;
  readonly room: Room;
}

/** What is looked for. */
export interface Wanted {
  readonly team: string;
  readonly amount: Amount;
  readonly environment?: string | undefined;
  readonly region?: string | undefined;
  /** `team`: only where no pods of others are. */
  readonly isolation: 'shared' | 'team';
}

export interface Misfit {
  /** Its name. */
  readonly cluster: string;
  /** Phrases: why not, or what is missing. */
  readonly missing: readonly string[];
}

export type Placed =
  | { readonly cluster: ClusterState; readonly lease: Lease | null; readonly capacity: Amount }
  | { readonly cluster: null; readonly misfits: readonly Misfit[] };

export const ENVIRONMENT_LABEL = 'roadstead.dev/environment';
export const REGION_LABEL = 'roadstead.dev/region';

/** What the system's own pods and the kubelet keep of a node that is yet to come. */
const SYSTEM_SHARE = 0.1;
/** Pods that a node of ours takes, after what the system's own need. */
const PODS_PER_WORKER = 99;

/** Nodes come on demand, up to what its workers may be. */
const isAutoscaled = (cluster: ClusterState): boolean => !isConnected(cluster) && cluster.options.compute === 'auto';

/** What all seats together may take of the cluster: everything that is not in use by others. */
export const capacityOf = (cluster: ClusterState): Amount => {
  const { info, workers } = cluster;
  const others = info === undefined ? NO_AMOUNT : minusAmount(info.requested, info.seats ?? NO_AMOUNT);
  const there: Amount = isAutoscaled(cluster)
    ? {
        cpuMillis: Math.floor(vcpuOf(workers) * 1000 * (1 - SYSTEM_SHARE)),
        memoryMiB: Math.floor(memoryOf(workers) * 1024 * (1 - SYSTEM_SHARE)),
        gpus: info?.allocatable.gpus ?? 0,
        pods: workers.count * PODS_PER_WORKER,
      }
    : (info?.allocatable ?? NO_AMOUNT);
  const left = minusAmount(there, others);
  return {
    cpuMillis: Math.max(0, left.cpuMillis),
    memoryMiB: Math.max(0, left.memoryMiB),
    gpus: Math.max(0, left.gpus),
    pods: Math.max(0, left.pods),
  };
};

/** Why the cluster is none for any seat of this kind, whatever its size; null when it may be one. */
const excluded = ({ cluster, lease, room }: Candidate, wanted: Wanted, now: string): string | null => {
  const { labels, info, phase } = cluster;
  if (!cluster.takesWorkspaces) return 'it does not take dev pods (takesWorkspaces)';
  if (isExpired(cluster, now)) return `it expired at ${cluster.expiresAt}`;
  if (phase !== 'Ready') return `it is ${phase}`;
  if (room.closed) return 'it takes no more dev pods: it is being deleted';
  if (!isTrue(conditionsAt(cluster, lease, now), 'Connected')) return 'its agent is not connected';
  if (info === undefined) return 'its agent has not said yet what it has';
  if (wanted.environment !== undefined && labels[ENVIRONMENT_LABEL] !== wanted.environment)
    return `its label ${ENVIRONMENT_LABEL} is ${quoted(labels[ENVIRONMENT_LABEL])}`;
  const region = labels[REGION_LABEL] ?? info.region;
  if (wanted.region !== undefined && region !== wanted.region) return `its region is ${quoted(region)}`;
  return sharing(cluster, wanted) ?? (info.storageClass === false ? 'it has no default storage class' : null);
};

const quoted = (text: string | undefined): string => (text === undefined ? 'not set' : `"${text}"`);

const sharing = (cluster: ClusterState, { team, isolation }: Wanted): string | null => {
  const own = cluster.team === team;
  if (cluster.isolation === 'team') return own ? null : 'it takes dev pods of its own team only';
  if (isolation === 'team') return 'other teams may have pods there (isolation: shared)';
  // Without enforcement every pod of one team reaches those of the others.
  if (!own && cluster.info?.networkPolicyEnforced !== 'true')
    return 'it is not known to enforce network policies, so teams may not share it';
  return null;
};

/** A pod runs on one node: what exceeds the largest, in words. Where nodes come on demand, they come large enough. */
const tooLarge = (cluster: ClusterState, largest: ClusterInfo['largestNode'], amount: Amount): string[] =>
  largest === undefined || isAutoscaled(cluster)
    ? []
    : missingIn(largest, NO_AMOUNT, amount).map(
        (phrase) => `it lacks ${phrase.replace(/ \(.*/, '')} on its largest node`,
      );

/** What keeps the seat from this cluster; empty when it fits. */
export const missingOn = (candidate: Candidate, wanted: Wanted, now: string): readonly string[] => {
  const why = excluded(candidate, wanted, now);
  if (why !== null) return [why];
  const { cluster, room } = candidate;
  const missing = missingIn(capacityOf(cluster), room.taken, wanted.amount).map((phrase) => `it lacks ${phrase}`);
  return [...missing, ...tooLarge(cluster, cluster.info?.largestNode, wanted.amount)];
};

/** How well the seat fits: lower is better, null is not at all. */
interface Fit {
  readonly candidate: Candidate;
  /** GPUs that it does not need. */
  readonly wasted: number;
  /** The parts of CPU and memory that are left afterwards, 0 to 2: the fuller, the better. */
  readonly left: number;
}

const part = (of: number, whole: number): number => (whole === 0 ? 0 : of / whole);

const fitOf = (candidate: Candidate, wanted: Wanted, now: string): Fit | null => {
  const { cluster, room } = candidate;
  const { amount } = wanted;
  const capacity = capacityOf(cluster);
  const left = minusAmount(minusAmount(capacity, room.taken), amount);
  // Words are for those that are told; numbers sort out most clusters.
  const lacks =
    (amount.cpuMillis > 0 && left.cpuMillis < 0) ||
    (amount.memoryMiB > 0 && left.memoryMiB < 0) ||
    (amount.gpus > 0 && left.gpus < 0) ||
    (amount.pods > 0 && left.pods < 0);
  if (lacks || excluded(candidate, wanted, now) !== null) return null;
  if (tooLarge(cluster, cluster.info?.largestNode, amount).length > 0) return null;
  return {
    candidate,
    wasted: amount.gpus === 0 ? (cluster.info?.allocatable.gpus ?? 0) : 0,
    left: part(left.cpuMillis, capacity.cpuMillis) + part(left.memoryMiB, capacity.memoryMiB),
  };
};

/** GPUs are left to those who want them, then what is fuller is filled, then the older one. */
const isBetter = (one: Fit, other: Fit): boolean => {
  if (one.wasted !== other.wasted) return one.wasted < other.wasted;
  return one.left !== other.left ? one.left < other.left : one.candidate.cluster.id < other.candidate.cluster.id;
};

/** The best fit, whatever the order of the candidates; where there is none, what is missing on each. */
export const place = (candidates: readonly Candidate[], wanted: Wanted, now: string): Placed => {
  let best: Fit | null = null;
  for (const candidate of candidates) {
    const fit = fitOf(candidate, wanted, now);
    if (fit !== null && (best === null || isBetter(fit, best))) best = fit;
  }
  if (best !== null) {
    const { cluster, lease } = best.candidate;
    return { cluster, lease, capacity: capacityOf(cluster) };
  }
  const misfits = candidates
    .map((candidate) => ({ cluster: candidate.cluster, missing: missingOn(candidate, wanted, now) }))
    .sort((a, b) => (a.cluster.id < b.cluster.id ? -1 : 1))
    .map(({ cluster, missing }) => ({ cluster: cluster.name, missing }));
  return { cluster: null, misfits };
};
