/** Waits for what happens by itself. */
import { setTimeout as delay } from 'node:timers/promises';

/** The first value of `look` that `done` accepts; fails after `ms` with the last one. */
export async function until<T>(look: () => T | Promise<T>, done: (value: T) => boolean, ms = 10_000): Promise<T> {
  for (const end = Date.now() + ms; ; await delay(20)) {
    const value = await look();
    if (done(value)) return value;
    if (Date.now() > end) throw new Error(`still waiting after ${ms} ms: ${JSON.stringify(value)}`);
  }
}
