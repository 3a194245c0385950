/** The storage: every object in memory, written through to the database, with one resource version for all and a window of history for watches. */
import { internal } from '../errors.ts';
import type { Obj, ObjectMeta } from '../json.ts';
import { type Database, KEPT, openDatabase } from './database.ts';

/** One state of one object. Never changed once it is stored. */
export interface Stored {
  readonly key: string;
  readonly rv: number;
  readonly object: Obj;
  readonly json: string;
}

export interface StoreEvent {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  readonly rv: number;
  /** The new state; of a deletion the last one, with the version of the deletion. */
  readonly stored: Stored;
  readonly before: Stored | undefined;
}

interface Shelf {
  objects: Map<string, Stored>;
  sorted: Stored[] | undefined;
  history: StoreEvent[];
  /** Changes up to this version are no longer in `history`. */
  compacted: number;
  listeners: Set<(event: StoreEvent) => void>;
}

/** So many changes of a kind can be watched from the past. */
const WINDOW = 10_000;

/** Bytes that one object may have as JSON: etcd's `--max-request-bytes`. */
const OBJECT_LIMIT = 1.5 * 1024 * 1024;
/** Of UTF-8, for one unit of a string. */
const MOST_BYTES = 3;

/** The metadata with its new version, in the place where Go writes it. */
function versioned(metadata: ObjectMeta, rv: number): ObjectMeta {
  const { name, generateName, namespace, selfLink, uid, resourceVersion: _before, ...rest } = metadata;
  return {
    name,
    ...(generateName !== undefined && { generateName }),
    ...(namespace !== undefined && { namespace }),
    ...(selfLink !== undefined && { selfLink }),
    uid,
    resourceVersion: String(rv),
    ...rest,
  };
}

export const keyOf = (namespace: string | undefined, name: string): string => `${namespace ?? ''}/${name}`;

export class Store {
  readonly #database: Database;
  readonly #shelves = new Map<string, Shelf>();
  /** Changes up to this version are not known any more. */
  readonly #beginning: number;
  #version: number;

  /** `kept`: changes that can be watched after a restart. */
  constructor(file: string, kept = KEPT) {
    this.#database = openDatabase(file, kept);
    this.#version = this.#database.version();
    const { since, changes } = this.#database.history();
    this.#beginning = since;
    for (const { storage, key, rv, json } of this.#database.rows()) {
      this.#shelf(storage).objects.set(key, { key, rv, json, object: JSON.parse(json) });
    }
    const stateOf = (key: string, { rv, json }: { rv: number; json: string }): Stored => ({
      key,
      rv,
      json,
      object: JSON.parse(json),
    });
    for (const { storage, key, rv, type, json, before } of changes) {
      const stored = stateOf(key, { rv, json });
      this.#shelf(storage).history.push({ type, rv, stored, before: before && stateOf(key, before) });
    }
  }

  /** The last resource version given out. */
  get version(): number {
    return this.#version;
  }

  #shelf(storage: string): Shelf {
    let shelf = this.#shelves.get(storage);
    if (shelf === undefined) {
      shelf = { objects: new Map(), sorted: undefined, history: [], compacted: this.#beginning, listeners: new Set() };
      this.#shelves.set(storage, shelf);
    }
    return shelf;
  }

  get(storage: string, key: string): Stored | undefined {
    return this.#shelf(storage).objects.get(key);
  }

  /** All objects in the order of their keys. */
  list(storage: string): readonly Stored[] {
    const shelf = this.#shelf(storage);
    shelf.sorted ??= [...shelf.objects.values()].sort((a, b) => (a.key < b.key ? -1 : 1));
    return shelf.sorted;
  }

  /** All objects as they were at a version, or undefined if that is too long ago. */
  listAt(storage: string, version: number): readonly Stored[] | undefined {
    const shelf = this.#shelf(storage);
    if (version < shelf.compacted) return undefined;
    const then = new Map(shelf.objects);
    for (let i = shelf.history.length - 1; i >= 0; i--) {
      const event = shelf.history[i]!;
      if (event.rv <= version) break;
      if (event.before) then.set(event.stored.key, event.before);
      else then.delete(event.stored.key);
    }
    return [...then.values()].sort((a, b) => (a.key < b.key ? -1 : 1));
  }

  /** Writes a new state (create or change): gives it its resource version, in place, and tells the watchers. Throws what a real server says of an object that is too large for etcd. */
  put(storage: string, object: Obj): Stored {
    const key = keyOf(object.metadata.namespace, object.metadata.name);
    const rv = this.#version + 1;
    object.metadata = versioned(object.metadata, rv);
    const json = JSON.stringify(object);
    if (json.length * MOST_BYTES > OBJECT_LIMIT && Buffer.byteLength(json) > OBJECT_LIMIT)
      throw internal('etcdserver: request is too large');
    const shelf = this.#shelf(storage);
    const before = shelf.objects.get(key);
    const type = before ? 'MODIFIED' : 'ADDED';
    this.#database.write({ storage, key, rv, type, json, before });
    const stored: Stored = { key, rv, object, json };
    this.#version = rv;
    shelf.objects.set(key, stored);
    shelf.sorted = undefined;
    this.#tell(shelf, { type, rv, stored, before });
    return stored;
  }

  /** Removes what is there; answers the last state with the version of the deletion. */
  remove(storage: string, key: string): Stored {
    const shelf = this.#shelf(storage);
    const before = shelf.objects.get(key);
    if (before === undefined) throw new Error(`${storage} ${key} is not stored`);
    const rv = this.#version + 1;
    const object = { ...before.object, metadata: { ...before.object.metadata, resourceVersion: String(rv) } };
    const stored: Stored = { key, rv, object, json: JSON.stringify(object) };
    this.#database.write({ storage, key, rv, type: 'DELETED', json: stored.json, before });
    this.#version = rv;
    shelf.objects.delete(key);
    shelf.sorted = undefined;
    this.#tell(shelf, { type: 'DELETED', rv, stored, before });
    return stored;
  }

  #tell(shelf: Shelf, event: StoreEvent): void {
    shelf.history.push(event);
    if (shelf.history.length > WINDOW * 1.25) {
      const gone = shelf.history.splice(0, shelf.history.length - WINDOW);
      shelf.compacted = gone[gone.length - 1]!.rv;
    }
    for (const listener of shelf.listeners) listener(event);
  }

  /** The changes after a version, oldest first, or undefined if the history does not reach so far back. */
  since(storage: string, version: number): StoreEvent[] | undefined {
    const shelf = this.#shelf(storage);
    if (version < shelf.compacted) return undefined;
    const { history } = shelf;
    let from = history.length;
    while (from > 0 && history[from - 1]!.rv > version) from--;
    return history.slice(from);
  }

  /** Calls back for every change from now on; answers how to stop. */
  listen(storage: string, listener: (event: StoreEvent) => void): () => void {
    const { listeners } = this.#shelf(storage);
    listeners.add(listener);
    return () => listeners.delete(listener);
  }

  /** From now on nothing before this moment can be watched: for a custom kind that was defined just now. */
  forget(storage: string): void {
    const shelf = this.#shelf(storage);
    shelf.history = [];
    shelf.compacted = this.#version;
  }

  close(): void {
    for (const { listeners } of this.#shelves.values()) listeners.clear();
    this.#database.close();
  }
}
