/** Time, sleep and randomness as the agent takes them in, so that a test can hold them. */
import { setTimeout as delay } from 'node:timers/promises';

export interface Clock {
  /** Monotonic milliseconds: for every judgement of how long something took. */
  now(): number;
  /** The wall clock: only for times that are written down. */
  wall(): Date;
  /** Ends after `ms`, or early, without an error, when the signal aborts. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /** In [0, 1). */
  random(): number;
}

export const systemClock: Clock = {
  now: () => performance.now(),
  wall: () => new Date(),
  sleep: (ms, signal) => delay(ms, undefined, signal ? { signal } : {}).catch(() => undefined),
  random: Math.random,
};

const FIRST_MS = 1000;
const CAP_MS = 30_000;

/** Full jitter: anything up to 1 s at the first attempt (0), doubling to anything up to 30 s (DESIGN §6). Milliseconds. */
export const fullJitter = (attempt: number, random: () => number): number =>
  random() * Math.min(CAP_MS, FIRST_MS * 2 ** Math.min(attempt, 16));
