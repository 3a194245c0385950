/** The roles around EKS clusters: theirs, their nodes', ours to enter them, and people's (DESIGN §4 EKS). All stay when the stack goes. */
import { CfnDeletionPolicy, RemovalPolicy } from 'aws-cdk-lib';
import {
  CfnRole,
  type IRole,
  ManagedPolicy,
  PolicyDocument,
  PolicyStatement,
  Role,
  ServicePrincipal,
} from 'aws-cdk-lib/aws-iam';
import { Construct } from 'constructs';
import type { Grant } from '../grant.ts';
import { accept } from '../nag.ts';

/** What an Auto Mode cluster needs (EKS user guide, auto-cluster-iam-role). */
const CLUSTER_POLICIES = [
  'AmazonEKSClusterPolicy',
  'AmazonEKSComputePolicy',
  'AmazonEKSBlockStoragePolicy',
  'AmazonEKSLoadBalancingPolicy',
  'AmazonEKSNetworkingPolicy',
];
/** What an Auto Mode node needs (EKS user guide, auto-create-node-role). */
const NODE_POLICIES = ['AmazonEKSWorkerNodeMinimalPolicy', 'AmazonEC2ContainerRegistryPullOnly'];

/** What a node of a managed node group needs besides its registry: the pod network runs on the node there (EKS user guide, create-node-role). */
const MANAGED_NODE_POLICIES = [
  'AmazonEKSWorkerNodePolicy',
  'AmazonEKS_CNI_Policy',
  'AmazonEC2ContainerRegistryPullOnly',
];
/** What the add-on that makes volumes for these nodes needs (EKS user guide, ebs-csi). Its name has a path. */
const VOLUME_DRIVER_POLICIES = ['service-role/AmazonEBSCSIDriverPolicy'];

const byAws = (names: readonly string[]) => names.map((name) => ManagedPolicy.fromAwsManagedPolicyName(name));

/**
 * A role that has no rights in AWS: it is only an identity that clusters know by an access entry. A role made anew under the same
 * name is another one to EKS, so its logical id is pinned and it is kept (aws.md 16).
 */
class ClusterIdentity extends Construct {
  readonly arn: string;
  private readonly trust = new PolicyDocument();

  constructor(scope: Construct, id: string, description: string) {
    super(scope, id);
    const role = new CfnRole(this, 'Role', { description, assumeRolePolicyDocument: this.trust });
    role.overrideLogicalId(id);
    role.cfnOptions.deletionPolicy = CfnDeletionPolicy.RETAIN;
    role.cfnOptions.updateReplacePolicy = CfnDeletionPolicy.RETAIN;
    this.arn = role.attrArn;
  }

  /** Lets a function's role become it: both its trust and the right to ask are needed. */
  assumableBy(role: IRole): void {
    this.trust.addStatements(new PolicyStatement({ actions: ['sts:AssumeRole'], principals: [role.grantPrincipal] }));
  }
}

const passing = (sid: string, roles: readonly Role[], service: string): Grant => ({
  sid,
  actions: ['iam:PassRole'],
  resources: roles.map((role) => role.roleArn),
  conditions: { StringEquals: { 'iam:PassedToService': service } },
});

/** All roles that clusters are made with and entered by. */
export class EksRoles extends Construct {
  /** The cluster's own. */
  readonly clusterRole: Role;
  /** Its nodes' in Auto Mode. */
  readonly nodeRole: Role;
  /** Its nodes' in a managed node group. */
  readonly managedNodeRole: Role;
  /** Of the add-on that makes volumes for those: of its pod, by EKS Pod Identity, and of nothing else on the node. */
  readonly volumeDriverRole: Role;
  /** What tasks enter clusters as. */
  readonly access: ClusterIdentity;
  /** What people enter clusters as, by their role in the team. */
  readonly viewer: ClusterIdentity;
  readonly editor: ClusterIdentity;
  readonly admin: ClusterIdentity;

  constructor(scope: Construct, id: string) {
    super(scope, id);
    this.clusterRole = new Role(this, 'Cluster', {
      description: 'of EKS clusters that Roadstead makes',
      assumedBy: new ServicePrincipal('eks.amazonaws.com').withSessionTags(),
      managedPolicies: byAws(CLUSTER_POLICIES),
    });
    this.nodeRole = new Role(this, 'Node', {
      description: 'of nodes of EKS clusters that Roadstead makes',
      assumedBy: new ServicePrincipal('ec2.amazonaws.com'),
      managedPolicies: byAws(NODE_POLICIES),
    });
    this.managedNodeRole = new Role(this, 'ManagedNode', {
      description: 'of managed node groups of EKS clusters that Roadstead makes',
      assumedBy: new ServicePrincipal('ec2.amazonaws.com'),
      managedPolicies: byAws(MANAGED_NODE_POLICIES),
    });
    this.volumeDriverRole = new Role(this, 'VolumeDriver', {
      description: 'of what makes volumes in EKS clusters with managed node groups that Roadstead makes',
      assumedBy: new ServicePrincipal('pods.eks.amazonaws.com').withSessionTags(),
      managedPolicies: byAws(VOLUME_DRIVER_POLICIES),
    });
    for (const [role, policies] of [
      [this.clusterRole, CLUSTER_POLICIES],
      [this.nodeRole, NODE_POLICIES],
      [this.managedNodeRole, MANAGED_NODE_POLICIES],
      [this.volumeDriverRole, VOLUME_DRIVER_POLICIES],
    ] as const) {
      // Clusters outlive the stack for as long as somebody has not drained it.
      role.applyRemovalPolicy(RemovalPolicy.RETAIN);
      accept(
        role,
        Object.fromEntries(
          policies.map((name) => [
            `AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/${name}]`,
            'EKS asks for this very policy, and AWS extends it as the service grows',
          ]),
        ),
      );
    }
    this.access = new ClusterIdentity(this, 'ClusterAccess', 'what Roadstead enters clusters as');
    this.viewer = new ClusterIdentity(this, 'ClusterViewer', 'viewers of a team in its clusters');
    this.editor = new ClusterIdentity(this, 'ClusterEditor', 'members of a team in its clusters');
    this.admin = new ClusterIdentity(this, 'ClusterAdmin', 'admins and owners of a team in its clusters');
  }

  /** Handing a role to EKS, and to nobody else. */
  pass(...roles: readonly Role[]): Grant {
    return passing('PassRoles', roles, 'eks.amazonaws.com');
  }

  /** Handing a role to pods of a cluster. */
  passToPods(...roles: readonly Role[]): Grant {
    return passing('PassRolesToPods', roles, 'pods.eks.amazonaws.com');
  }
}
