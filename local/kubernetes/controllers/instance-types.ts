/** The instance types that node pools choose from: those of the product's own table of sizes. */
import { SIZES } from '#core/contract/sizes.ts';

export interface InstanceType {
  name: string;
  /** vCPU. */
  cpu: number;
  /** Bytes. */
  memory: number;
  /** Most pods on one node (EKS' limit by network interfaces). */
  pods: number;
}

const GiB = 2 ** 30;
export const INSTANCE_TYPES: readonly InstanceType[] = Object.values(SIZES)
  .map(({ instanceType, vcpu, memoryGiB }) => ({
    name: instanceType,
    cpu: vcpu,
    memory: memoryGiB * GiB,
    pods: vcpu === 2 ? 29 : 58,
  }))
  .sort((a, b) => a.cpu - b.cpu);

/** What a node of this type leaves for pods: the machine less what the system keeps. */
export const allocatableOf = (type: InstanceType) => ({
  cpu: type.cpu - 0.08,
  memory: type.memory - 0.75 * GiB,
  'ephemeral-storage': 72 * GiB,
  pods: type.pods,
});

/** The labels that EKS Auto Mode gives a node of this type, as far as requirements name them. */
export const labelsOf = (type: InstanceType, zone: string): Record<string, string> => {
  const [family = '', size = ''] = type.name.split('.');
  return {
    'kubernetes.io/arch': 'amd64',
    'kubernetes.io/os': 'linux',
    'node.kubernetes.io/instance-type': type.name,
    'topology.kubernetes.io/zone': zone,
    'topology.kubernetes.io/region': zone.slice(0, -1),
    'karpenter.sh/capacity-type': 'on-demand',
    'eks.amazonaws.com/compute-type': 'auto',
    'eks.amazonaws.com/instance-category': family.charAt(0),
    'eks.amazonaws.com/instance-family': family,
    'eks.amazonaws.com/instance-size': size,
    'eks.amazonaws.com/instance-generation': family.slice(1, 2),
    'eks.amazonaws.com/instance-cpu': String(type.cpu),
    'eks.amazonaws.com/instance-memory': String(type.memory / 2 ** 20),
  };
};
