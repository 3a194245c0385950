/** Nodes of an EKS cluster: a NodePool in Auto Mode, or one managed node group (DESIGN §4 EKS). */
import { CreateAddonCommand, CreateNodegroupCommand, DescribeNodegroupCommand } from '@aws-sdk/client-eks';
import { SIZES } from '#core/contract/sizes.ts';
import type { ClusterState } from '#core/domain/cluster-state.ts';
import { infrastructureName } from '#core/domain/names.ts';
import { Permanent } from '../../../lib/task-error.ts';
import type { KubernetesAccess, Progress, Provider } from '../provider.ts';
import { nodePool, policyController, storageClass } from './objects.ts';
import { CLUSTER_TAG, DEPLOYMENT_TAG, type EksParts, isNamed, needed } from './parts.ts';

const NODE_GROUP = 'roadstead';
/** What nodes of a group do not bring: volumes are made by the first, network policies hold by the second (they are accepted and ignored without it). */
const ADDONS = [
  { addonName: 'aws-ebs-csi-driver' },
  {
    addonName: 'vpc-cni',
    configurationValues: JSON.stringify({ enableNetworkPolicy: 'true' }),
    // It is there already, unmanaged: the add-on takes it over.
    resolveConflicts: 'OVERWRITE',
  },
] as const;

const unlessThere = async (send: Promise<unknown>): Promise<void> => {
  try {
    await send;
  } catch (error) {
    if (!isNamed(error, 'ResourceInUseException')) throw error;
  }
};

const ensureNodeGroup = async ({ eks, settings }: EksParts, cluster: ClusterState): Promise<void> => {
  const clusterName = infrastructureName(cluster.id);
  const { count, size } = cluster.workers;
  await unlessThere(
    eks.send(
      new CreateNodegroupCommand({
        clusterName,
        nodegroupName: NODE_GROUP,
        clientRequestToken: cluster.id,
        nodeRole: needed(settings, 'managedNodeRoleArn'),
        subnets: [...needed(settings, 'subnetIds')],
        instanceTypes: [SIZES[size].instanceType],
        amiType: 'AL2023_x86_64_STANDARD',
        capacityType: 'ON_DEMAND',
        scalingConfig: { minSize: count, maxSize: count, desiredSize: count },
        tags: { [DEPLOYMENT_TAG]: settings.deploymentId, [CLUSTER_TAG]: cluster.id },
      }),
    ),
  );
  for (const addon of ADDONS)
    await unlessThere(
      eks.send(
        new CreateAddonCommand({ clusterName, ...addon, clientRequestToken: `${cluster.id}-${addon.addonName}` }),
      ),
    );
};

const observeNodeGroup = async ({ eks }: EksParts, cluster: ClusterState): Promise<Progress> => {
  const { nodegroup } = await eks.send(
    new DescribeNodegroupCommand({ clusterName: infrastructureName(cluster.id), nodegroupName: NODE_GROUP }),
  );
  if (nodegroup?.status === 'CREATE_FAILED' || nodegroup?.status === 'DEGRADED') {
    const why = (nodegroup.health?.issues ?? []).map((issue) => `${issue.code}: ${issue.message}`).join('; ');
    throw new Permanent('provider.failed', `EKS could not make the node group: ${why || 'it gives no reason'}`);
  }
  return nodegroup?.status === 'ACTIVE' || nodegroup?.status === 'UPDATING' ? 'active' : 'going';
};

export const computeOf = (
  parts: EksParts,
  access: (cluster: ClusterState) => Promise<KubernetesAccess>,
): Pick<Provider, 'ensureCompute' | 'observeCompute'> => ({
  ensureCompute: async (cluster, connect) => {
    if (cluster.options.compute === 'managed') await ensureNodeGroup(parts, cluster);
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
