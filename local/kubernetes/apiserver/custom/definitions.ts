/** CustomResourceDefinitions at work: their names are accepted, their kinds served, and when one goes its objects go first. */
import type { Context } from '../call.ts';
import { type Json, type Obj, same, timestamp } from '../json.ts';
import type { Kind } from '../kinds/kind.ts';
import { keyOf } from '../storage/store.ts';
import { tidy } from '../verbs/stored.ts';
import { CLEANUP_FINALIZER, CUSTOM_RESOURCE_DEFINITIONS } from './definition-kind.ts';
import { kindsOf } from './kind-of.ts';

const STORAGE = CUSTOM_RESOURCE_DEFINITIONS.storage;

interface Served {
  kinds: Kind[];
  stopListening: () => void;
}

function withCondition(conditions: Json[], type: string, status: string, reason: string, message: string): Json[] {
  const known = conditions.find((one) => one.type === type);
  const condition = {
    type,
    status,
    lastTransitionTime: known?.status === status ? known.lastTransitionTime : timestamp(),
    reason,
    message,
  };
  return known ? conditions.map((one) => (one === known ? condition : one)) : [...conditions, condition];
}

export function customResources(context: Context): { start(): void; stop(): void } {
  const { store, registry } = context;
  const served = new Map<string, Served>();
  let stopped = false;
  let unlisten = () => {};
  const pending = new Set<string>();

  function write(old: Obj, status: Json, metadata: Json = old.metadata): void {
    const next = tidy({ ...old, metadata: { ...metadata }, status });
    if (!same(next, old)) store.put(STORAGE, next);
  }

  /** Another kind of the group that has one of the names. */
  function taken(definition: Obj): string | undefined {
    const { group, names } = definition.spec as Json;
    const mine = served.get(definition.metadata.name)?.kinds ?? [];
    const others = registry.all().filter((kind) => kind.group === group && !mine.includes(kind));
    const words = [names.plural, names.singular, ...(names.shortNames ?? [])];
    const other = others.find(
      (kind) =>
        kind.kind === names.kind ||
        words.some((word) => [kind.resource, kind.singular, ...(kind.shortNames ?? [])].includes(word)),
    );
    return other?.kind;
  }

  function serve(definition: Obj, fresh: boolean): void {
    const { name } = definition.metadata;
    const kinds = kindsOf(definition);
    const known = served.get(name);
    for (const kind of known?.kinds ?? []) registry.remove(kind);
    for (const kind of kinds) registry.add(kind);
    if (known) known.kinds = kinds;
    else {
      const { group, names } = definition.spec as Json;
      const storage = `${group}/${names.plural}`;
      // What was before the definition cannot be watched.
      if (fresh) store.forget(storage);
      served.set(name, { kinds, stopListening: store.listen(storage, () => soon(name)) });
    }
  }

  function unserve(name: string): void {
    const known = served.get(name);
    for (const kind of known?.kinds ?? []) registry.remove(kind);
    known?.stopListening();
    served.delete(name);
  }

  /** Deletes the objects of a definition that goes; answers whether none is left. */
  function emptied(definition: Obj): boolean {
    const { group, names } = definition.spec as Json;
    const storage = `${group}/${names.plural}`;
    for (const { object, key } of [...store.list(storage)]) {
      if (!object.metadata.finalizers?.length) store.remove(storage, key);
      else if (!object.metadata.deletionTimestamp) {
        store.put(
          storage,
          tidy({
            ...object,
            metadata: { ...object.metadata, deletionTimestamp: timestamp(), deletionGracePeriodSeconds: 0 },
          }),
        );
      }
    }
    return store.list(storage).length === 0;
  }

  function sync(name: string, fresh = true): void {
    const key = keyOf(undefined, name);
    const definition = store.get(STORAGE, key)?.object;
    if (definition === undefined) {
      unserve(name);
      return;
    }
    const status = (definition.status ?? {}) as Json;
    const conditions: Json[] = status.conditions ?? [];
    const { names, versions } = definition.spec as Json;
    if (definition.metadata.deletionTimestamp) {
      serve(definition, fresh);
      const waiting = withCondition(
        conditions,
        'Terminating',
        'True',
        'InstanceDeletionInProgress',
        'CustomResource deletion is in progress',
      );
      write(definition, { ...status, conditions: waiting });
      if (!definition.metadata.finalizers?.includes(CLEANUP_FINALIZER) || !emptied(definition)) return;
      const now = store.get(STORAGE, key)!.object;
      const finalizers = (now.metadata.finalizers ?? []).filter((one) => one !== CLEANUP_FINALIZER);
      unserve(name);
      if (finalizers.length) write(now, now.status, { ...now.metadata, finalizers });
      else store.remove(STORAGE, key);
      return;
    }
    const other = taken(definition);
    if (other !== undefined) {
      const refused = withCondition(
        conditions,
        'NamesAccepted',
        'False',
        'NamesConflict',
        `names are already in use by ${other}`,
      );
      write(definition, {
        ...status,
        conditions: withCondition(refused, 'Established', 'False', 'NotAccepted', 'not all names are accepted'),
      });
      return;
    }
    serve(definition, fresh);
    const accepted = withCondition(conditions, 'NamesAccepted', 'True', 'NoConflicts', 'no conflicts found');
    const established = withCondition(
      accepted,
      'Established',
      'True',
      'InitialNamesAccepted',
      'the initial names have been accepted',
    );
    const stored = versions.find(({ storage }: Json) => storage)?.name;
    const storedVersions: string[] = status.storedVersions ?? [];
    write(definition, {
      conditions: established,
      acceptedNames: names,
      storedVersions: storedVersions.includes(stored) ? storedVersions : [...storedVersions, stored],
    });
  }

  /** After the write that is under way has been told to everybody. */
  function soon(name: string): void {
    if (pending.has(name)) return;
    pending.add(name);
    queueMicrotask(() => {
      pending.delete(name);
      if (!stopped) sync(name);
    });
  }

  return {
    start() {
      for (const { object } of [...store.list(STORAGE)]) sync(object.metadata.name, false);
      unlisten = store.listen(STORAGE, ({ stored }) => soon(stored.object.metadata.name));
    },
    stop() {
      stopped = true;
      unlisten();
    },
  };
}
