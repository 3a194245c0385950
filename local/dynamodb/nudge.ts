/** Wakes the readers of streams when something was written: they need not ask all the time to be quick. */
import { setTimeout as delay } from 'node:timers/promises';

export interface Nudge {
  /** Something was written. */
  now(): void;
  /** Resolves at the next write, after `ms`, or when `signal` aborts; at once if there was a write since `seen`. */
  wait(seen: number, ms: number, signal: AbortSignal): Promise<void>;
  /** How many writes there were. */
  readonly count: number;
}

export function createNudge(): Nudge {
  let count = 0;
  const waiting = new Set<() => void>();
  return {
    get count() {
      return count;
    },
    now() {
      count += 1;
      for (const wake of waiting) wake();
      waiting.clear();
    },
    async wait(seen, ms, signal) {
      if (count !== seen || signal.aborted) return;
      const timer = new AbortController();
      const { promise, resolve } = Promise.withResolvers<void>();
      waiting.add(resolve);
      const timedOut = delay(ms, undefined, { signal: AbortSignal.any([signal, timer.signal]) }).catch(() => {});
      await Promise.race([promise, timedOut]);
      waiting.delete(resolve);
      timer.abort();
    },
  };
}
