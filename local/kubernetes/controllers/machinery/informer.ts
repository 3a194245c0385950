/** A local copy of all objects of one resource, kept by list and watch, which tells what changed. */
import { setTimeout as sleep } from 'node:timers/promises';
import { type Client, isStatus } from './client.ts';
import type { Resource } from './resources.ts';
import type { Meta, Stored } from './types.ts';

export type Change<T> = { type: 'added' | 'deleted'; object: T } | { type: 'updated'; object: T; old: T };
export type Handler<T> = (change: Change<T>) => void;

export const keyOf = (object: { metadata: Pick<Meta, 'name' | 'namespace'> }): string =>
  object.metadata.namespace === undefined
    ? object.metadata.name
    : `${object.metadata.namespace}/${object.metadata.name}`;

/** The server ends a watch after this time (with a little of chance, so that not all end at once). */
const WATCH_SECONDS = 300;
/** Everything is listed anew this often, whatever the watches say: they have been known to die silently. */
const RELIST_MS = 600_000;
/** An absent kind (its definition is not installed) is asked for again this often. */
const ABSENT_MS = 2_000;
/** A deleted uid is remembered this long, so that a late answer to a write does not bring its object back. */
const TOMBSTONE_MS = 60_000;

const newer = (a: Meta, b: Meta): boolean => BigInt(a.resourceVersion) > BigInt(b.resourceVersion);

export interface InformerOptions {
  query?: Record<string, string>;
  log?: (line: string) => void;
}

export class Informer<T extends Stored> {
  readonly resource: Resource<T>;
  readonly #client: Pick<Client, 'list' | 'watch'>;
  readonly #options: InformerOptions;
  readonly #objects = new Map<string, T>();
  /** The same objects by namespace: most readers ask for one. */
  readonly #spaces = new Map<string, Map<string, T>>();
  readonly #gone = new Map<string, number>();
  readonly #handlers: Handler<T>[] = [];
  readonly #abort = new AbortController();
  readonly #synced = Promise.withResolvers<void>();
  #done: Promise<void> | undefined;
  #version = '';

  constructor(client: Pick<Client, 'list' | 'watch'>, resource: Resource<T>, options: InformerOptions = {}) {
    this.#client = client;
    this.resource = resource;
    this.#options = options;
  }

  /** Resolved once the first list is in, or the kind was found to be absent. */
  get synced(): Promise<void> {
    return this.#synced.promise;
  }

  get(key: string): T | undefined {
    return this.#objects.get(key);
  }

  list(namespace?: string): T[] {
    return [
      ...(namespace === undefined ? this.#objects : (this.#spaces.get(namespace) ?? new Map<string, T>())).values(),
    ];
  }

  /** Calls `handler` for what is there already and then for every change. */
  on(handler: Handler<T>): void {
    this.#handlers.push(handler);
    for (const object of this.#objects.values()) handler({ type: 'added', object });
  }

  /** Takes over what a write of ours was answered, so that the next reading sees it before the watch does. */
  observe(object: T): void {
    if (this.#gone.has(object.metadata.uid)) return;
    this.#put(object);
  }

  /** Takes over that a delete of ours was final. */
  forget(object: Stored): void {
    const known = this.#objects.get(keyOf(object));
    if (known?.metadata.uid === object.metadata.uid) this.#remove(known);
  }

  start(): void {
    this.#done ??= this.#run();
  }

  async stop(): Promise<void> {
    this.#abort.abort();
    this.#synced.resolve();
    await this.#done;
  }

  #tell(change: Change<T>): void {
    for (const handler of this.#handlers) handler(change);
  }

  #put(raw: T): void {
    // Who manages which field is half of an object's size and nobody's concern here; a write without it leaves it as it is.
    const { managedFields: _managed, ...metadata } = raw.metadata;
    const object = { ...raw, metadata, apiVersion: this.resource.apiVersion, kind: this.resource.kind };
    const key = keyOf(object);
    const old = this.#objects.get(key);
    if (old && !newer(object.metadata, old.metadata)) return;
    if (old && old.metadata.uid !== object.metadata.uid) this.#remove(old);
    this.#objects.set(key, object);
    const space = object.metadata.namespace ?? '';
    if (!this.#spaces.has(space)) this.#spaces.set(space, new Map());
    this.#spaces.get(space)?.set(key, object);
    this.#tell(
      old && old.metadata.uid === object.metadata.uid ? { type: 'updated', object, old } : { type: 'added', object },
    );
  }

  #remove(object: T): void {
    const now = Date.now();
    for (const [uid, until] of this.#gone) if (until < now) this.#gone.delete(uid);
    this.#gone.set(object.metadata.uid, now + TOMBSTONE_MS);
    this.#objects.delete(keyOf(object));
    const space = this.#spaces.get(object.metadata.namespace ?? '');
    space?.delete(keyOf(object));
    if (space?.size === 0) this.#spaces.delete(object.metadata.namespace ?? '');
    this.#tell({ type: 'deleted', object });
  }

  async #relist(): Promise<void> {
    const { items, resourceVersion } = await this.#client.list(this.resource, undefined, this.#options.query);
    const listed = new Set(items.map((item) => item.metadata.uid));
    for (const item of items) this.#put(item);
    for (const object of this.#objects.values()) {
      // What a write of ours added after the list was taken is newer than the list and stays.
      const late = BigInt(object.metadata.resourceVersion) > BigInt(resourceVersion);
      if (!listed.has(object.metadata.uid) && !late) this.#remove(object);
    }
    this.#version = resourceVersion;
    this.#synced.resolve();
  }

  async #watch(): Promise<void> {
    const timeoutSeconds = Math.round(WATCH_SECONDS * (0.9 + Math.random() * 0.2));
    const query = { ...this.#options.query, resourceVersion: this.#version, timeoutSeconds };
    await this.#client.watch(this.resource, query, this.#abort.signal, (event) => {
      this.#version = event.object.metadata.resourceVersion;
      if (event.type === 'DELETED') this.forget(event.object);
      else if (event.type !== 'BOOKMARK') this.#put(event.object);
    });
  }

  async #run(): Promise<void> {
    const { signal } = this.#abort;
    let failures = 0;
    let listedAt = Number.NEGATIVE_INFINITY;
    while (!signal.aborted) {
      try {
        if (Date.now() - listedAt > RELIST_MS) {
          await this.#relist();
          listedAt = Date.now();
        }
        failures = 0;
        await this.#watch();
      } catch (error) {
        if (signal.aborted) return;
        if (isStatus(error, 410)) {
          listedAt = Number.NEGATIVE_INFINITY;
          continue;
        }
        if (isStatus(error, 404)) {
          listedAt = Number.NEGATIVE_INFINITY;
          for (const object of this.#objects.values()) this.#remove(object);
          this.#synced.resolve();
          await sleep(ABSENT_MS, undefined, { signal }).catch(() => undefined);
          continue;
        }
        failures += 1;
        // A refused version (500 for a malformed one) is cured by a new list only.
        if (!isStatus(error, 0)) listedAt = Number.NEGATIVE_INFINITY;
        this.#options.log?.(`${this.resource.plural}: ${(error as Error).message}`);
        const pause = Math.min(10_000, 100 * 2 ** Math.min(failures, 7)) * (0.5 + Math.random() / 2);
        await sleep(pause, undefined, { signal }).catch(() => undefined);
      }
    }
  }
}
