/** The first decision on a cluster: its name and its share of the quotas are claimed with it. */
import type { Context } from './clock.ts';
import type { ClusterCommand, ClusterDecision } from './cluster-command.ts';
import { vcpuTaken } from './cluster-origin.ts';
import type { ClusterState } from './cluster-state.ts';
import { withCondition } from './conditions.ts';
import { clusterDeadline, newOperation } from './operation.ts';

/** Decides `create`. Pure. */
export const createCluster = (
  command: Extract<ClusterCommand, { type: 'create' }>,
  context: Context,
): ClusterDecision => {
  const { now, newId } = context;
  const id = newId('clu');
  const operation = newOperation(
    {
      kind: 'cluster-create',
      resource: { type: 'cluster', id },
      team: command.team,
      actor: command.actor,
      ...clusterDeadline('cluster-create', command.timings),
    },
    context,
  );
  const { spec } = command;
  const next: ClusterState = {
    entity: 'Cluster',
    id,
    version: 1,
    revision: 1,
    name: spec.name,
    team: command.team,
    provider: spec.provider,
    kubernetesVersion: spec.kubernetesVersion,
    workers: spec.workers,
    options: spec.options,
    labels: spec.labels,
    takesWorkspaces: spec.takesWorkspaces,
    isolation: spec.isolation,
    ttlSeconds: spec.ttlSeconds,
    phase: 'Pending',
    conditions: withCondition(
      [],
      { type: 'Ready', status: 'False', reason: 'Pending', message: 'Waiting for its workflow.' },
      now,
    ),
    createdAt: now,
    createdBy: command.account,
    updatedAt: now,
    operationId: operation.id,
  };
  return {
    next,
    operation,
    writes: [
      { before: null, next },
      { before: null, next: operation },
    ],
    claims: [
      { claim: 'cluster-name', team: command.team, name: spec.name, cluster: id, code: 'cluster.name_taken' },
      { claim: 'capacity', team: command.team, clusters: 1, vcpu: vcpuTaken(next), limits: command.limits },
    ],
    audit: [
      {
        team: command.team,
        actor: command.actor,
        action: 'cluster.create',
        resource: id,
        detail: { name: spec.name, operation: operation.id },
      },
    ],
  };
};
