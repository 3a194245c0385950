/** The durations of the local AWS: the template's parameters, small enough for a person to watch (DESIGN §5). */
import type { Timing } from '#core/contract/timings.ts';

/** Seconds. */
export const LOCAL_TIMINGS: Readonly<Record<Timing, number>> = {
  FirstWait: 1,
  Poll: 1,
  ActiveDeadline: 120,
  HelloDeadline: 90,
  CreateDeadline: 300,
  DeleteFirstWait: 1,
  DrainDeadline: 15,
  DeleteDeadline: 240,
  WorkspaceStartWait: 60,
  WorkspaceStartDeadline: 90,
  WorkspaceStopWait: 75,
  WorkspaceStopDeadline: 100,
  WorkspaceDeleteWait: 75,
  WorkspaceDeleteDeadline: 100,
  PaceWatched: 2,
  StaleWatched: 8,
  PaceIdle: 5,
  StaleIdle: 20,
  ExpiryWarning: 900,
  StartGrace: 5,
  Check: 3,
  OrphanAge: 120,
};

/** Seconds between two sweeps; the cloud's rule says one minute. */
export const LOCAL_SWEEP_SECONDS = 2;

/** The template's parameter values: `FirstWaitSeconds` and so on. */
export const localParameters = (timings: Readonly<Record<Timing, number>> = LOCAL_TIMINGS): Record<string, string> =>
  Object.fromEntries(Object.entries(timings).map(([name, seconds]) => [`${name}Seconds`, String(seconds)]));
