/** The status of a Deployment: counts, and the conditions Available, Progressing and ReplicaFailure. Pure. */
import { conditionOf, timestamp, withCondition } from '../machinery/conditions.ts';
import type { Condition, Deployment, ReplicaSet } from '../machinery/types.ts';
import { bounds } from './rollout.ts';

const sum = (sets: ReplicaSet[], of: (status: NonNullable<ReplicaSet['status']>) => number | undefined): number =>
  sets.reduce((total, set) => total + (set.status === undefined ? 0 : (of(set.status) ?? 0)), 0);

/** `newest` has the deployment's template; `sets` are all of the deployment's, `newest` included; `found` says that it existed before. */
export function deploymentStatus(
  deployment: Deployment,
  newest: ReplicaSet | undefined,
  sets: ReplicaSet[],
  found: boolean,
) {
  const replicas = deployment.spec.replicas ?? 1;
  const counts = {
    observedGeneration: deployment.metadata.generation,
    replicas: sum(sets, (status) => status.replicas),
    updatedReplicas: newest?.status?.replicas ?? 0,
    readyReplicas: sum(sets, (status) => status.readyReplicas),
    availableReplicas: sum(sets, (status) => status.availableReplicas),
  };
  let conditions = (deployment.status?.conditions ?? []) as Condition[];

  const enough = counts.availableReplicas >= replicas - bounds(deployment).unavailable;
  conditions = withCondition(
    conditions,
    enough
      ? {
          type: 'Available',
          status: 'True',
          reason: 'MinimumReplicasAvailable',
          message: 'Deployment has minimum availability.',
        }
      : {
          type: 'Available',
          status: 'False',
          reason: 'MinimumReplicasUnavailable',
          message: 'Deployment does not have minimum availability.',
        },
    true,
  );
  conditions = withCondition(conditions, progressing(deployment, newest, counts, found), true);

  const failure = sets
    .map((set) => conditionOf(set.status?.conditions as Condition[] | undefined, 'ReplicaFailure'))
    .find(Boolean);
  conditions = failure
    ? withCondition(
        conditions,
        { type: 'ReplicaFailure', status: 'True', reason: failure.reason, message: failure.message },
        true,
      )
    : conditions.filter(({ type }) => type !== 'ReplicaFailure');
  return {
    ...counts,
    unavailableReplicas: Math.max(0, Math.max(replicas, counts.replicas) - counts.availableReplicas) || null,
    conditions,
  };
}

function progressing(
  deployment: Deployment,
  newest: ReplicaSet | undefined,
  counts: { replicas: number; updatedReplicas: number; availableReplicas: number },
  found: boolean,
): Condition {
  const before = conditionOf(deployment.status?.conditions as Condition[] | undefined, 'Progressing');
  const keep = (reason: string, message: string, status = 'True'): Condition => ({
    type: 'Progressing',
    status,
    reason,
    message,
  });
  // A pause does not hide that the deadline was missed.
  const timedOut = before?.reason === 'ProgressDeadlineExceeded';
  if (deployment.spec.paused === true && !timedOut) return keep('DeploymentPaused', 'Deployment is paused', 'Unknown');
  if (newest === undefined)
    return before ?? keep('NewReplicaSetReason', 'The new replica set is not there yet', 'Unknown');
  const { name } = newest.metadata;
  const replicas = deployment.spec.replicas ?? 1;
  const complete =
    counts.updatedReplicas === replicas && counts.replicas === replicas && counts.availableReplicas === replicas;
  if (complete) return keep('NewReplicaSetAvailable', `ReplicaSet "${name}" has successfully progressed.`);
  if (!found && before?.reason !== 'DeploymentPaused')
    return keep('NewReplicaSetCreated', `Created new replica set "${name}"`);
  const old = deployment.status;
  const moved =
    before === undefined ||
    counts.updatedReplicas > (old?.updatedReplicas ?? 0) ||
    counts.availableReplicas > (old?.availableReplicas ?? 0) ||
    counts.replicas - counts.updatedReplicas < (old?.replicas ?? 0) - (old?.updatedReplicas ?? 0);
  const resumed = before?.reason === 'DeploymentPaused';
  if (resumed) return { ...keep('DeploymentResumed', 'Deployment is resumed', 'Unknown'), lastUpdateTime: timestamp() };
  const finishedOther = before?.reason === 'NewReplicaSetAvailable' && !before.message?.includes(`"${name}"`);
  // Every step starts the deadline anew.
  if (moved || finishedOther) {
    return { ...keep('ReplicaSetUpdated', `ReplicaSet "${name}" is progressing.`), lastUpdateTime: timestamp() };
  }
  // Availability that is lost after a finished rollout is no new rollout.
  if (before.reason === 'NewReplicaSetAvailable') return before;
  const since = Date.parse(before.lastUpdateTime ?? '');
  if (
    Date.now() - since > (deployment.spec.progressDeadlineSeconds ?? 600) * 1000 ||
    before.reason === 'ProgressDeadlineExceeded'
  ) {
    return keep('ProgressDeadlineExceeded', `ReplicaSet "${name}" has timed out progressing.`, 'False');
  }
  return before;
}

/** Milliseconds until the progress deadline has to be looked at, if it is running. */
export function progressDeadlineIn(deployment: Deployment, conditions: Condition[]): number | undefined {
  const condition = conditionOf(conditions, 'Progressing');
  if (condition?.status !== 'True' || condition.reason === 'NewReplicaSetAvailable') return undefined;
  const at = Date.parse(condition.lastUpdateTime ?? '') + (deployment.spec.progressDeadlineSeconds ?? 600) * 1000;
  return Math.min(Math.max(at - Date.now(), 0) + 1_000, 2 ** 31 - 1);
}
