/** What differs between clusters that we make and those that a person connects (provider `existing`, DESIGN §1). */
import { TTL } from '../contract/cluster.ts';
import { hourlyCost, vcpuOf } from '../contract/sizes.ts';
import { earlier, plus } from './clock.ts';
import type { ClusterState } from './cluster-state.ts';

/** The provider of clusters that were there before us and live on after us. */
export const EXISTING = 'existing';

type Made = Pick<ClusterState, 'provider' | 'workers'>;

/** Was it there before us? Then nothing of it is ours to count, to pay for, to let expire or to remove. */
export const isConnected = ({ provider }: Pick<ClusterState, 'provider'>): boolean => provider === EXISTING;

/** vCPU that it takes of the deployment's quota. */
export const vcpuTaken = (cluster: Made): number => (isConnected(cluster) ? 0 : vcpuOf(cluster.workers));

/** US dollars an hour that it costs us. */
export const costOf = (cluster: Made & Pick<ClusterState, 'options'>): number =>
  isConnected(cluster) ? 0 : hourlyCost(cluster.workers, cluster.options.compute);

/** When its life ends, counted from its first Ready; a connected one has no end. */
export const expiryOf = (
  cluster: Pick<ClusterState, 'provider' | 'ttlSeconds'>,
  readyAt: string,
  now: string,
): string | undefined =>
  isConnected(cluster) ? undefined : earlier(plus(now, cluster.ttlSeconds), plus(readyAt, TTL.max));
