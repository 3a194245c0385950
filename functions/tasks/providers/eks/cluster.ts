/** The EKS cluster itself: asked for once, looked at until it is active (DESIGN §4 EKS; aws.md 12, 22, 23). */
import {
  type Cluster,
  CreateClusterCommand,
  type CreateClusterCommandInput,
  DeleteClusterCommand,
} from '@aws-sdk/client-eks';
import type { ClusterState } from '#core/domain/cluster-state.ts';
import { infrastructureName } from '#core/domain/names.ts';
import { Permanent } from '../../../lib/task-error.ts';
import type { Progress, Provider } from '../provider.ts';
import { CLUSTER_TAG, DEPLOYMENT_TAG, type EksParts, isNamed, lookUp, needed } from './parts.ts';

/** The whole CreateCluster call. The name alone makes it one: by a token of ours EKS would go on answering the cluster that it failed to make. */
const createInput = ({ settings }: EksParts, cluster: ClusterState): CreateClusterCommandInput => ({
  name: infrastructureName(cluster.id),
  version: cluster.kubernetesVersion,
  roleArn: needed(settings, 'clusterRoleArn'),
  resourcesVpcConfig: {
    subnetIds: [...needed(settings, 'subnetIds')],
    // Public, since functions outside of a VPC have no address to narrow it to; private for the nodes.
    endpointPublicAccess: true,
    endpointPrivateAccess: true,
  },
  accessConfig: { authenticationMode: 'API', bootstrapClusterCreatorAdminPermissions: false },
  // EXTENDED, the default, costs six times as much once a version is old.
  upgradePolicy: { supportType: 'STANDARD' },
  tags: { [DEPLOYMENT_TAG]: settings.deploymentId, [CLUSTER_TAG]: cluster.id },
  ...(cluster.options.compute === 'auto'
    ? {
        // Auto Mode: all three together, or EKS refuses.
        computeConfig: { enabled: true, nodePools: ['system'], nodeRoleArn: needed(settings, 'nodeRoleArn') },
        kubernetesNetworkConfig: { elasticLoadBalancing: { enabled: true } },
        storageConfig: { blockStorage: { enabled: true } },
        bootstrapSelfManagedAddons: false,
      }
    : // Nodes of a group bring no network of their own: EKS installs its CNI, DNS and proxy.
      { bootstrapSelfManagedAddons: true }),
});

/** Throws when the name is another's: nothing of it is touched. */
const assertOurs = ({ settings }: EksParts, found: Cluster, cluster: ClusterState): void => {
  if (found.tags?.[CLUSTER_TAG] !== cluster.id || found.tags?.[DEPLOYMENT_TAG] !== settings.deploymentId)
    throw new Permanent(
      'provider.name_taken',
      `${found.name} exists in EKS and does not carry the tags of this cluster`,
    );
};

/** What EKS says is wrong, as a person can read it. */
const troubleOf = (found: Cluster): string =>
  (found.health?.issues ?? []).map((issue) => `${issue.code}: ${issue.message}`).join('; ') || 'EKS gives no reason';

const progressOf = (found: Cluster): Progress | 'failed' => {
  switch (found.status) {
    case 'ACTIVE':
    case 'UPDATING':
      return 'active';
    case 'FAILED':
      return 'failed';
    default:
      return 'going';
  }
};

export const clusterOf = (parts: EksParts): Pick<Provider, 'ensure' | 'observe' | 'describe'> => ({
  ensure: async (cluster) => {
    const name = infrastructureName(cluster.id);
    const found = await lookUp(parts, name);
    if (found === null) {
      try {
        await parts.eks.send(new CreateClusterCommand(createInput(parts, cluster)));
      } catch (error) {
        // Another call was faster: whose it is the next look tells.
        if (!isNamed(error, 'ResourceInUseException')) throw error;
      }
      return 'going';
    }
    assertOurs(parts, found, cluster);
    if (found.status === 'DELETING') return 'absent';
    const progress = progressOf(found);
    if (progress !== 'failed') return progress;
    // EKS cannot mend a cluster that it failed to make: once it is gone, the workflow asks for it anew.
    await parts.eks.send(new DeleteClusterCommand({ name }));
    return 'absent';
  },

  observe: async (cluster) => {
    const found = await lookUp(parts, infrastructureName(cluster.id));
    if (found === null) return 'absent';
    assertOurs(parts, found, cluster);
    const progress = progressOf(found);
    if (progress === 'failed')
      throw new Permanent('provider.failed', `EKS could not make the cluster: ${troubleOf(found)}`);
    return progress;
  },

  describe: async (cluster) => {
    const found = await lookUp(parts, infrastructureName(cluster.id));
    const [endpoint, ca] = [found?.endpoint, found?.certificateAuthority?.data];
    return endpoint === undefined || ca === undefined ? null : { endpoint, ca };
  },
});
