/** Where clusters come from: everything that the workflows need of a provider, and nothing that only one has (DESIGN §1 provider). */

import type { ClusterState } from '#core/domain/cluster-state.ts';
import type { KubernetesObject } from '#core/domain/kubernetes-object.ts';
import { Permanent } from '../../lib/task-error.ts';

/** Of a cluster or of its nodes: usable, on the way, or not there. */
export type Progress = 'active' | 'going' | 'absent';

/** Of a cluster's end: something must go first (ask again), it is going (only look), nothing is left of it. */
export type Removal = 'blocked' | 'going' | 'gone';

/** How the bootstrap enters a cluster: once, to install the agent. `token` is short-lived and never logged. */
export interface KubernetesAccess {
  readonly endpoint: string;
  /** PEM in base64, as kubeconfigs have it. */
  readonly ca: string;
  readonly token: string;
}

/** A cluster's own API, as far as the bootstrap uses it. */
export interface Kubernetes {
  /** Server-side apply, field manager `roadstead`, forced. Throws `Retryable` and `Permanent`. */
  readonly apply: (object: KubernetesObject) => Promise<void>;
  /** The uid of an object that is there, and of nothing else of it; null when it is not. Throws the same. */
  readonly uid: (object: KubernetesObject) => Promise<string | null>;
}
export type ConnectKubernetes = (access: KubernetesAccess) => Kubernetes;

/** A cluster that carries this deployment's mark where the provider keeps it. */
export interface Owned {
  readonly name: string;
  readonly clusterId: string | undefined;
  readonly createdAt: string;
}

/**
 * One kind of provider. Every method may be repeated at any time and after any crash; `ensure…` changes, `observe…` only looks.
 * Methods throw the SDK's own errors, or `Retryable` and `Permanent` where they know better. `name` is the infrastructure name.
 */
export interface Provider {
  /** The agent is asked to empty a cluster before its end, since it makes things that outlive it (load balancers, volumes). */
  readonly drainable: boolean;
  /** Its clusters are not ours to remove: a delete waits for the agent to take away what we put there, connected or not. */
  readonly livesOn?: boolean;
  /** How long its first hello may take, where that is not the deployment's own deadline: a person may have to act. */
  readonly helloSeconds?: number;
  /** Asks for the cluster, or finds the one asked for before; a failed one is taken away (absent, as one that is going), to be made anew. */
  readonly ensure: (cluster: ClusterState) => Promise<Progress>;
  readonly observe: (cluster: ClusterState) => Promise<Progress>;
  /** Lets our own role and the people's roles in. */
  readonly grantAccess: (cluster: ClusterState) => Promise<void>;
  /** Nodes, their limits, and a default StorageClass. */
  readonly ensureCompute: (cluster: ClusterState, connect: ConnectKubernetes) => Promise<void>;
  readonly observeCompute: (cluster: ClusterState) => Promise<Progress>;
  /** Null when we are given no way in: the person applies the agent's manifest. */
  readonly access: (cluster: ClusterState) => Promise<KubernetesAccess | null>;
  /** What a kubeconfig names; null when the provider does not know. */
  readonly describe: (cluster: ClusterState) => Promise<{ readonly endpoint: string; readonly ca: string } | null>;
  /** One step towards the cluster's end. */
  readonly remove: (name: string) => Promise<Removal>;
  readonly observeGone: (name: string) => Promise<Removal>;
  /** Every cluster with this deployment's mark, for the sweep of orphans. */
  readonly listOwned: () => Promise<readonly Owned[]>;
  /** Versions of Kubernetes on offer, newest first. */
  readonly versions: () => Promise<{ readonly default: string; readonly offered: readonly string[] }>;
}

/** By the name that a cluster's `provider` holds. */
export type Providers = ReadonlyMap<string, Provider>;

/**
 * Removes what outlived clusters, by provider; answers how much is still there. A provider without leftovers is not in it. Apart from
 * `Provider`, since one task alone needs it and EC2's client is larger than all of a task's bundle besides.
 */
export type Leftovers = ReadonlyMap<string, (name: string) => Promise<number>>;

/** The provider of a cluster. */
export const providerOf = (providers: Providers, cluster: Pick<ClusterState, 'provider'>): Provider => {
  const found = providers.get(cluster.provider);
  if (found === undefined)
    throw new Permanent(
      'provider.unknown',
      `the provider is ${cluster.provider}; here are ${[...providers.keys()].join(', ')}`,
    );
  return found;
};
