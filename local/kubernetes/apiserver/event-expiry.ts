/** Events go some time after they were last written, as a real API server's `--event-ttl` has it. */
import type { Obj } from './json.ts';
import type { Store } from './storage/store.ts';

/** As --event-ttl. */
export const EVENT_TTL_MS = 3_600_000;
const LOOK_MS = 60_000;

/** When the server last wrote it, by its own clock and to the second: what clients say of an event's times is not believed. */
const writtenAt = ({ metadata }: Obj): number =>
  Math.max(
    ...[metadata.creationTimestamp, ...(metadata.managedFields ?? []).map(({ time = '' }) => time)].map(
      (time) => Date.parse(time) || 0,
    ),
  );

/** Removes what is older than `ttlMs`. */
export function expireEvents(store: Store, ttlMs: number, now = Date.now()): void {
  for (const { key, object } of store.list('events')) if (now - writtenAt(object) > ttlMs) store.remove('events', key);
}

/** Removes them time and again; answers how to stop. */
export function keepExpiring(store: Store, ttlMs = EVENT_TTL_MS): () => void {
  const look = () => {
    try {
      expireEvents(store, ttlMs);
    } catch {
      // A disk that takes no writes now may take them the next time; who writes meanwhile is told.
    }
  };
  look();
  const timer = setInterval(look, Math.min(LOOK_MS, ttlMs / 4)).unref();
  return () => clearInterval(timer);
}
