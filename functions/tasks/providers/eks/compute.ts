/** Nodes of an EKS cluster: a NodePool in Auto Mode, or one managed node group (DESIGN §4 EKS). */
import {
  CreateAddonCommand,
  type CreateAddonCommandInput,
  CreateNodegroupCommand,
  DeleteNodegroupCommand,
  DescribeNodegroupCommand,
  type Nodegroup,
} from '@aws-sdk/client-eks';
import { SIZES } from '#core/contract/sizes.ts';
import type { ClusterState } from '#core/domain/cluster-state.ts';
import { infrastructureName } from '#core/domain/names.ts';
import { Permanent } from '../../../lib/task-error.ts';
import type { KubernetesAccess, Progress, Provider } from '../provider.ts';
import { nodePool, policyController, storageClass } from './objects.ts';
import { CLUSTER_TAG, DEPLOYMENT_TAG, type EksParts, isNamed, needed, OPERATION_TAG } from './parts.ts';

const NODE_GROUP = 'roadstead';

/** What nodes of a group do not bring, in the order that it is needed: volumes are made by the second, network policies hold by the third (they are accepted and ignored without it). */
const addons = ({ settings }: EksParts): readonly Omit<CreateAddonCommandInput, 'clusterName'>[] => [
  // Hands pods credentials of their own: those of the node are one hop too far for them (AL2023, no launch template).
  { addonName: 'eks-pod-identity-agent' },
  {
    addonName: 'aws-ebs-csi-driver',
    podIdentityAssociations: [
      { serviceAccount: 'ebs-csi-controller-sa', roleArn: needed(settings, 'volumeDriverRoleArn') },
    ],
  },
  {
    addonName: 'vpc-cni',
    configurationValues: JSON.stringify({ enableNetworkPolicy: 'true' }),
    // It is there already, unmanaged: the add-on takes it over.
    resolveConflicts: 'OVERWRITE',
  },
];

/** What is asked for is there already, or is under way. */
const unlessThere = async (send: Promise<unknown>): Promise<void> => {
  try {
    await send;
  } catch (error) {
    if (!isNamed(error, 'ResourceInUseException')) throw error;
  }
};

const lookUpGroup = async ({ eks }: EksParts, cluster: ClusterState): Promise<Nodegroup | null> => {
  try {
    const named = { clusterName: infrastructureName(cluster.id), nodegroupName: NODE_GROUP };
    return (await eks.send(new DescribeNodegroupCommand(named))).nodegroup ?? null;
  } catch (error) {
    if (isNamed(error, 'ResourceNotFoundException')) return null;
    throw error;
  }
};

/** What came of it; `stale`: it failed for an operation before this one, and is to be made anew. */
const progressOf = (found: Nodegroup, cluster: ClusterState): Progress | 'failed' | 'stale' => {
  switch (found.status) {
    case 'ACTIVE':
    case 'UPDATING':
      return 'active';
    case 'CREATE_FAILED':
    case 'DEGRADED':
    case 'DELETE_FAILED':
      return found.tags?.[OPERATION_TAG] === cluster.operationId ? 'failed' : 'stale';
    default:
      return 'going';
  }
};

/** Asks for the node group, or for the end of the one that failed: as with a cluster, the name alone makes it one. */
const ensureNodeGroup = async (parts: EksParts, cluster: ClusterState): Promise<void> => {
  const { eks, settings } = parts;
  const named = { clusterName: infrastructureName(cluster.id), nodegroupName: NODE_GROUP };
  const { count, size } = cluster.workers;
  const found = await lookUpGroup(parts, cluster);
  if (found !== null) {
    if (progressOf(found, cluster) === 'stale') await unlessThere(eks.send(new DeleteNodegroupCommand(named)));
    return;
  }
  await unlessThere(
    eks.send(
      new CreateNodegroupCommand({
        ...named,
        nodeRole: needed(settings, 'managedNodeRoleArn'),
        subnets: [...needed(settings, 'subnetIds')],
        instanceTypes: [SIZES[size].instanceType],
        amiType: 'AL2023_x86_64_STANDARD',
        capacityType: 'ON_DEMAND',
        scalingConfig: { minSize: count, maxSize: count, desiredSize: count },
        tags: {
          [DEPLOYMENT_TAG]: settings.deploymentId,
          [CLUSTER_TAG]: cluster.id,
          // By it a retry knows a failure that is not its own.
          [OPERATION_TAG]: cluster.operationId ?? '',
        },
      }),
    ),
  );
};

const ensureAddons = async (parts: EksParts, cluster: ClusterState): Promise<void> => {
  const clusterName = infrastructureName(cluster.id);
  for (const addon of addons(parts))
    await unlessThere(parts.eks.send(new CreateAddonCommand({ clusterName, ...addon })));
};

const observeNodeGroup = async (parts: EksParts, cluster: ClusterState): Promise<Progress> => {
  const found = await lookUpGroup(parts, cluster);
  if (found === null) return 'absent';
  const progress = progressOf(found, cluster);
  if (progress === 'stale') return 'going';
  if (progress !== 'failed') return progress;
  const why = (found.health?.issues ?? []).map((issue) => `${issue.code}: ${issue.message}`).join('; ');
  throw new Permanent('provider.failed', `EKS could not make the node group: ${why || 'it gives no reason'}`);
};

export const computeOf = (
  parts: EksParts,
  access: (cluster: ClusterState) => Promise<KubernetesAccess>,
): Pick<Provider, 'ensureCompute' | 'observeCompute'> => ({
  ensureCompute: async (cluster, connect) => {
    if (cluster.options.compute === 'managed') {
      await ensureNodeGroup(parts, cluster);
      await ensureAddons(parts, cluster);
    }
    const kubernetes = connect(await access(cluster));
    if (cluster.options.compute === 'auto') {
      await kubernetes.apply(nodePool(cluster));
      await kubernetes.apply(policyController);
    }
    await kubernetes.apply(storageClass(cluster));
  },
  // Auto Mode makes nodes when a pod needs one: the pool is all there is to wait for.
  observeCompute: async (cluster) => (cluster.options.compute === 'auto' ? 'active' : observeNodeGroup(parts, cluster)),
});
