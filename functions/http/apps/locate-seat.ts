/** Finds the dev pod that a path names, and what the principal may do with it. */
import type { Role } from '#core/contract/account.ts';
import { type Action, authorize, type Principal } from '#core/domain/access.ts';
import type { WorkspaceState } from '#core/domain/workspace-state.ts';
import type { Store } from '#core/store/store.ts';

/** What a path says: an id, or a name within `team` (default: the personal one). */
export interface SeatRef {
  readonly params: { readonly workspaceRef: string };
  readonly query: { readonly team?: string | undefined };
}

/** Throws `not_found` alike for what is not there and what a stranger asks for. */
export const locateSeat = async (
  store: Store,
  principal: Principal,
  { params: { workspaceRef }, query }: SeatRef,
  action: Action,
): Promise<{ workspace: WorkspaceState; role: Role }> => {
  const workspace = await store.workspaces.find(query.team ?? principal.personalTeam, workspaceRef);
  // The team of the dev pod counts: an id may be asked for by anybody, a name leads only into the team that was named.
  const role = workspace === null ? null : await store.people.role(workspace.team, principal.id);
  authorize(role, action, `dev pod "${workspaceRef}"`);
  return { workspace: workspace as WorkspaceState, role };
};
