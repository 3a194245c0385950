/** A table that came back from a backup: agents have seen later revisions than it knows (DESIGN §2; kubernetes.md §4 "restored table"). */
import type { Decision } from './decision.ts';
import { write } from './decision.ts';
import { rowOf } from './workspace-claims.ts';
import type { WorkspaceState } from './workspace-state.ts';

/** More than anybody changes a dev pod between two backups: revisions that were lost with the newer table are below. */
export const REVISION_LIFT = 1_000_000;

/** What is wanted of it, as the next revision that no agent has seen; null where its agent keeps none: it is gone, or the cluster's own. Pure. */
export const lifted = (workspace: WorkspaceState, now: string): Decision | null => {
  const { spec, phase, forgotten } = workspace;
  if (spec.origin === 'Cluster' || (phase === 'Deleted' && forgotten !== true)) return null;
  const revision = workspace.revision + REVISION_LIFT;
  const next: WorkspaceState = {
    ...workspace,
    version: workspace.version + 1,
    revision,
    spec: { ...spec, revision },
    updatedAt: now,
  };
  const audit = { team: workspace.team, actor: 'system', action: 'workspace.restore', resource: workspace.id };
  return { writes: [write(workspace, next)], claims: rowOf(next), audit: [{ ...audit, detail: { revision } }] };
};
