/** How long seats have not been running, and what was found out about it: looked at soon, then less and less often. */
import type { Clock } from '../clock.ts';
import { type Diagnosis, NO_DIAGNOSIS } from './diagnose.ts';

/** Milliseconds: most pods start before the first look, and an event that nobody watches is found at the next. */
export interface Looks {
  readonly firstMs: number;
  readonly longestMs: number;
}
export const LOOKS: Looks = { firstMs: 3_000, longestMs: 60_000 };

interface Trouble {
  readonly lookAt: number;
  readonly pause: number;
  readonly found: Diagnosis;
}

export interface Troubles {
  /** What is known of this seat's trouble; asks `look` when it is time. `again`: milliseconds until the next look. */
  about(key: string, look: () => Promise<Diagnosis>): Promise<{ readonly found: Diagnosis; readonly again: number }>;
  /** It runs, or is meant not to. */
  over(key: string): void;
}

export const troubles = (clock: Clock, { firstMs, longestMs }: Looks = LOOKS): Troubles => {
  const all = new Map<string, Trouble>();
  return {
    about: async (key, look) => {
      const now = clock.now();
      const known = all.get(key) ?? { lookAt: now + firstMs, pause: firstMs, found: NO_DIAGNOSIS };
      const due = now >= known.lookAt;
      const pause = due ? Math.min(longestMs, known.pause * 2) : known.pause;
      const next = due ? { lookAt: now + pause, pause, found: await look() } : known;
      all.set(key, next);
      return { found: next.found, again: Math.max(1, next.lookAt - now) };
    },
    over: (key) => void all.delete(key),
  };
};
