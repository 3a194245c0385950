/** A decision becomes one transaction: its writes under their versions, its claims, its audit lines, and the idempotency marker (DESIGN §2). */
import { AppError } from '../contract/errors.ts';
import type { Claim, Decision, Write } from '../domain/decision.ts';
import { auditItem, toItem } from './items.ts';
import { keys } from './keys.ts';
import type { Step, Table } from './table.ts';

/** Thrown when an item is no longer the one that was decided on: load, decide and commit again. */
export class Stale extends AppError {
  constructor(what: string) {
    super('conflict', { detail: `${what} has changed meanwhile` });
  }
}

export interface CommitContext {
  readonly now: string;
  readonly newId: (prefix: string) => string;
}

const writeStep = (table: string, { before, next }: Write): Step => ({
  item: {
    Put: {
      TableName: table,
      Item: toItem(next),
      ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
      ...(before === null
        ? { ConditionExpression: 'attribute_not_exists(pk)' }
        : {
            ConditionExpression: '#version = :version',
            ExpressionAttributeNames: { '#version': 'version' },
            ExpressionAttributeValues: { ':version': before.version },
          }),
    },
  },
  onFailed: () => new Stale(`${next.entity} ${next.id}`),
});

const capacity = (claim: Extract<Claim, { claim: 'capacity' }>, table: string): Step[] => {
  const { clusters, vcpu, limits } = claim;
  const taking = clusters > 0;
  const number = (value: unknown): number => (typeof value === 'number' ? value : 0);
  return [
    {
      item: {
        Update: {
          TableName: table,
          Key: keys.teamQuota(claim.team),
          UpdateExpression: 'ADD clusterCount :one SET entity = :entity',
          ExpressionAttributeValues: {
            ':one': clusters,
            ':entity': 'Quota',
            ...(taking ? { ':limit': limits.teamClusters, ':none': 0 } : {}),
          },
          ...(taking
            ? {
                ConditionExpression: ':limit > :none AND (attribute_not_exists(clusterCount) OR clusterCount < :limit)',
              }
            : {}),
        },
      },
      onFailed: () =>
        new AppError('quota.team_clusters', { detail: `the team may have ${limits.teamClusters} clusters` }),
    },
    {
      item: {
        Update: {
          TableName: table,
          Key: keys.deploymentQuota(),
          UpdateExpression: 'ADD clusterCount :one, vcpuCount :vcpu SET entity = :entity',
          ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
          ExpressionAttributeValues: {
            ':one': clusters,
            ':vcpu': vcpu,
            ':entity': 'Quota',
            ...(taking
              ? {
                  ':limit': limits.deploymentClusters,
                  ':room': limits.deploymentVcpu - vcpu,
                  ':none': 0,
                  ':true': true,
                }
              : {}),
          },
          ...(taking
            ? {
                ConditionExpression:
                  ':limit > :none AND :room >= :none AND (attribute_not_exists(clusterCount) OR clusterCount < :limit) AND (attribute_not_exists(vcpuCount) OR vcpuCount <= :room) AND (attribute_not_exists(createsStopped) OR createsStopped <> :true)',
              }
            : {}),
        },
      },
      onFailed: (standing) => {
        if (standing?.createsStopped === true) return new AppError('deployment.creates_stopped');
        if (number(standing?.clusterCount) >= limits.deploymentClusters)
          return new AppError('quota.deployment_clusters', {
            detail: `the deployment may have ${limits.deploymentClusters} clusters`,
          });
        return new AppError('quota.deployment_vcpu', {
          detail: `asked for ${vcpu} vCPUs; ${Math.max(0, limits.deploymentVcpu - number(standing?.vcpuCount))} of ${limits.deploymentVcpu} are free`,
        });
      },
    },
  ];
};

const unique = (
  table: string,
  key: { pk: string; sk: string },
  value: Record<string, string>,
  error: () => Error,
): Step => ({
  item: { Put: { TableName: table, Item: { ...key, ...value }, ConditionExpression: 'attribute_not_exists(pk)' } },
  onFailed: error,
});

const claimSteps = (claim: Claim, table: string): Step[] => {
  switch (claim.claim) {
    case 'email':
      return [
        unique(
          table,
          keys.email(claim.email),
          { entity: 'Email', account: claim.account },
          () => new AppError(claim.code),
        ),
      ];
    case 'cluster-name':
      return [
        unique(
          table,
          keys.clusterName(claim.team, claim.name),
          { entity: 'ClusterName', cluster: claim.cluster },
          () => new AppError(claim.code, { detail: `"${claim.name}" is in use` }),
        ),
      ];
    case 'cluster-name-release':
      return [
        {
          item: {
            Delete: {
              TableName: table,
              Key: keys.clusterName(claim.team, claim.name),
              ConditionExpression: 'attribute_not_exists(pk) OR #cluster = :cluster',
              ExpressionAttributeNames: { '#cluster': 'cluster' },
              ExpressionAttributeValues: { ':cluster': claim.cluster },
            },
          },
          onFailed: () => new Stale(`the name ${claim.name}`),
        },
      ];
    case 'capacity':
      return capacity(claim, table);
    case 'await-release':
      return [
        {
          item: { Delete: { TableName: table, Key: keys.await(claim.operation) } },
          onFailed: () => new Stale('the awaited condition'),
        },
      ];
  }
};

/** Commits a decision. Throws Stale, or the code of the claim that failed, or `retry`; then nothing was written. */
export const commitDecision = async (
  table: Table,
  decision: Decision,
  { now, newId }: CommitContext,
  also: readonly Step[] = [],
): Promise<void> => {
  if ([decision.writes, decision.claims, decision.audit, also].every((part) => part.length === 0)) return;
  await table.transact([
    ...also,
    ...decision.claims.flatMap((claim) => claimSteps(claim, table.name)),
    ...decision.writes.map((write) => writeStep(table.name, write)),
    ...decision.audit.map(
      (entry): Step => ({
        item: { Put: { TableName: table.name, Item: auditItem(entry, now, newId('aud')) } },
        onFailed: () => new Stale('the audit log'),
      }),
    ),
  ]);
};

/** Loads, decides and commits until nobody was faster, at most `tries` times. */
export const untilFresh = async <T>(attempt: () => Promise<T>, tries = 8): Promise<T> => {
  for (let n = 1; ; n += 1) {
    try {
      return await attempt();
    } catch (error) {
      if (!(error instanceof Stale) || n === tries) throw error;
    }
  }
};
