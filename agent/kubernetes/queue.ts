/** A work queue with keys: one key is never worked on twice at once, and what fails comes back later and later. */
import type { Clock } from '../clock.ts';
import { type Log, reason } from '../log.ts';

/** Milliseconds: the first wait after a failure, and the longest. */
export interface BackOff {
  readonly firstMs: number;
  readonly longestMs: number;
}

/** 5 s doubling to 300 s (DESIGN §6). */
export const BACK_OFF: BackOff = { firstMs: 5_000, longestMs: 300_000 };

/** `failures` counts those before: 0 gives the first wait. */
export const waitAfter = ({ firstMs, longestMs }: BackOff, failures: number): number =>
  Math.min(longestMs, firstMs * 2 ** Math.min(failures, 20));

export interface QueueOptions {
  /** What the keys are, for the log. */
  readonly name: string;
  /** Does the work of one key; a number asks for the key again after that many milliseconds. */
  readonly work: (key: string) => Promise<number | undefined>;
  /** How many keys are worked on at once. */
  readonly width?: number;
  readonly backOff?: BackOff;
  readonly clock: Clock;
  readonly log: Log;
  readonly signal: AbortSignal;
}

export interface Queue {
  /** Works on this key soon, even while it waits after a failure. */
  add(key: string): void;
  /** Resolves when nothing is being worked on any more; after the signal aborted, that is for good. */
  settled(): Promise<void>;
}

export const workQueue = (options: QueueOptions): Queue => {
  const { name, work, width = 4, backOff = BACK_OFF, clock, log, signal } = options;
  const ready = new Set<string>();
  const running = new Map<string, Promise<void>>();
  const again = new Set<string>();
  const waits = new Map<string, AbortController>();
  const failures = new Map<string, number>();

  const addAfter = (key: string, ms: number) => {
    waits.get(key)?.abort();
    const wait = new AbortController();
    waits.set(key, wait);
    void clock.sleep(ms, AbortSignal.any([signal, wait.signal])).then(() => {
      if (waits.get(key) !== wait) return;
      waits.delete(key);
      if (!wait.signal.aborted) add(key);
    });
  };

  const run = async (key: string) => {
    try {
      const after = await work(key);
      failures.delete(key);
      if (after !== undefined) addAfter(key, after);
    } catch (error) {
      if (signal.aborted) return;
      const before = failures.get(key) ?? 0;
      failures.set(key, before + 1);
      const wait = waitAfter(backOff, before);
      log('warn', `${name}: tried again later`, { key, inSeconds: wait / 1000, reason: reason(error) });
      addAfter(key, wait);
    }
  };

  const pump = () => {
    for (const key of ready) {
      if (signal.aborted || running.size >= width) return;
      ready.delete(key);
      waits.get(key)?.abort();
      waits.delete(key);
      const end = run(key).finally(() => {
        running.delete(key);
        if (again.delete(key)) ready.add(key);
        pump();
      });
      running.set(key, end);
    }
  };

  const add = (key: string) => {
    if (running.has(key)) again.add(key);
    else ready.add(key);
    pump();
  };

  return {
    add,
    settled: async () => {
      while (running.size > 0) await Promise.all(running.values());
    },
  };
};
