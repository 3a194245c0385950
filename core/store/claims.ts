/** Claims as conditional writes of the transaction: each names what its failure answers (DESIGN §3). */
import { AppError, type ErrorCode } from '../contract/errors.ts';
import type { Claim } from '../domain/decision.ts';
import { type Key, keys } from './keys.ts';
import { closeStep, roomStep, rowStep, teamSeatsStep } from './seat-claims.ts';
import { Stale } from './stale.ts';
import type { Step } from './table.ts';

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
  key: Key,
  value: Readonly<Record<string, string>>,
  error: () => Error = () => new Stale(key.sk),
): Step => ({
  item: { Put: { TableName: table, Item: { ...key, ...value }, ConditionExpression: 'attribute_not_exists(pk)' } },
  onFailed: error,
});

/** Takes a pointer away, unless it points elsewhere by now. */
const release = (table: string, key: Key, attribute: string, value: string): Step => ({
  item: {
    Delete: {
      TableName: table,
      Key: { ...key },
      ConditionExpression: 'attribute_not_exists(pk) OR #holder = :holder',
      ExpressionAttributeNames: { '#holder': attribute },
      ExpressionAttributeValues: { ':holder': value },
    },
  },
  onFailed: () => new Stale(key.sk),
});

const remove = (table: string, key: Key): Step => ({
  item: { Delete: { TableName: table, Key: { ...key } } },
  onFailed: () => new Stale(key.sk),
});

const inUse = (code: ErrorCode, name: string) => () => new AppError(code, { detail: `"${name}" is in use` });

/** The writes of one claim. */
export const claimSteps = (claim: Claim, table: string): Step[] => {
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
          inUse(claim.code, claim.name),
        ),
      ];
    case 'cluster-name-release':
      return [release(table, keys.clusterName(claim.team, claim.name), 'cluster', claim.cluster)];
    case 'name':
      return [
        unique(
          table,
          keys.name(claim.of, claim.team, claim.name),
          { entity: 'Name', id: claim.id },
          inUse(claim.code, claim.name),
        ),
      ];
    case 'name-release':
      return [release(table, keys.name(claim.of, claim.team, claim.name), 'id', claim.id)];
    case 'group-revision':
      return [
        {
          item: {
            ConditionCheck: {
              TableName: table,
              Key: { ...keys.group(claim.group) },
              ConditionExpression: 'revision = :revision AND attribute_not_exists(deletedAt)',
              ExpressionAttributeValues: { ':revision': claim.revision },
            },
          },
          onFailed: () => new AppError('conflict', { detail: `the group ${claim.group} has changed meanwhile` }),
        },
      ];
    case 'mirror':
      return [unique(table, keys.mirror(claim.cluster, claim.uid), { entity: 'Mirror', id: claim.workspace })];
    case 'mirror-release':
      return [remove(table, keys.mirror(claim.cluster, claim.uid))];
    case 'capacity':
      return capacity(claim, table);
    case 'await-release':
      return [remove(table, keys.await(claim.operation))];
    case 'room':
      return [roomStep(claim, table)];
    case 'room-close':
      return [closeStep(claim, table)];
    case 'team-seats':
      return [teamSeatsStep(claim, table)];
    case 'seat-row':
      return [rowStep(claim, table)];
  }
};
