/** How often the work on dev pods looks again, in milliseconds. */
import { BACK_OFF, type BackOff } from '../kubernetes/queue.ts';
import { LOOKS, type Looks } from './trouble.ts';

export interface SeatPaces {
  readonly backOff: BackOff;
  readonly looks: Looks;
  /** Everything is looked at again, against what a watch may have lost; without a difference that costs no call but the look at Secrets. */
  readonly resyncMs: number;
  /** Nothing watches Secrets: that of a seat which runs is asked after again by the first work on the seat after this long. */
  readonly secretsMs: number;
  readonly policyMs: number;
  /** Without a link for this long, the Cluster resource says so. */
  readonly lostMs: number;
  /** A delete that takes longer says what it waits for: a pod has a minute to end. */
  readonly slowDeleteMs: number;
}
export const PACES: SeatPaces = {
  backOff: BACK_OFF,
  looks: LOOKS,
  resyncMs: 600_000,
  // Less than a resync: each of them looks.
  secretsMs: 300_000,
  policyMs: 60_000,
  lostMs: 60_000,
  slowDeleteMs: 90_000,
};
