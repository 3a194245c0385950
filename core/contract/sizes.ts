/** The one table of worker sizes: vCPU, memory, instance type and price; quotas, NodePool limits and estimates come from it. */

export const SIZES = {
  small: { vcpu: 2, memoryGiB: 8, instanceType: 'm7i.large', usdPerHour: 0.1008 },
  medium: { vcpu: 4, memoryGiB: 16, instanceType: 'm7i.xlarge', usdPerHour: 0.2016 },
  large: { vcpu: 8, memoryGiB: 32, instanceType: 'm7i.2xlarge', usdPerHour: 0.4032 },
} as const;

export type Size = keyof typeof SIZES;

/** EKS's own price an hour in standard support, and Auto Mode's share on top of the instances (reference: aws pricing pages, us-east-1 list prices). */
const EKS_USD_PER_HOUR = 0.1;
const AUTO_MODE_SHARE = 0.12;

export interface Workers {
  readonly count: number;
  readonly size: Size;
}

/** vCPUs that these workers may take: counted against the deployment's quota and written as the NodePool's limit. */
export const vcpuOf = (workers: Workers): number => workers.count * SIZES[workers.size].vcpu;

/** GiB of memory that these workers may take. */
export const memoryOf = (workers: Workers): number => workers.count * SIZES[workers.size].memoryGiB;

/** US dollars an hour of one worker: Auto Mode takes its share, a managed node group costs its instances alone. */
export const workerCost = (size: Size, compute: 'auto' | 'managed'): number =>
  SIZES[size].usdPerHour * (compute === 'auto' ? 1 + AUTO_MODE_SHARE : 1);

/** US dollars an hour while the cluster is up with all its workers, rounded to a hundredth of a cent; before taxes, volumes and traffic. */
export const hourlyCost = (workers: Workers, compute: 'auto' | 'managed'): number =>
  Math.round((EKS_USD_PER_HOUR + workers.count * workerCost(workers.size, compute)) * 10_000) / 10_000;
