/** Why a dev pod did not become what was asked, from what its agent last said of it (one table of reasons: core/domain/seat/reasons). */
import type { OperationError } from '#core/contract/operation.ts';
import type { ClusterState } from '#core/domain/cluster-state.ts';
import { conditionsAt } from '#core/domain/cluster-view.ts';
import { conditionOf, isTrue } from '#core/domain/conditions.ts';
import type { Lease } from '#core/domain/link.ts';
import type { OperationState } from '#core/domain/operation.ts';
import type { WorkspaceState } from '#core/domain/workspace-state.ts';
import type { Caught } from './failure.ts';

const AGAIN = 'Look at its conditions; start it again when what they name is mended.';

/** What to do, by kind of operation, where the agent said nothing better. */
const HELP: Readonly<Partial<Record<OperationState['kind'], string>>> = {
  'workspace-start': AGAIN,
  'workspace-stop': 'Stop it again; delete it if that fails again.',
  'workspace-delete':
    'It goes when its agent says so: nothing needs to be done when the cluster comes back. Forget it when it will not.',
};

const OFFLINE =
  'The agent of its cluster is not connected. It does what was asked when it is back; look at the cluster, or choose another one.';

/** `ImagePull` → `image_pull`: codes are lower case. */
const codeOf = (reason: string): string => reason.replaceAll(/(?<!^)([A-Z])/g, '_$1').toLowerCase();

export const seatFailureOf = (
  caught: Caught,
  operation: OperationState,
  workspace: WorkspaceState,
  at: { readonly cluster: ClusterState | null; readonly lease: Lease | null; readonly now: string },
): OperationError => {
  const step = operation.steps.at(-1)?.name;
  const where = step === undefined ? {} : { step };
  const help = HELP[operation.kind] ?? AGAIN;
  const connected = at.cluster !== null && isTrue(conditionsAt(at.cluster, at.lease, at.now), 'Connected');
  if (!connected)
    return { code: 'workspace.agent_offline', message: 'Its cluster did not answer in time.', help: OFFLINE, ...where };
  const ready = conditionOf(workspace.conditions, 'Ready');
  if (ready !== undefined && workspace.report !== undefined && operation.kind === 'workspace-start')
    return { code: `workspace.${codeOf(ready.reason)}`, message: ready.message, help, ...where };
  if (caught.Error === 'States.Timeout')
    return { code: 'workspace.deadline', message: 'Its agent did not say in time that it was done.', help, ...where };
  return { code: 'task.failed', message: `The step ended with ${caught.Error}.`, help, ...where };
};
