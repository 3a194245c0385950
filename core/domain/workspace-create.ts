/** The first decision on a dev pod: its name, its room on the cluster and its share of the quotas are claimed with it. */
import type { Context } from './clock.ts';
import { withCondition } from './conditions.ts';
import { write } from './decision.ts';
import { moves, rowOf } from './workspace-claims.ts';
import type { WorkspaceCommand, WorkspaceDecision } from './workspace-command.ts';
import { seatOperation } from './workspace-operation.ts';
import type { WorkspaceState } from './workspace-state.ts';

/** Decides `create`. Pure. */
export const createWorkspace = (
  command: Extract<WorkspaceCommand, { type: 'create' }>,
  context: Context,
): WorkspaceDecision => {
  const { now, newId } = context;
  const id = newId('wsp');
  const { team, actor, name, cluster, timings, limits, capacity } = command;
  const operation =
    command.spec.runState === 'Running'
      ? seatOperation({ kind: 'workspace-start', workspace: id, team, actor, timings }, context)
      : null;
  const next: WorkspaceState = {
    entity: 'Workspace',
    id,
    version: 1,
    revision: 1,
    name,
    team,
    cluster,
    spec: { ...command.spec, origin: 'ControlPlane', id, revision: 1 },
    labels: command.labels,
    secretChoice: command.secretChoice,
    phase: 'Pending',
    phaseRevision: 1,
    conditions: withCondition(
      [],
      { type: 'Ready', status: 'False', reason: 'Pending', message: 'Waiting for the agent of its cluster.' },
      now,
    ),
    createdAt: now,
    createdBy: command.account,
    updatedAt: now,
    ranSeconds: 0,
    ...(operation === null ? {} : { operationId: operation.id }),
  };
  return {
    next,
    operation,
    writes: [write(null, next), ...(operation === null ? [] : [write(null, operation)])],
    claims: [
      { claim: 'name', of: 'workspace', team, name, id, code: 'workspace.name_taken' },
      ...moves(null, next, { capacity, limits }),
      ...rowOf(next),
    ],
    audit: [
      {
        team,
        actor,
        action: 'workspace.create',
        resource: id,
        detail: {
          name,
          cluster,
          owner: next.spec.owner,
          ...(operation === null ? {} : { operation: operation.id }),
        },
      },
    ],
  };
};
