/** A clock that stands still until the test moves it. Network and files go on in real time. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Clock } from '#agent/clock.ts';

interface Sleeper {
  readonly at: number;
  readonly ms: number;
  readonly wake: () => void;
}

export interface HeldClock extends Clock {
  /** Every sleep that was begun, in milliseconds. */
  readonly slept: readonly number[];
  /** Lets time pass and wakes whoever is due, in order. */
  advance(ms: number): Promise<void>;
  /** Moves time from one wake-up to the next until the condition holds. Throws after 30 s of real time. */
  until(what: string, holds: () => unknown): Promise<void>;
  /** Waits in real time, with the clock standing still. */
  settle(what: string, holds: () => unknown): Promise<void>;
}

/** Time moves only when the networks were quiet for this long, so that no answer is overtaken by the clock. */
const QUIET_MS = 15;
const PATIENCE_MS = 30_000;

/** `activity`: when anything last came or went over a network of the test (performance.now()). */
export const heldClock = (activity: () => number, random: () => number = () => 0.5): HeldClock => {
  const breathe = async () => {
    do await delay(2);
    while (performance.now() - activity() < QUIET_MS);
  };

  const start = Date.UTC(2030, 0, 1);
  let now = 0;
  const sleepers = new Set<Sleeper>();
  const slept: number[] = [];

  const wakeNext = (limit: number): boolean => {
    const next = [...sleepers].sort((a, b) => a.at - b.at)[0];
    if (!next || next.at > limit) return false;
    now = Math.max(now, next.at);
    sleepers.delete(next);
    next.wake();
    return true;
  };

  const wait = async (what: string, holds: () => unknown, move: () => void) => {
    const deadline = performance.now() + PATIENCE_MS;
    while (!holds()) {
      if (performance.now() > deadline) throw new Error(`never happened: ${what}`);
      await breathe();
      if (holds()) return;
      move();
    }
  };

  return {
    slept,
    now: () => now,
    wall: () => new Date(start + now),
    random,
    sleep: (ms, signal) =>
      new Promise<void>((resolve) => {
        slept.push(ms);
        if (signal?.aborted) return resolve();
        const sleeper: Sleeper = { at: now + ms, ms, wake: resolve };
        sleepers.add(sleeper);
        signal?.addEventListener('abort', () => {
          sleepers.delete(sleeper);
          resolve();
        });
      }),
    advance: async (ms) => {
      const end = now + ms;
      await breathe();
      while (wakeNext(end)) await breathe();
      now = end;
    },
    until: (what, holds) => wait(what, holds, () => wakeNext(Number.POSITIVE_INFINITY)),
    settle: (what, holds) => wait(what, holds, () => undefined),
  };
};
