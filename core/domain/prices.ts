/** What things cost: the list prices that estimates are made of, and the cost of a seat (DESIGN §1; seed-systems §4.3 H5.5). */
import { quantity } from '../contract/quantity.ts';
import type { SeatSpec } from '../contract/seat.ts';
import { SIZES, workerCost } from '../contract/sizes.ts';
import type { Cost } from '../contract/workspace.ts';
import { EXISTING } from './cluster-origin.ts';
import type { ClusterState } from './cluster-state.ts';
import { storageOf } from './seat-amount.ts';

/** US dollars, us-east-1 list prices, as the seed reckons: t3.large by the hour, gp3 by GB and month, months of 730 hours. */
export const PRICES = {
  hoursPerMonth: 730,
  gp3UsdPerGiBMonth: 0.08,
  /** The node that a seat is priced on where the cluster is not ours: its real price is known to its owner alone. */
  referenceNode: { instanceType: 't3.large', vcpu: 2, memoryGiB: 8, usdPerHour: 0.0832 },
  /** What a seat with GPUs is priced on, wherever it is: no size of ours has one. */
  gpuNode: { instanceType: 'g4dn.xlarge', vcpu: 4, memoryGiB: 16, gpus: 1, usdPerHour: 0.526 },
} as const;

/** The seed's formula: a node a user, and their volumes, for a month. */
export const monthlyCost = (users: number, gibPerUser: number): number =>
  cents(users * PRICES.referenceNode.usdPerHour * PRICES.hoursPerMonth + users * gibPerUser * PRICES.gp3UsdPerGiBMonth);

const GIB = 2 ** 30;
const cents = (usd: number): number => Math.round(usd * 100) / 100;
/** A millionth of a dollar: small volumes cost less than a hundredth of a cent an hour. */
const rounded = (usd: number): number => Math.round(usd * 1_000_000) / 1_000_000;

interface Node {
  readonly vcpu: number;
  readonly memoryGiB: number;
  readonly gpus?: number;
  readonly usdPerHour: number;
}

/** A node of the cluster, with what Auto Mode adds to its price. */
const nodeOf = (cluster: Pick<ClusterState, 'provider' | 'workers' | 'options'> | null): Node => {
  if (cluster === null || cluster.provider === EXISTING) return PRICES.referenceNode;
  const size = SIZES[cluster.workers.size];
  return { ...size, usdPerHour: workerCost(cluster.workers.size, cluster.options.compute) };
};

/** The part of a node that a seat takes: the largest of its shares of CPU, memory and GPUs, by its requests. */
const shareOf = ({ requests, gpus }: SeatSpec['resources'], node: Node): number =>
  Math.max(
    quantity(requests.cpu) / node.vcpu,
    quantity(requests.memory) / GIB / node.memoryGiB,
    node.gpus === undefined ? 0 : gpus / node.gpus,
  );

/** How long the seat has been, and how much of that it ran; seconds. */
export interface Spent {
  readonly existedSeconds: number;
  readonly runningSeconds: number;
}

/** The cost of a seat on a cluster; null for one that is not chosen yet. */
export const costOfSeat = (
  spec: Pick<SeatSpec, 'resources' | 'volumes'>,
  cluster: Pick<ClusterState, 'provider' | 'workers' | 'options'> | null,
  spent?: Spent,
): Cost => {
  const node = spec.resources.gpus > 0 ? PRICES.gpuNode : nodeOf(cluster);
  const compute = shareOf(spec.resources, node) * node.usdPerHour;
  const volumes = (storageOf(spec.volumes) * PRICES.gp3UsdPerGiBMonth) / PRICES.hoursPerMonth;
  return {
    runningUsdPerHour: rounded(compute + volumes),
    stoppedUsdPerHour: rounded(volumes),
    ...(spent === undefined
      ? {}
      : {
          accruedUsd: rounded((spent.runningSeconds * compute + spent.existedSeconds * volumes) / 3600),
          runningSeconds: spent.runningSeconds,
        }),
  };
};
