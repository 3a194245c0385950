/** What a dev pod holds of its cluster and of its team's quotas, and the claims by which that follows its state. */
import type { Amount, Claim, SeatLimits } from './decision.ts';
import { amountOf, isNoAmount, minusAmount, NO_AMOUNT, storageOf } from './seat-amount.ts';
import type { WorkspaceState } from './workspace-state.ts';

export interface Held {
  /** 1 until it is deleted. */
  readonly seats: 0 | 1;
  /** Compute, while it is wanted to run. */
  readonly amount: Amount;
  readonly storageGiB: number;
}

/** A function of the state alone: whatever changed it, the counters are the sum over all seats. */
export const heldBy = (workspace: WorkspaceState | null): Held => {
  if (workspace === null || workspace.phase === 'Deleted') return { seats: 0, amount: NO_AMOUNT, storageGiB: 0 };
  const { runState, resources, volumes } = workspace.spec;
  return {
    seats: 1,
    amount: runState === 'Running' ? amountOf(resources) : NO_AMOUNT,
    storageGiB: storageOf(volumes),
  };
};

/** For what is counted and not refused: mirrors, and everything that is given back. */
export const UNLIMITED: SeatLimits = {
  teamWorkspaces: Number.POSITIVE_INFINITY,
  teamCpuMillis: Number.POSITIVE_INFINITY,
  teamMemoryMiB: Number.POSITIVE_INFINITY,
  teamStorageGiB: Number.POSITIVE_INFINITY,
};

/** The claims between two states of one seat; without `capacity` and `limits` nothing is refused. */
export const moves = (
  before: WorkspaceState | null,
  next: WorkspaceState,
  { capacity, limits = UNLIMITED }: { readonly capacity?: Amount | undefined; readonly limits?: SeatLimits } = {},
): Claim[] => {
  const was = heldBy(before);
  const is = heldBy(next);
  const seats = (is.seats - was.seats) as 1 | 0 | -1;
  const amount = minusAmount(is.amount, was.amount);
  const storageGiB = is.storageGiB - was.storageGiB;
  const takes = seats > 0 || amount.cpuMillis > 0 || amount.memoryMiB > 0 || amount.gpus > 0 || amount.pods > 0;
  const claims: Claim[] = [];
  if (seats !== 0 || !isNoAmount(amount))
    claims.push({
      claim: 'room',
      cluster: next.cluster,
      seats,
      amount,
      ...(takes && capacity !== undefined ? { capacity } : {}),
    });
  if (seats !== 0 || amount.cpuMillis !== 0 || amount.memoryMiB !== 0 || storageGiB !== 0)
    claims.push({
      claim: 'team-seats',
      team: next.team,
      workspaces: seats,
      cpuMillis: amount.cpuMillis,
      memoryMiB: amount.memoryMiB,
      storageGiB,
      limits,
    });
  return claims;
};

/** The line of the list that the agent syncs by, as it should be now. Mirrors have none: their cluster owns them. */
export const rowOf = (workspace: WorkspaceState): Claim[] =>
  workspace.spec.origin === 'Cluster'
    ? []
    : [
        {
          claim: 'seat-row',
          cluster: workspace.cluster,
          workspace: workspace.id,
          revision: workspace.revision,
          ...(workspace.tombstone === undefined ? {} : { tombstone: workspace.tombstone }),
        },
      ];

export const rowGone = (workspace: WorkspaceState): Claim[] =>
  workspace.spec.origin === 'Cluster'
    ? []
    : [
        {
          claim: 'seat-row',
          cluster: workspace.cluster,
          workspace: workspace.id,
          revision: workspace.revision,
          gone: true,
        },
      ];

/** The name is free again, and what leads to a mirror. */
export const nameFree = ({ team, name, id, cluster, mirror }: WorkspaceState): Claim[] => [
  { claim: 'name-release', of: 'workspace', team, name, id },
  ...(mirror === undefined ? [] : [{ claim: 'mirror-release' as const, cluster, uid: mirror.uid }]),
];
