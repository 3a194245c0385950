/** Garbage collection: deletes what lost all its owners; owners wait for their dependents (foreground) or let them go (orphan). */
import { isStatus } from './machinery/client.ts';
import { type Discovered, discover } from './machinery/discovery.ts';
import type { Informer } from './machinery/informer.ts';
import { customResourceDefinitions, type Resource, resourceKey } from './machinery/resources.ts';
import type { Runtime } from './machinery/runtime.ts';
import type { OwnerReference, Stored } from './machinery/types.ts';

const FOREGROUND = 'foregroundDeletion';
const ORPHAN = 'orphan';
/** Kinds are asked for this often even when no definition changed. */
const DISCOVER_MS = 60_000;
/** Never owned, never collected: many, short-lived, or made anew by the API server. */
const IGNORED = new Set(['v1/events', 'events.k8s.io/v1/events']);

const groupOf = (apiVersion: string): string =>
  apiVersion.includes('/') ? apiVersion.slice(0, apiVersion.indexOf('/')) : '';

interface Tracked {
  resource: Resource;
  object: Stored;
}

export function garbageCollector(runtime: Runtime): void {
  const record = runtime.recordAs('garbage-collector-controller');
  const tracked = new Map<string, Tracked>();
  const dependents = new Map<string, Set<string>>();
  const kinds = new Map<string, Discovered>();
  const informers = new Map<string, Informer<Stored>>();

  const isDeleting = (object: Stored) => object.metadata.deletionTimestamp !== undefined;
  const has = (object: Stored, finalizer: string) => object.metadata.finalizers?.includes(finalizer) === true;
  const isElsewhere = ({ resource, object }: Tracked, namespace: string | undefined) =>
    resource.namespaced && object.metadata.namespace !== namespace;
  const dependentsOf = (uid: string) => [...(dependents.get(uid) ?? [])].flatMap((id) => tracked.get(id) ?? []);

  async function dropFinalizer({ resource, object }: Tracked, finalizer: string): Promise<void> {
    const finalizers = object.metadata.finalizers?.filter((name) => name !== finalizer) ?? [];
    const { uid, resourceVersion } = object.metadata;
    await runtime.patch(resource, object, { metadata: { uid, resourceVersion, finalizers } });
  }

  async function dropReferences({ resource, object }: Tracked, uids: Set<string>): Promise<void> {
    const ownerReferences = object.metadata.ownerReferences?.filter((owner) => !uids.has(owner.uid)) ?? [];
    const { uid, resourceVersion } = object.metadata;
    await runtime.patch(resource, object, { metadata: { uid, resourceVersion, ownerReferences } });
  }

  /** Whether an owner is there. What the cache does not know is asked of the server: the cache may be a moment behind. */
  async function ownerState(
    owner: OwnerReference,
    namespace: string | undefined,
  ): Promise<'there' | 'waiting' | 'gone' | 'unknown'> {
    const known = tracked.get(owner.uid);
    // Owners live in the dependent's namespace, or in none.
    if (known && isElsewhere(known, namespace)) return namespace === undefined ? 'unknown' : 'gone';
    let object = known?.object;
    if (object === undefined) {
      // References keep the version they were made with; the kind may be served in a newer one by now.
      const kind = [...kinds.values()].find(
        (candidate) => candidate.kind === owner.kind && groupOf(candidate.apiVersion) === groupOf(owner.apiVersion),
      );
      if (kind === undefined || (kind.namespaced && namespace === undefined)) return 'unknown';
      const found = await runtime.client.find(kind, kind.namespaced ? namespace : undefined, owner.name);
      if (found?.metadata.uid !== owner.uid) return 'gone';
      object = found;
    }
    return isDeleting(object) && has(object, FOREGROUND) ? 'waiting' : 'there';
  }

  async function collect(item: Tracked): Promise<void> {
    const { object, resource } = item;
    if (isDeleting(object)) return;
    const owners = object.metadata.ownerReferences ?? [];
    if (owners.length === 0) return;
    const { namespace } = object.metadata;
    for (const { apiVersion, kind, name, uid } of owners) {
      const owner = tracked.get(uid);
      if (!owner || !isElsewhere(owner, namespace)) continue;
      const message = `ownerRef [${apiVersion}/${kind}, namespace: ${namespace ?? ''}, name: ${name}, uid: ${uid}] does not exist in namespace "${namespace ?? ''}"`;
      record(object, 'Warning', 'OwnerRefInvalidNamespace', message);
    }
    const states = await Promise.all(owners.map((owner) => ownerState(owner, object.metadata.namespace)));
    if (states.includes('unknown')) return;
    if (states.includes('there')) {
      const lost = owners.filter((_, index) => states[index] !== 'there').map(({ uid }) => uid);
      if (lost.length > 0) await dropReferences(item, new Set(lost));
      return;
    }
    const foreground =
      (states.includes('waiting') && dependentsOf(object.metadata.uid).length > 0) || has(object, FOREGROUND);
    await runtime.delete(resource, object, {
      propagationPolicy: has(object, ORPHAN) ? 'Orphan' : foreground ? 'Foreground' : 'Background',
    });
  }

  const queue = runtime.queue({ name: 'garbage-collector', concurrency: 8 }, async (uid) => {
    const item = tracked.get(uid);
    if (item === undefined) return;
    try {
      if (isDeleting(item.object) && has(item.object, ORPHAN)) {
        for (const dependent of dependentsOf(uid)) await dropReferences(dependent, new Set([uid]));
        return await dropFinalizer(item, ORPHAN);
      }
      if (isDeleting(item.object) && has(item.object, FOREGROUND)) {
        const left = dependentsOf(uid);
        const blocking = left.filter(({ object }) =>
          object.metadata.ownerReferences?.some((owner) => owner.uid === uid && owner.blockOwnerDeletion === true),
        );
        if (blocking.length === 0) await dropFinalizer(item, FOREGROUND);
        for (const { object } of left) queue.add(object.metadata.uid);
        return;
      }
      await collect(item);
    } catch (error) {
      if (!isStatus(error, 404)) throw error;
    }
  });

  const link = (id: string, object: Stored) => {
    for (const { uid } of object.metadata.ownerReferences ?? []) {
      const set = dependents.get(uid) ?? new Set();
      dependents.set(uid, set.add(id));
    }
  };
  const unlink = (id: string, object: Stored) => {
    for (const { uid } of object.metadata.ownerReferences ?? []) {
      const set = dependents.get(uid);
      set?.delete(id);
      if (set?.size === 0) dependents.delete(uid);
    }
  };

  function changed(resource: Resource, object: Stored, old?: Stored): void {
    const { uid } = object.metadata;
    if (old) unlink(uid, old);
    tracked.set(uid, { resource, object });
    link(uid, object);
    const doubtful = (owner: Tracked | undefined) =>
      owner === undefined || isDeleting(owner.object) || isElsewhere(owner, object.metadata.namespace);
    if (object.metadata.ownerReferences?.some((owner) => doubtful(tracked.get(owner.uid)))) queue.add(uid);
    if (isDeleting(object) && (has(object, FOREGROUND) || has(object, ORPHAN))) queue.add(uid);
  }

  function deleted(object: Stored): void {
    const { uid } = object.metadata;
    unlink(uid, object);
    tracked.delete(uid);
    for (const id of dependents.get(uid) ?? []) queue.add(id);
    for (const owner of object.metadata.ownerReferences ?? []) queue.add(owner.uid);
  }

  function follow(kind: Discovered): void {
    const informer = runtime.informer<Stored>(kind);
    informers.set(resourceKey(kind), informer);
    informer.on((change) => {
      if (change.type === 'deleted') deleted(change.object);
      else changed(kind, change.object, change.type === 'updated' ? change.old : undefined);
    });
  }

  const discovery = runtime.queue({ name: 'garbage-collector-discovery' }, async () => {
    const found = new Map<string, Discovered>();
    const { kinds: served, failed } = await discover(runtime.client);
    for (const kind of served) {
      const wanted = ['list', 'watch', 'delete'].every((verb) => kind.verbs.includes(verb));
      if (wanted && !IGNORED.has(resourceKey(kind))) found.set(resourceKey(kind), kind);
    }
    for (const [key, kind] of found) {
      if (kinds.has(key)) continue;
      kinds.set(key, kind);
      follow(kind);
    }
    for (const [key, kind] of kinds) {
      const silent = failed.some((group) => group.startsWith(`${kind.apiVersion}:`));
      if (found.has(key) || silent) continue;
      kinds.delete(key);
      for (const object of informers.get(key)?.list() ?? []) deleted(object);
      informers.delete(key);
      runtime.drop(kind);
    }
    // An owner of a kind that was unknown until now may turn out to be gone.
    for (const [uid, { object }] of tracked) {
      if (object.metadata.ownerReferences?.some((owner) => !tracked.has(owner.uid))) queue.addAfter(uid, 500);
    }
    return DISCOVER_MS;
  });
  runtime.informer(customResourceDefinitions).on(() => discovery.addAfter('kinds', 100));
  discovery.add('kinds');
}
