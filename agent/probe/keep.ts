/** Probes now and again: daily once it is known whether policies are enforced, sooner where it could not be told. */

import type { Clock } from '../clock.ts';
import type { ClusterInfo } from '../cluster-info.ts';
import { type Log, reason } from '../log.ts';

export type Enforced = NonNullable<ClusterInfo['networkPolicyEnforced']>;

/** Milliseconds. */
export interface ProbePaces {
  readonly everyMs: number;
  /** After the first probe that could not tell; doubles with each one more, up to `everyMs`. */
  readonly retryMs: number;
}
export const PROBE_PACES: ProbePaces = { everyMs: 24 * 3_600_000, retryMs: 300_000 };

/** What was known counts until so many probes in a row could not tell. */
const GIVEN_UP = 3;

export interface KeepProbingOptions {
  /** One probe; rejects where it cannot tell. */
  readonly probe: () => Promise<Enforced>;
  readonly tell: (enforced: Enforced) => void;
  readonly paces?: Partial<ProbePaces>;
  readonly clock: Clock;
  readonly log: Log;
  readonly signal: AbortSignal;
}

/** Runs until the signal aborts; never throws. */
export const keepProbing = async (options: KeepProbingOptions): Promise<void> => {
  const { probe, tell, clock, log, signal } = options;
  const { everyMs, retryMs } = { ...PROBE_PACES, ...options.paces };
  let misses = 0;
  while (!signal.aborted) {
    try {
      const enforced = await probe();
      misses = 0;
      log('info', 'network policies were probed', { enforced });
      tell(enforced);
    } catch (error) {
      if (signal.aborted) return;
      misses += 1;
      log('warn', 'whether network policies are enforced was not found out', { reason: reason(error) });
      if (misses >= GIVEN_UP) tell('unknown');
    }
    await clock.sleep(misses === 0 ? everyMs : Math.min(everyMs, retryMs * 2 ** (misses - 1)), signal);
  }
};
