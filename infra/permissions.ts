/** What each function may do: exactly the calls that it makes, and what those depend on (DESIGN §4, aws.md 28). */
import { Aws } from 'aws-cdk-lib';
import type { FunctionName } from '#functions/lib/env.ts';
import type { ControlTable } from './constructs/control-table.ts';
import type { EksRoles } from './constructs/eks-roles.ts';
import type { FailureBucket } from './constructs/failure-bucket.ts';
import type { People } from './constructs/people.ts';
import type { SealingKey } from './constructs/sealing-key.ts';
import type { SocketApi } from './constructs/socket-api.ts';
import type { Grant } from './grant.ts';

export interface Resources {
  readonly table: ControlTable;
  readonly people: People;
  readonly key: SealingKey;
  readonly roles: EksRoles;
  readonly socket: SocketApi;
  readonly failures: FailureBucket;
  readonly stateMachineArns: readonly string[];
  /** Patterns of their executions. */
  readonly executionArns: readonly string[];
}

type More = Pick<Grant, 'wildcard' | 'conditions'>;
const allow = (sid: string, actions: readonly string[], resources: readonly string[], more: More = {}): Grant => ({
  sid,
  actions,
  resources,
  ...more,
});

const eksArn = (resource: string): string => `arn:${Aws.PARTITION}:eks:${Aws.REGION}:${Aws.ACCOUNT_ID}:${resource}`;
/** Clusters of ours: their names are derived from ids and begin with this (DESIGN §7). */
const CLUSTERS = eksArn('cluster/rs-*');
const NODE_GROUPS = eksArn('nodegroup/rs-*/*/*');
const ACCESS_ENTRIES = eksArn('access-entry/rs-*/*');

const eks = (sid: string, actions: readonly string[], resource: string): Grant =>
  allow(
    sid,
    actions.map((action) => `eks:${action}`),
    [resource],
    {
      wildcard:
        resource === '*'
          ? 'EKS knows no resource for these calls, which only read'
          : 'clusters are made at run time; the prefix is in the name of every one of ours and of nothing else',
    },
  );

/** EKS makes a role of its own in an account that never had a cluster, with the rights of whoever asks for the first. */
const serviceRole = (service: string, role: string): Grant =>
  allow(
    'MakeServiceRole',
    ['iam:CreateServiceLinkedRole'],
    [`arn:${Aws.PARTITION}:iam::${Aws.ACCOUNT_ID}:role/aws-service-role/${service}/${role}`],
  );

/** EKS checks what it is given with the rights of whoever asks: these are what the CDK's own cluster construct grants for it. */
const checkedByEks = (roleArns: readonly string[]): Grant[] => [
  allow('CheckRoles', ['iam:GetRole', 'iam:ListAttachedRolePolicies'], roleArns),
  allow(
    'CheckNetwork',
    ['Instances', 'NetworkInterfaces', 'SecurityGroups', 'Subnets', 'RouteTables', 'DhcpOptions', 'Vpcs'].map(
      (kind) => `ec2:Describe${kind}`,
    ),
    ['*'],
    { wildcard: 'EC2 knows no resource for these calls, which only read' },
  ),
];

/** What AWS leaves behind of a cluster and marks with its name (aws.md 15). */
const LEFTOVERS = {
  Volume: 'volume',
  Snapshot: 'snapshot',
  SecurityGroup: 'security-group',
  NetworkInterface: 'network-interface',
};
const leftovers = (): Grant[] => [
  allow(
    'FindLeftovers',
    Object.keys(LEFTOVERS).map((kind) => `ec2:Describe${kind}s`),
    ['*'],
    { wildcard: 'EC2 knows no resource for these calls, which only read' },
  ),
  allow(
    'DeleteLeftovers',
    Object.keys(LEFTOVERS).map((kind) => `ec2:Delete${kind}`),
    Object.values(LEFTOVERS).map((kind) => `arn:${Aws.PARTITION}:ec2:${Aws.REGION}:*:${kind}/*`),
    {
      wildcard: 'AWS made them and chose their ids; the condition asks for its mark with the name of a cluster of ours',
      conditions: { StringLike: { 'aws:ResourceTag/eks:eks-cluster-name': 'rs-*' } },
    },
  ),
];

