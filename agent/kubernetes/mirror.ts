/** What is known of the objects of one kind: a watch keeps it true, and answers to our own writes are known at once. */

import type { Clock } from '../clock.ts';
import type { Log } from '../log.ts';
import type { Item, Kubernetes, Query } from './client.ts';
import { type Kind, pathOf } from './kinds.ts';
import { keepWatching } from './watch.ts';

/** As much as is kept of every object. */
export interface Known {
  /** Empty for what belongs to no namespace. */
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly version: string;
  readonly deleting: boolean;
  /** What holds an object that is being deleted. */
  readonly finalizers?: readonly string[];
}

export const knownOf = ({ metadata }: Item): Known => ({
  namespace: metadata.namespace ?? '',
  name: metadata.name,
  uid: metadata.uid,
  version: metadata.resourceVersion,
  deleting: metadata.deletionTimestamp !== undefined,
  ...(metadata.deletionTimestamp !== undefined && metadata.finalizers?.length
    ? { finalizers: metadata.finalizers }
    : {}),
});

export interface Mirror<T extends Item, S extends Known> {
  get(namespace: string, name: string): S | undefined;
  within(namespace: string): Iterable<S>;
  all(): Iterable<S>;
  /** Takes an object that the API just answered, and says what is kept of it; nobody is told of it as a change. */
  learn(object: T): S | undefined;
  /** The first whole list is here. */
  readonly listed: Promise<void>;
}

export interface MirrorOptions<T extends Item, S extends Known> {
  readonly kubernetes: Kubernetes;
  readonly kind: Kind;
  readonly query?: Query;
  /** What is kept of an object; nothing of one that does not matter. */
  readonly compact: (object: T) => S | undefined;
  /** Something else is known of this object than before; `now` is absent when it is gone. */
  readonly onChange: (before: S | undefined, now: S | undefined) => void;
  readonly clock: Clock;
  readonly log: Log;
  readonly signal: AbortSignal;
}

/** Versions of one kind grow (etcd's revisions; promised since Kubernetes 1.35): an event that is older than our own write is old news. */
const isOlder = (version: string, than: string): boolean =>
  version.length === than.length ? version < than : version.length < than.length;

/** How many ends are remembered: far more than there are writes on their way. */
const ENDED = 512;

export const mirrorOf = <T extends Item, S extends Known>(options: MirrorOptions<T, S>): Mirror<T, S> => {
  const { kubernetes, kind, query, compact, onChange, clock, log, signal } = options;
  const namespaces = new Map<string, Map<string, S>>();
  const listed = Promise.withResolvers<void>();
  /** uids of the last objects that went. */
  const ended = new Set<string>();

  const get = (namespace: string, name: string) => namespaces.get(namespace)?.get(name);
  const keep = (now: S) => {
    const known = namespaces.get(now.namespace) ?? new Map<string, S>();
    namespaces.set(now.namespace, known.set(now.name, now));
  };
  const drop = ({ namespace, name }: S) => {
    const known = namespaces.get(namespace);
    known?.delete(name);
    if (known?.size === 0) namespaces.delete(namespace);
  };
  const all = function* () {
    for (const known of namespaces.values()) yield* known.values();
  };

  const put = (now: S) => {
    const before = get(now.namespace, now.name);
    if (before && (before.version === now.version || isOlder(now.version, before.version))) return;
    keep(now);
    onChange(before, now);
  };
  const remove = (gone: S) => {
    ended.add(gone.uid);
    const [oldest] = ended;
    if (ended.size > ENDED && oldest !== undefined) ended.delete(oldest);
    const before = get(gone.namespace, gone.name);
    if (!before || before.uid !== gone.uid) return;
    drop(before);
    onChange(before, undefined);
  };

  void keepWatching<T, S>({
    kubernetes,
    path: pathOf(kind),
    ...(query ? { query } : {}),
    compact,
    into: {
      replace: (items) => {
        const present = new Set(items.map(({ uid }) => uid));
        for (const known of [...all()]) if (!present.has(known.uid)) remove(known);
        for (const item of items) put(item);
        listed.resolve();
      },
      put,
      remove,
    },
    clock,
    log,
    signal,
  });

  return {
    get,
    within: (namespace) => namespaces.get(namespace)?.values() ?? [],
    all,
    learn: (object) => {
      const now = compact(object);
      // The answer to a write may come after the news of the end: it must raise no ghost.
      if (!now || ended.has(now.uid)) return now;
      const before = get(now.namespace, now.name);
      if (!before || !isOlder(now.version, before.version)) keep(now);
      return now;
    },
    listed: listed.promise,
  };
};
