/** What Auto Mode and node groups do not bring themselves: a pool of nodes with a limit, and a default StorageClass (pure; aws.md 13, 14). */
import { memoryOf, SIZES, vcpuOf } from '#core/contract/sizes.ts';
import type { ClusterState } from '#core/domain/cluster-state.ts';
import type { KubernetesObject } from '#core/domain/kubernetes-object.ts';
import { infrastructureName } from '#core/domain/names.ts';
import { AWS_CLUSTER_TAG } from './parts.ts';

const NAME = 'roadstead';
const labels = { 'app.kubernetes.io/managed-by': 'roadstead', 'app.kubernetes.io/part-of': 'roadstead' };

/** Nodes for pods that fit nowhere, up to what was asked for. The built-in pools have no limit and cannot be changed. */
export const nodePool = ({ workers }: Pick<ClusterState, 'workers'>): KubernetesObject => ({
  apiVersion: 'karpenter.sh/v1',
  kind: 'NodePool',
  metadata: { name: NAME, labels },
  spec: {
    limits: { cpu: String(vcpuOf(workers)), memory: `${memoryOf(workers)}Gi` },
    disruption: {
      // Dev pods are somebody's desk: nodes go when they are empty, and are replaced for other reasons one at a time, at night (UTC).
      consolidationPolicy: 'WhenEmpty',
      consolidateAfter: '5m',
      budgets: [
        { nodes: '100%', reasons: ['Empty'] },
        { nodes: '0', reasons: ['Drifted', 'Underutilized'], schedule: '0 4 * * *', duration: '20h' },
        { nodes: '1', reasons: ['Drifted', 'Underutilized'] },
      ],
    },
    template: {
      metadata: { labels },
      spec: {
        nodeClassRef: { group: 'eks.amazonaws.com', kind: 'NodeClass', name: 'default' },
        expireAfter: '336h',
        terminationGracePeriod: '24h',
        requirements: [
          { key: 'kubernetes.io/arch', operator: 'In', values: ['amd64'] },
          { key: 'kubernetes.io/os', operator: 'In', values: ['linux'] },
          { key: 'karpenter.sh/capacity-type', operator: 'In', values: ['on-demand'] },
          // The families with 4 GiB a vCPU, as sizes are told.
          { key: 'eks.amazonaws.com/instance-category', operator: 'In', values: ['m'] },
          { key: 'eks.amazonaws.com/instance-generation', operator: 'Gt', values: ['4'] },
          { key: 'eks.amazonaws.com/instance-cpu', operator: 'In', values: [String(SIZES[workers.size].vcpu)] },
        ],
      },
    },
  },
});

/** Turns on the enforcement of network policies in Auto Mode, where they are accepted and ignored without it (EKS user guide, "Use network policies with EKS Auto Mode"). */
export const policyController: KubernetesObject = {
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'amazon-vpc-cni', namespace: 'kube-system', labels },
  data: { 'enable-network-policy-controller': 'true' },
};

/** gp3, encrypted, made in the zone of the first pod that uses it. */
export const storageClass = ({ id, options }: Pick<ClusterState, 'id' | 'options'>): KubernetesObject => {
  const auto = options.compute === 'auto';
  return {
    apiVersion: 'storage.k8s.io/v1',
    kind: 'StorageClass',
    metadata: { name: NAME, labels, annotations: { 'storageclass.kubernetes.io/is-default-class': 'true' } },
    provisioner: auto ? 'ebs.csi.eks.amazonaws.com' : 'ebs.csi.aws.com',
    parameters: {
      type: 'gp3',
      encrypted: 'true',
      // Auto Mode marks its volumes itself (and allows no mark of ours); the add-on marks them so that they are found as well when they outlive the cluster.
      ...(auto ? {} : { tagSpecification_1: `${AWS_CLUSTER_TAG}=${infrastructureName(id)}` }),
    },
    volumeBindingMode: 'WaitForFirstConsumer',
    allowVolumeExpansion: true,
    reclaimPolicy: 'Delete',
  };
};