/** The rights of one function, besides its own log. */
export const permissionsOf = (name: FunctionName, to: Resources): Grant[] => {
  const read = to.table.read();
  const both = [read, to.table.write()];
  const assume = (...roles: readonly ('access' | 'viewer' | 'editor' | 'admin')[]) =>
    allow(
      'EnterClusters',
      ['sts:AssumeRole'],
      roles.map((role) => to.roles[role].arn),
    );
  const byOperation = { wildcard: 'an execution has the name of its operation, which is made at run time' };
  const lookAtExecutions = allow('LookAtExecutions', ['states:DescribeExecution'], to.executionArns, byOperation);
  const workflows = allow(
    'Workflows',
    ['states:StartExecution', 'states:SendTaskSuccess', 'states:SendTaskFailure'],
    to.stateMachineArns,
  );
  const stopExecutions = allow('StopExecutions', ['states:StopExecution'], to.executionArns, byOperation);

  switch (name) {
    case 'http/system':
      return [];
    case 'http/auth':
      return [...both, to.people.administer()];
    case 'http/me':
    case 'http/tokens':
      return [...both, to.key.seal()];
    case 'http/access':
      return [...both, to.key.seal(), assume('viewer', 'editor', 'admin')];
    case 'http/operations':
      return [read];
    case 'http/secrets':
      return [...both, to.key.sealOnly()];
    case 'http/clusters':
    case 'http/seat-access':
    case 'http/seat-agent':
      return [...both, to.key.seal()];
    case 'http/workspaces':
    case 'http/groups':
    case 'http/templates':
    case 'socket/handler':
      return both;
    case 'stream/push':
      return [...both, to.table.readStream(), to.socket.manageConnections()];
    case 'stream/effects':
      return [...both, to.table.readStream(), ...to.failures.deliver(), workflows, stopExecutions];
    case 'schedule/sweep':
      return [
        ...both,
        workflows,
        lookAtExecutions,
        stopExecutions,
        eks('FindClusters', ['ListClusters', 'DescribeClusterVersions'], '*'),
        eks('RemoveOrphans', ['DescribeCluster', 'DeleteCluster', 'ListNodegroups'], CLUSTERS),
        eks('RemoveOrphanNodes', ['DeleteNodegroup'], NODE_GROUPS),
        ...leftovers(),
      ];
    case 'tasks/cluster-create/ensure-cluster':
      return [
        ...both,
        eks('MakeCluster', ['CreateCluster', 'DescribeCluster', 'DeleteCluster', 'TagResource'], CLUSTERS),
        to.roles.pass(to.roles.clusterRole, to.roles.nodeRole),
        ...checkedByEks([to.roles.clusterRole.roleArn, to.roles.nodeRole.roleArn]),
        serviceRole('eks.amazonaws.com', 'AWSServiceRoleForAmazonEKS'),
      ];
    case 'tasks/cluster-create/observe-cluster':
    case 'tasks/cluster-delete/observe-deleted':
      return [...both, eks('LookAtCluster', ['DescribeCluster'], CLUSTERS)];
    case 'tasks/cluster-create/grant-access':
      return [
        ...both,
        eks('GrantAccess', ['CreateAccessEntry'], CLUSTERS),
        eks('GrantRights', ['AssociateAccessPolicy'], ACCESS_ENTRIES),
      ];
    case 'tasks/cluster-create/ensure-compute':
      return [
        ...both,
        assume('access'),
        eks(
          'MakeNodes',
          ['DescribeCluster', 'CreateNodegroup', 'CreateAddon', 'CreatePodIdentityAssociation'],
          CLUSTERS,
        ),
        eks('ReplaceNodes', ['DescribeNodegroup', 'DeleteNodegroup', 'TagResource'], NODE_GROUPS),
        to.roles.pass(to.roles.managedNodeRole),
        to.roles.passToPods(to.roles.volumeDriverRole),
        ...checkedByEks([to.roles.managedNodeRole.roleArn, to.roles.volumeDriverRole.roleArn]),
        serviceRole('eks-nodegroup.amazonaws.com', 'AWSServiceRoleForAmazonEKSNodegroup'),
      ];
    case 'tasks/cluster-create/install-agent':
      return [...both, assume('access'), eks('LookAtCluster', ['DescribeCluster'], CLUSTERS)];
    case 'tasks/cluster-delete/stop-older':
      return [...both, stopExecutions, lookAtExecutions];
    case 'tasks/cluster-delete/delete-cluster':
      return [
        ...both,
        eks('RemoveCluster', ['DescribeCluster', 'DeleteCluster', 'ListNodegroups'], CLUSTERS),
        eks('RemoveNodes', ['DeleteNodegroup'], NODE_GROUPS),
      ];
    case 'tasks/cluster-delete/sweep-leftovers':
      return [...both, ...leftovers()];
    case 'tasks/cluster-create/await-agent':
    case 'tasks/cluster-create/record-success':
    case 'tasks/cluster-delete/drain':
    case 'tasks/cluster-delete/record-success':
    case 'tasks/seat/await':
    case 'tasks/seat/record-success':
    case 'tasks/record-failure':
      return both;
  }
};
