/** What is kept of a dev pod: the resource behind the one that is answered, its desired spec, and what its agent last said (DESIGN §1, §2). */
import type { Condition } from '../contract/names.ts';
import type { OperationError } from '../contract/operation.ts';
import type { SeatSpec, VolumeFate, WorkspacePhase } from '../contract/seat.ts';
import type { SecretChoice } from './secret-choice.ts';

/** The last report that was taken; an older one is dropped by (link, seq). */
export interface SeatReport {
  readonly link: number;
  readonly seq: number;
  readonly uid: string;
  readonly observedRevision: number;
  readonly observedGeneration: number;
  readonly phase: WorkspacePhase;
  readonly podUid?: string | undefined;
  readonly node?: string | undefined;
  readonly zone?: string | undefined;
}

export interface WorkspaceState {
  readonly entity: 'Workspace';
  readonly id: string;
  /** Every commit. */
  readonly version: number;
  /** Changes of what is wanted: the ETag, and what the agent syncs by. Equals `spec.revision`. */
  readonly revision: number;
  readonly name: string;
  readonly team: string;
  /** The cluster that it is placed on; fixed at creation. */
  readonly cluster: string;
  /** `origin`, `owner`, `runState`, … `spec.id` and `spec.revision` are filled for what the table owns. */
  readonly spec: SeatSpec;
  readonly labels: Readonly<Record<string, string>>;
  /** Which secrets it gets, and how; none where the spec is not ours. */
  readonly secretChoice?: SecretChoice | undefined;
  /** Origin Cluster: uid and name of the Workspace there, whose mirror this is. */
  readonly mirror?: { readonly uid: string; readonly name: string } | undefined;
  readonly phase: WorkspacePhase;
  /** The revision whose command set the phase: a report of an older one does not move it. */
  readonly phaseRevision: number;
  readonly conditions: readonly Condition[];
  readonly report?: SeatReport | undefined;
  readonly createdAt: string;
  readonly createdBy: string;
  readonly updatedAt: string;
  /** When the pod last began and ended to run. */
  readonly startedAt?: string | undefined;
  readonly stoppedAt?: string | undefined;
  /** Seconds of running before `startedAt`. */
  readonly ranSeconds: number;
  readonly deletedAt?: string | undefined;
  /** Set by a delete; the agent carries it out and acknowledges. */
  readonly tombstone?: VolumeFate | undefined;
  /** It was given up: its row stays for an agent that comes back. */
  readonly forgotten?: true | undefined;
  /** Claims that the agent kept when the seat went. */
  readonly kept?: readonly string[] | undefined;
  /** Its group stopped it and starts it again when it is wanted; one that a person stopped is left alone. */
  readonly suspended?: true | undefined;
  /** When somebody last asked for it to run although it did: its agent may be about to stop it for being idle. */
  readonly askedAt?: string | undefined;
  readonly operationId?: string | undefined;
  readonly lastOperationId?: string | undefined;
  readonly error?: OperationError | undefined;
}
