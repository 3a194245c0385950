/** Stream consumer `effects`: what changed starts and signals workflows (DESIGN §2). Keyed by ids, so that a repeat is harmless. */
import type { OperationKind } from '#core/contract/operation.ts';
import type { ClusterState } from '#core/domain/cluster-state.ts';
import { conditionOf } from '#core/domain/conditions.ts';
import type { OperationState } from '#core/domain/operation.ts';
import type { WorkspaceState } from '#core/domain/workspace-state.ts';
import type { Change } from '#core/store/change.ts';
import type { Deps } from '../../lib/deps.ts';
import { type GroupDeps, reconcileGroup } from '../../lib/groups.ts';
import { renewSecrets } from '../../lib/secret-renewal.ts';
import { type SignalDeps, signalIfHolding } from '../../lib/signal.ts';

export interface EffectsDeps extends Deps, SignalDeps, GroupDeps {
  /** Starts the execution named by the operation; one that runs or has run already is fine. */
  readonly start: (kind: OperationKind, operationId: string) => Promise<void>;
  /** Ends the execution of an operation that another one took over. */
  readonly stop: (kind: OperationKind, operationId: string) => Promise<void>;
}

/** What is done about one change. */
export const effects =
  (deps: EffectsDeps) =>
  async (change: Change): Promise<void> => {
    switch (change.entity) {
      case 'Operation':
        return change.after === null ? undefined : operationChanged(deps, change.before, change.after);
      case 'Await':
        return change.after === null ? undefined : signalIfHolding(deps, change.after.operation);
      case 'Cluster':
        return change.after?.operationId !== undefined && mayEndWait(change.before, change.after)
          ? signalIfHolding(deps, change.after.operationId)
          : undefined;
      case 'Workspace':
        return change.before === null || change.after === null
          ? undefined
          : workspaceChanged(deps, change.before, change.after);
      case 'Group':
        return change.after !== null && change.before?.revision !== change.after.revision
          ? reconcileGroup(deps, change.after.id)
          : undefined;
      case 'Secret':
        return renewSecrets(deps, change.after ?? change.before);
      default:
        return undefined;
    }
  };

const operationChanged = async (
  deps: EffectsDeps,
  before: OperationState | null,
  after: OperationState,
): Promise<void> => {
  // The record may be old: whether it is still to be started is read from the table.
  if (before === null && after.state === 'Pending') return startIfPending(deps, after.id);
  // A cluster's delete stops the older execution itself, and waits for its end; that of a dev pod only waits, and harms nobody.
  if (after.supersededBy !== undefined && after.resource.type === 'workspace') await deps.stop(after.kind, after.id);
};

const workspaceChanged = async (deps: EffectsDeps, before: WorkspaceState, after: WorkspaceState): Promise<void> => {
  if (after.operationId !== undefined)
    return maySettle(before, after) ? signalIfHolding(deps, after.operationId) : undefined;
  // A seat that was busy when its group wanted something else of it is free now.
  if (before.operationId !== undefined && after.spec.group !== undefined) await reconcileGroup(deps, after.spec.group);
};

/** Only the agent's word can settle what was asked of a dev pod (core/domain/workspace-settled); what it said before the wait began is looked at with the Await. */
const maySettle = (before: WorkspaceState, after: WorkspaceState): boolean =>
  before.report?.link !== after.report?.link ||
  before.report?.seq !== after.report?.seq ||
  (before.phase !== 'Deleted' && after.phase === 'Deleted');

const startIfPending = async (deps: EffectsDeps, id: string): Promise<void> => {
  const operation = await deps.store.clusters.operation(id);
  if (operation?.state === 'Pending') await deps.start(operation.kind, id);
};

/** Only a change of the connection or of the drain can end a wait. */
const mayEndWait = (before: ClusterState | null, after: ClusterState): boolean =>
  conditionOf(before?.conditions ?? [], 'Connected')?.status !== conditionOf(after.conditions, 'Connected')?.status ||
  before?.drain?.doneAt !== after.drain?.doneAt;
