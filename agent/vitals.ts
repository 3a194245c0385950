/** What the probes and the silence watch know: when the control plane last answered, how long silence may last, whether a link is up. */
import type { Clock } from './clock.ts';

export interface Pace {
  readonly paceSeconds: number;
  readonly staleAfterSeconds: number;
}

export interface Vitals {
  /** The control plane answered; it says what it expects from now on. */
  acknowledged(pace?: Pace): void;
  /** A pushed pace: more patience counts at once, less only with the next answer (DESIGN §4 leases). */
  announced(pace: Pace): void;
  /** The control plane refuses this agent for now: nothing is expected, and a restart would change nothing. */
  refused(): void;
  /** A link with an acknowledged hello is up, or not. */
  linked(up: boolean): void;
  /** Milliseconds until silence counts as death; Infinity while nothing is expected. */
  patience(): number;
  live(): boolean;
  ready(): boolean;
}

export const createVitals = (clock: Clock): Vitals => {
  let heardAt: number | undefined;
  let staleAfter = Number.POSITIVE_INFINITY;
  let up = false;
  const patience = () => (heardAt === undefined ? Number.POSITIVE_INFINITY : heardAt + staleAfter - clock.now());
  return {
    acknowledged: (pace) => {
      heardAt = clock.now();
      if (pace) staleAfter = pace.staleAfterSeconds * 1000;
    },
    announced: (pace) => {
      staleAfter = Math.max(staleAfter, pace.staleAfterSeconds * 1000);
    },
    refused: () => {
      heardAt = undefined;
    },
    linked: (now) => {
      up = now;
    },
    patience,
    live: () => patience() > 0,
    ready: () => up,
  };
};
