import { App, Stack } from 'aws-cdk-lib';
import { Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { describe, expect, it } from 'vitest';
import type { FunctionName } from '#functions/lib/env.ts';
import { functionNames } from '#infra/functions.ts';
import { give } from '#infra/grant.ts';
import { ofType, type Statement, statementsOf, synthesize, whoMay } from './synthesized.ts';

const { template } = synthesize();

const every = ofType(template, 'AWS::IAM::Policy').flatMap(
  ([, { Properties }]) => Properties.PolicyDocument.Statement as Statement[],
);
const actionsOf = (name: FunctionName): string[] =>
  statementsOf(template, name).flatMap(({ Action }) => [Action].flat()) as string[];

describe('rights', () => {
  it('never hold a wildcard in an action', () => {
    const actions = every.flatMap(({ Action }) => [Action].flat());
    expect(actions.length).toBeGreaterThan(100);
    expect(actions.filter((action) => action.includes('*'))).toEqual([]);
  });

  it('on everything are only those that name no resource in AWS', () => {
    const onAll = every
      .filter(({ Resource }) => [Resource].flat().includes('*'))
      .flatMap(({ Action }) => [Action].flat());
    const known = /^(ec2:Describe\w+|eks:(ListClusters|DescribeClusterVersions)|logs:\w+)$/;
    expect(onAll.filter((action) => !known.test(action))).toEqual([]);
  });

  it('use conditions that every runtime of policies knows', () => {
    const operators = every.flatMap(({ Condition = {} }) => Object.keys(Condition));
    expect(new Set(operators)).toEqual(new Set(['StringEquals', 'StringLike']));
  });

  it('come from no policy of AWS but for the roles of clusters and their nodes', () => {
    const managed = ofType(template, 'AWS::IAM::Role').filter(([, { Properties }]) => Properties.ManagedPolicyArns);
    expect(managed.map(([id]) => id.slice(0, -8)).toSorted()).toEqual([
      'EksCluster',
      'EksManagedNode',
      'EksNode',
      'EksVolumeDriver',
    ]);
  });

  it('with a wildcard and no reason are refused', () => {
    const stack = new Stack(new App(), 'Stack');
    const role = new Role(stack, 'Role', { assumedBy: new ServicePrincipal('lambda.amazonaws.com') });
    expect(() => give(role, [{ sid: 'All', actions: ['s3:GetObject'], resources: ['*'] }])).toThrow(
      'the grant All has the wildcard * and gives no reason for it',
    );
  });
});

describe('who may do what', () => {
  it.each([
    ['post to sockets', 'execute-api:ManageConnections', ['stream/push']],
    ['start workflows', 'states:StartExecution', ['stream/effects', 'schedule/sweep']],
    ['answer waiting tasks', 'states:SendTaskSuccess', ['stream/effects', 'schedule/sweep']],
    [
      'stop executions',
      'states:StopExecution',
      ['stream/effects', 'schedule/sweep', 'tasks/cluster-delete/stop-older'],
    ],
    ['make users', 'cognito-idp:AdminCreateUser', ['http/auth']],
    [
      'open sealed secrets',
      'kms:Decrypt',
      ['http/me', 'http/clusters', 'http/seat-access', 'http/seat-agent', 'http/access', 'http/tokens'],
    ],
    ['make clusters', 'eks:CreateCluster', ['tasks/cluster-create/ensure-cluster']],
    ['pass roles', 'iam:PassRole', ['tasks/cluster-create/ensure-cluster', 'tasks/cluster-create/ensure-compute']],
    [
      'enter clusters',
      'sts:AssumeRole',
      ['http/access', 'tasks/cluster-create/ensure-compute', 'tasks/cluster-create/install-agent'],
    ],
    ['delete what AWS left', 'ec2:DeleteVolume', ['schedule/sweep', 'tasks/cluster-delete/sweep-leftovers']],
    ['read the stream', 'dynamodb:GetRecords', ['stream/push', 'stream/effects']],
  ] as const)('only some functions %s', (_, action, functions) => {
    expect(whoMay(template, action)).toEqual(functions);
  });

  it('is nothing at all for the function that answers without a principal', () => {
    expect(actionsOf('http/system').toSorted()).toEqual(['logs:CreateLogStream', 'logs:PutLogEvents']);
  });

  it('hands roles to EKS, one to pods of its clusters, and to nobody else', () => {
    const passes = every.filter(({ Action }) => [Action].flat().includes('iam:PassRole'));
    expect(passes.map(({ Sid, Condition }) => [Sid, Condition])).toEqual([
      ['PassRoles', { StringEquals: { 'iam:PassedToService': 'eks.amazonaws.com' } }],
      ['PassRoles', { StringEquals: { 'iam:PassedToService': 'eks.amazonaws.com' } }],
      ['PassRolesToPods', { StringEquals: { 'iam:PassedToService': 'pods.eks.amazonaws.com' } }],
    ]);
  });

  it('makes no role but the two of EKS itself, by their names', () => {
    const makes = every.filter(({ Action }) => [Action].flat().includes('iam:CreateServiceLinkedRole'));
    expect(makes.map(({ Resource }) => /aws-service-role[^"]+/.exec(JSON.stringify(Resource))?.[0])).toEqual([
      'aws-service-role/eks.amazonaws.com/AWSServiceRoleForAmazonEKS',
      'aws-service-role/eks-nodegroup.amazonaws.com/AWSServiceRoleForAmazonEKSNodegroup',
    ]);
  });

  it('changes clusters of our own name only, and deletes only what AWS marked with one', () => {
    const eks = every.filter(({ Action }) =>
      [Action].flat().some((action) => /^eks:(Create|Delete|Tag|Associate)/.test(action)),
    );
    expect(eks.length).toBeGreaterThan(3);
    for (const { Resource } of eks) expect(JSON.stringify(Resource)).toMatch(/(cluster|nodegroup|access-entry)\/rs-\*/);
    const deletes = every.filter(({ Action }) => [Action].flat().includes('ec2:DeleteVolume'));
    expect(deletes).toHaveLength(2);
    for (const { Condition } of deletes)
      expect(Condition).toEqual({ StringLike: { 'aws:ResourceTag/eks:eks-cluster-name': 'rs-*' } });
  });

  it('writes only the log group of the function itself', () => {
    for (const name of functionNames) {
      const logs = statementsOf(template, name).filter(({ Action }) => [Action].flat().includes('logs:PutLogEvents'));
      expect(logs.map(({ Resource }) => Resource)).toEqual([
        { 'Fn::GetAtt': [expect.stringMatching(/Log[0-9A-F]{8}$/), 'Arn'] },
      ]);
    }
  });
});

describe('roles of clusters', () => {
  const trustOf = (id: string): Statement[] => template.Resources[id]?.Properties.AssumeRolePolicyDocument.Statement;

  it('have pinned names in the template, since EKS knows a role by more than its name', () => {
    for (const id of ['ClusterAccess', 'ClusterViewer', 'ClusterEditor', 'ClusterAdmin'])
      expect(template.Resources[id]).toMatchObject({ Type: 'AWS::IAM::Role', DeletionPolicy: 'Retain' });
  });

  it('are assumed by the functions that need them and by nobody else', () => {
    expect(
      JSON.stringify(trustOf('ClusterAccess'))
        .match(/[A-Z]\w+Role[0-9A-F]{8}/g)
        ?.map((id) => id.slice(0, -12)),
    ).toEqual(['ClusterCreateEnsureCompute', 'ClusterCreateInstallAgent']);
    for (const id of ['ClusterViewer', 'ClusterEditor', 'ClusterAdmin'])
      expect(
        JSON.stringify(trustOf(id))
          .match(/[A-Z]\w+Role[0-9A-F]{8}/g)
          ?.map((each) => each.slice(0, -12)),
      ).toEqual(['HttpAccess']);
  });

  it('let an Auto Mode cluster have its five policies and tag its sessions', () => {
    const [[, cluster] = []] = ofType(template, 'AWS::IAM::Role').filter(([id]) => id.startsWith('EksCluster'));
    expect(cluster?.Properties.ManagedPolicyArns).toHaveLength(5);
    expect(cluster?.Properties.AssumeRolePolicyDocument.Statement[0].Action).toEqual([
      'sts:AssumeRole',
      'sts:TagSession',
    ]);
  });
});
