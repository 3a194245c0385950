/** Finds the cluster that a path names, and what the principal may do with it. */
import type { Role } from '#core/contract/account.ts';
import { type Action, authorize, type Principal } from '#core/domain/access.ts';
import type { ClusterState } from '#core/domain/cluster-state.ts';
import type { Lease } from '#core/domain/link.ts';
import type { ClusterRead } from '#core/store/clusters.ts';
import type { Store } from '#core/store/store.ts';

/** What a path says: an id, or a name within `team` (default: the personal one); `named` is what was read of it already. */
export interface ClusterRef {
  readonly params: { readonly clusterRef: string };
  readonly query: { readonly team?: string | undefined };
  readonly named?: () => ClusterRead | undefined;
}

/** `account:acc_…`, as operations and the audit log name who did something. */
export const actorOf = (principal: Principal): string => `account:${principal.id}`;

/** Throws `not_found` alike for what is not there and what a stranger asks for. */
export const locate = async (
  store: Store,
  principal: Principal,
  { params: { clusterRef }, query, named }: ClusterRef,
  action: Action,
): Promise<{ cluster: ClusterState; lease: Lease | null; role: Role }> => {
  const what = `cluster "${clusterRef}"`;
  const { cluster, lease } = named?.() ?? (await store.clusters.find(query.team ?? principal.personalTeam, clusterRef));
  // The team of the cluster counts: an id may be asked for by anybody, a name leads only into the team that was named.
  const role = cluster === null ? null : await store.people.role(cluster.team, principal.id);
  authorize(role, action, what);
  return { cluster: cluster as ClusterState, lease, role };
};
