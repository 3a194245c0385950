/** What is kept of a cluster: the resource behind the one that is answered (DESIGN §1). */
import type { ClusterInfo, ClusterPhase, NewCluster } from '../contract/cluster.ts';
import type { Condition } from '../contract/names.ts';
import type { OperationError } from '../contract/operation.ts';

/** The connection that now speaks for the cluster. */
export interface AgentLink {
  /** Link number: a higher one replaces this, a lower one is late (seed-systems §4.0 H2). */
  readonly link: number;
  readonly connectionId: string;
  readonly connectedAt: string;
  readonly version: string;
  readonly kubernetesVersion: string;
  /** Sequence number of the last report taken, so that an older one is dropped. */
  readonly seq: number;
}

export interface ClusterState {
  readonly entity: 'Cluster';
  readonly id: string;
  readonly version: number;
  readonly revision: number;
  readonly name: string;
  readonly team: string;
  readonly provider: string;
  readonly kubernetesVersion: string;
  readonly workers: NewCluster['workers'];
  readonly options: NewCluster['options'];
  readonly labels: Readonly<Record<string, string>>;
  readonly takesWorkspaces: boolean;
  readonly isolation: NewCluster['isolation'];
  readonly ttlSeconds: number;
  readonly phase: ClusterPhase;
  readonly step?: string | undefined;
  readonly conditions: readonly Condition[];
  readonly createdAt: string;
  readonly createdBy: string;
  readonly updatedAt: string;
  readonly readyAt?: string | undefined;
  readonly expiresAt?: string | undefined;
  /** When the system tries its delete again, after one that failed although its time is over. */
  readonly deleteAgainAt?: string | undefined;
  /** The warning for this `expiresAt` was given. */
  readonly warnedAt?: string | undefined;
  readonly deletedAt?: string | undefined;
  /** The open operation, and the last one. */
  readonly operationId?: string | undefined;
  readonly lastOperationId?: string | undefined;
  readonly error?: OperationError | undefined;
  /** API server's URL, once known. */
  readonly endpoint?: string | undefined;
  /** The API server's CA bundle, base64 PEM as kubeconfigs have it. Public: kept so that reading a kubeconfig asks no cloud. */
  readonly certificateAuthority?: string | undefined;
  /** uid of its namespace kube-system, from the first hello; another one is a clone. */
  readonly clusterUid?: string | undefined;
  readonly agent?: AgentLink | undefined;
  readonly info?: ClusterInfo | undefined;
  /** Provider existing: what its agent left in it when it was deleted. */
  readonly remains?: readonly string[] | undefined;
  /** The delete was asked for although seats were there. */
  readonly forced?: boolean | undefined;
  /** A delete asked the agent to empty the cluster; `doneAt` when it said that it had. */
  readonly drain?: { readonly requestedAt: string; readonly doneAt?: string | undefined } | undefined;
}

/** True when the cluster's time is over, whether or not the sweeper has seen it (seed-systems §4.1 H1.4). */
export const isExpired = (cluster: ClusterState, now: string): boolean =>
  cluster.expiresAt !== undefined &&
  cluster.expiresAt <= now &&
  (cluster.phase === 'Ready' || cluster.phase === 'Failed');
