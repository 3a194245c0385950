/** What the calls of the EKS endpoint work on, and the names that its resources have. */
import type { Iam } from '#local/plugin.ts';
import { ACCOUNT, AwsError, REGION } from '#local/types.ts';
import type { Fleet } from './fleet.ts';
import type { ClusterRecord, Store } from './store.ts';

/** How long things take here, milliseconds. */
export interface Delays {
  readonly createMs: number;
  readonly deleteMs: number;
  readonly nodegroupMs: number;
}

/** Records, running clusters, who may do what, and how long it takes. */
export interface Context {
  readonly store: Store;
  readonly fleet: Fleet;
  readonly iam: Iam;
  readonly delays: Delays;
}

/** `arn:aws:eks:…:KIND/REST`. */
export const eksArn = (kind: string, rest: string): string => `arn:aws:eks:${REGION}:${ACCOUNT}:${kind}/${rest}`;

/** Throws `InvalidParameterException`. */
export function invalid(message: string): never {
  throw new AwsError('InvalidParameterException', message);
}

/** The cluster of a call. Throws `ResourceNotFoundException`. */
export function clusterOf({ store }: Context, name: string): ClusterRecord {
  const found = store.clusters.get(name);
  if (!found)
    throw new AwsError('ResourceNotFoundException', `No cluster found for name: ${name}.`, 404, { clusterName: name });
  return found;
}

/** The cluster of a call that changes something in it: it must be ACTIVE. */
export function activeCluster(context: Context, name: string): ClusterRecord {
  const cluster = clusterOf(context, name);
  if (cluster.status !== 'ACTIVE')
    throw new AwsError('InvalidRequestException', `Cluster ${name} is ${cluster.status}; it must be ACTIVE`, 400, {
      clusterName: name,
    });
  return cluster;
}

/** Refuses a role that an AWS service may not assume: EKS tries it when it is given one. */
export function needTrust({ iam }: Context, roleArn: string, service: string, ...actions: string[]): void {
  for (const action of actions)
    if (!iam.trusts(roleArn, { service }, action))
      invalid(
        `The role ${roleArn} cannot be used: it must exist and its trust policy must allow ${service} to ${action}`,
      );
}
