/** List, then watch: keeps a collection true to the cluster through ended streams, lost history (410) and silent connections. */
import { type Clock, fullJitter } from '../clock.ts';
import { type Log, reason } from '../log.ts';
import { hasStatus, type Item, type Kubernetes, KubernetesError, type Query } from './client.ts';

/** The server ends a watch after this; a stream that outlives it by `GRACE_SECONDS` is dead and is dropped. */
const WATCH_SECONDS = 240;
const GRACE_SECONDS = 30;
/** A whole new list now and then: the answer to a watch that lost something without saying so. */
const RELIST_MS = 600_000;

/** What the watcher tells. */
export interface Collection<T> {
  /** The whole truth at one moment. */
  replace(items: readonly T[]): void;
  put(item: T): void;
  remove(item: T): void;
}

export interface WatchOptions<T extends Item, S> {
  readonly kubernetes: Kubernetes;
  readonly path: string;
  /** Narrows the list and the watch, such as `labelSelector`. */
  readonly query?: Query;
  /** Keeps only what is needed of an object, or nothing of it: the rest of a list is dropped page by page. */
  readonly compact: (item: T) => S | undefined;
  readonly into: Collection<S>;
  readonly clock: Clock;
  readonly log: Log;
  readonly signal: AbortSignal;
}

interface WatchEvent<T> {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR';
  readonly object: T & { readonly code?: number; readonly message?: string };
}

/** Runs until the signal aborts; never throws. */
export const keepWatching = async <T extends Item, S>(options: WatchOptions<T, S>): Promise<void> => {
  const { kubernetes, path, query: narrow = {}, compact, into, clock, log, signal } = options;
  let version: string | undefined;
  let listedAt = 0;
  let failures = 0;

  const list = async () => {
    const items: S[] = [];
    let last = '';
    for await (const page of kubernetes.pages<T>(path, signal, narrow)) {
      items.push(...page.items.map(compact).filter((kept) => kept !== undefined));
      last = page.version;
    }
    into.replace(items);
    listedAt = clock.now();
    return last;
  };

  const follow = async (from: string) => {
    const patience = AbortSignal.timeout((WATCH_SECONDS + GRACE_SECONDS) * 1000);
    const query = {
      ...narrow,
      watch: true,
      resourceVersion: from,
      allowWatchBookmarks: true,
      timeoutSeconds: WATCH_SECONDS,
    };
    for await (const line of kubernetes.lines(path, query, AbortSignal.any([signal, patience]))) {
      const { type, object } = JSON.parse(line) as WatchEvent<T>;
      if (type === 'ERROR') throw new KubernetesError(object.code ?? 0, 'WatchError', object.message ?? 'watch failed');
      failures = 0;
      version = object.metadata.resourceVersion;
      const kept = type === 'BOOKMARK' ? undefined : compact(object);
      if (kept === undefined) continue;
      if (type === 'DELETED') into.remove(kept);
      else into.put(kept);
    }
  };

  while (!signal.aborted) {
    try {
      if (version === undefined || clock.now() - listedAt > RELIST_MS) version = await list();
      await follow(version);
      // A server that ends each watch at once must not be asked in a tight loop.
      await clock.sleep(fullJitter(0, clock.random), signal);
    } catch (error) {
      if (signal.aborted) return;
      if (hasStatus(error, 410)) version = undefined;
      else log('warn', 'a watch was interrupted', { path, reason: reason(error) });
      await clock.sleep(fullJitter(failures++, clock.random), signal);
    }
  }
};
