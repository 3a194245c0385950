/** What the workflow of a dev pod waits for: that its agent has done what the present revision asks, or says that it cannot (DESIGN §3 task). */
import { conditionOf } from './conditions.ts';
import type { WorkspaceState } from './workspace-state.ts';

export type Outcome =
  | { readonly state: 'open' }
  | { readonly state: 'done' }
  | { readonly state: 'failed'; readonly reason: string; readonly message: string };

const OPEN: Outcome = { state: 'open' };
const DONE: Outcome = { state: 'done' };

/** Level-triggered: looks at the present state alone. */
export const settled = (workspace: WorkspaceState): Outcome => {
  if (workspace.phase === 'Deleted') return DONE;
  if (workspace.tombstone !== undefined) return OPEN;
  const { report, revision, spec } = workspace;
  if (report === undefined || report.observedRevision < revision) return OPEN;
  if (report.phase === spec.runState) return DONE;
  if (report.phase !== 'Failed') return OPEN;
  const ready = conditionOf(workspace.conditions, 'Ready');
  return {
    state: 'failed',
    reason: ready?.reason ?? 'Failed',
    message: ready?.message ?? 'The agent could not do what was asked.',
  };
};
