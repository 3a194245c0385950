/** What is kept of a group: how many seats are wanted, for whom, and made how. */

import type { NewGroup } from '../contract/group.ts';
import type { Condition } from '../contract/names.ts';
import type { SeatSpec, VolumeFate } from '../contract/seat.ts';
import type { SecretChoice } from './secret-choice.ts';

export interface GroupState {
  readonly entity: 'Group';
  readonly id: string;
  /** Every commit. */
  readonly version: number;
  /** Changes of what is wanted: the ETag. */
  readonly revision: number;
  readonly name: string;
  readonly team: string;
  readonly replicas: number;
  /** The most that were ever wanted: no seat has a higher ordinal, whether it is listed in `seats` or not yet. */
  readonly most: number;
  /** Seat n belongs to owner n, and where the list ends, to the one who made the group. */
  readonly owners: readonly string[];
  readonly createdBy: string;
  /** How a seat is made, resolved once; `owner` and `runState` are each seat's own. */
  readonly spec: SeatSpec;
  readonly labels: Readonly<Record<string, string>>;
  readonly placement: NewGroup['placement'];
  /** Which secrets seats get, and how; each person's own win over the team's. */
  readonly secretChoice: SecretChoice;
  readonly conditions: readonly Condition[];
  readonly createdAt: string;
  readonly updatedAt: string;
  /** Seats that were made: never fewer, since fewer replicas only stops seats. */
  readonly seats: readonly GroupSeat[];
  /** When the sweeper looks whether its seats are as they should be; gone when they are. */
  readonly checkAt?: string | undefined;
  /** Set by a delete: its seats are deleted in this way. */
  readonly tombstone?: VolumeFate | undefined;
  readonly deletedAt?: string | undefined;
}

export interface GroupSeat {
  readonly ordinal: number;
  readonly workspace: string;
  readonly owner: string;
}
