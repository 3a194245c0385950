/** What can be asked of a cluster, and the form of the answer. */
import type { NewCluster } from '../contract/cluster.ts';
import type { OperationError } from '../contract/operation.ts';
import type { ClusterState } from './cluster-state.ts';
import type { CapacityLimits, Decision } from './decision.ts';
import type { OperationState, OperationTimings } from './operation.ts';

export type ClusterCommand =
  | {
      readonly type: 'create';
      readonly actor: string;
      readonly account: string;
      readonly team: string;
      readonly spec: Omit<NewCluster, 'team' | 'kubernetesVersion'> & { readonly kubernetesVersion: string };
      readonly limits: CapacityLimits;
      readonly timings: OperationTimings;
    }
  | { readonly type: 'step'; readonly operation: string; readonly step: string }
  | {
      readonly type: 'created';
      readonly operation: string;
      readonly endpoint?: string | undefined;
      readonly certificateAuthority?: string | undefined;
    }
  | { readonly type: 'deleted'; readonly operation: string }
  | { readonly type: 'fail'; readonly operation: string; readonly error: OperationError }
  | { readonly type: 'delete'; readonly actor: string; readonly force?: boolean; readonly timings: OperationTimings }
  | { readonly type: 'expire'; readonly timings: OperationTimings }
  | { readonly type: 'warn' }
  | { readonly type: 'vanish' }
  | { readonly type: 'retry'; readonly actor: string; readonly timings: OperationTimings }
  | { readonly type: 'extend'; readonly actor: string; readonly ttlSeconds: number }
  | { readonly type: 'drain'; readonly operation: string };

/** Before and after of a cluster and, where one is concerned, of its open or last operation. */
export interface ClusterSubject {
  readonly cluster: ClusterState | null;
  /** The operation that `cluster.operationId ?? cluster.lastOperationId` names. */
  readonly operation: OperationState | null;
}

export interface ClusterDecision extends Decision {
  readonly next: ClusterState;
  /** The operation that the command opened, or the open one. */
  readonly operation: OperationState | null;
}
