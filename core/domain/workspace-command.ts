/** What can be asked of a dev pod, and the form of the answer. */

import type * as z from 'zod';
import type { OperationError } from '../contract/operation.ts';
import type { SeatSecret, SeatSpec, SeatStatus, VolumeFate } from '../contract/seat.ts';
import type { Amount, Decision, SeatLimits } from './decision.ts';
import type { OperationState } from './operation.ts';
import type { SecretChoice } from './secret-choice.ts';
import type { WorkspaceState } from './workspace-state.ts';

type Secret = z.output<typeof SeatSecret>;

/** Seconds: how long the operations of a dev pod may take and when the sweeper first looks whether one was started. */
export interface WorkspaceTimings {
  readonly startDeadline: number;
  readonly stopDeadline: number;
  readonly deleteDeadline: number;
  readonly startGrace: number;
}

/** What a change may set; left out: as it was. */
export interface SpecChange {
  readonly resources?: SeatSpec['resources'] | undefined;
  readonly image?: string | undefined;
  readonly idleTimeoutSeconds?: number | undefined;
  readonly volumes?: Readonly<Record<string, string>> | undefined;
  readonly git?: SeatSpec['git'] | undefined;
  readonly secrets?: readonly Secret[] | undefined;
}

export type WorkspaceCommand =
  | {
      readonly type: 'create';
      readonly actor: string;
      readonly account: string;
      readonly team: string;
      readonly name: string;
      readonly cluster: string;
      /** The most that all seats together may take on that cluster, from placement. */
      readonly capacity: Amount;
      /** Without id and revision, which the decision gives. */
      readonly spec: SeatSpec;
      readonly labels: Readonly<Record<string, string>>;
      readonly secretChoice: SecretChoice;
      readonly limits: SeatLimits;
      readonly timings: WorkspaceTimings;
    }
  | {
      readonly type: 'change';
      readonly actor: string;
      readonly change: SpecChange;
      readonly labels?: Readonly<Record<string, string>> | undefined;
      readonly secretChoice?: SecretChoice | undefined;
      readonly capacity: Amount;
      readonly limits: SeatLimits;
    }
  | {
      readonly type: 'start';
      readonly actor: string;
      readonly capacity: Amount;
      readonly limits: SeatLimits;
      readonly timings: WorkspaceTimings;
    }
  | {
      readonly type: 'stop';
      readonly actor: string;
      readonly limits: SeatLimits;
      readonly timings: WorkspaceTimings;
      /** Its group stops it for now. */
      readonly suspends?: true;
    }
  | { readonly type: 'restart'; readonly actor: string; readonly timings: WorkspaceTimings }
  | {
      readonly type: 'delete';
      readonly actor: string;
      readonly volumes: VolumeFate;
      readonly timings: WorkspaceTimings;
    }
  /** Give it up: allowed while Deleting when the agent is gone or the delete has failed; the tombstone's row stays for an agent that still can. */
  | { readonly type: 'forget'; readonly actor: string; readonly connected: boolean; readonly limits: SeatLimits }
  /** Versions of secrets moved; `secrets` is the whole new list. */
  | { readonly type: 'secrets'; readonly secrets: readonly Secret[] }
  /** The workflow entered a step. */
  | { readonly type: 'step'; readonly operation: string; readonly step: string }
  /** The workflow's wait is over and what it waited for holds. */
  | { readonly type: 'succeed'; readonly operation: string }
  | { readonly type: 'fail'; readonly operation: string; readonly error: OperationError }
  /** What the agent observed; null decision (no writes) when it is old news. */
  | { readonly type: 'report'; readonly link: number; readonly seq: number; readonly status: SeatStatus }
  /** The agent carried the tombstone of this revision out. */
  | { readonly type: 'gone'; readonly revision: number; readonly kept: readonly string[]; readonly limits: SeatLimits }
  /** Its cluster was deleted with it: Deleted, without its agent. */
  | { readonly type: 'lost'; readonly limits: SeatLimits };

/** Before and after of a dev pod and of its open or last operation. */
export interface WorkspaceSubject {
  readonly workspace: WorkspaceState | null;
  readonly operation: OperationState | null;
}

export interface WorkspaceDecision extends Decision {
  readonly next: WorkspaceState;
  /** The operation that the command opened, or the open one. */
  readonly operation: OperationState | null;
}

/** What a workspace's workflow waits for by task token: the agent has done what the present revision asks, or has no way to. */
export type SeatAwaited = 'seat-settled';
