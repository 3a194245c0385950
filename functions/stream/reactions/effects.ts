/** Stream consumer `effects`: what changed starts and signals workflows (DESIGN §2). Keyed by ids, so that a repeat is harmless. */
import type { OperationKind } from '#core/contract/operation.ts';
import type { ClusterState } from '#core/domain/cluster-state.ts';
import { conditionOf } from '#core/domain/conditions.ts';
import type { Change } from '#core/store/change.ts';
import type { Deps } from '../../lib/deps.ts';
import { type SignalDeps, signalIfHolding } from '../../lib/signal.ts';

export interface EffectsDeps extends Deps, SignalDeps {
  /** Starts the execution named by the operation; one that runs or has run already is fine. */
  readonly start: (kind: OperationKind, operationId: string) => Promise<void>;
}

/** What is done about one change. */
export const effects =
  (deps: EffectsDeps) =>
  async (change: Change): Promise<void> => {
    const { after } = change;
    if (after === null) return;
    switch (change.entity) {
      case 'Operation':
        // The record may be old: whether it is still to be started is read from the table.
        return change.before === null && change.after?.state === 'Pending'
          ? startIfPending(deps, change.after.id)
          : undefined;
      case 'Await':
        return change.after === null ? undefined : signalIfHolding(deps, change.after.operation);
      case 'Cluster':
        return change.after?.operationId !== undefined && mayEndWait(change.before, change.after)
          ? signalIfHolding(deps, change.after.operationId)
          : undefined;
      default:
        return undefined;
    }
  };

const startIfPending = async (deps: EffectsDeps, id: string): Promise<void> => {
  const operation = await deps.store.clusters.operation(id);
  if (operation?.state === 'Pending') await deps.start(operation.kind, id);
};

/** Only a change of the connection or of the drain can end a wait. */
const mayEndWait = (before: ClusterState | null, after: ClusterState): boolean =>
  conditionOf(before?.conditions ?? [], 'Connected')?.status !== conditionOf(after.conditions, 'Connected')?.status ||
  before?.drain?.doneAt !== after.drain?.doneAt;
