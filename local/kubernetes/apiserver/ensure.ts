/** Objects that the server itself puts in their places and keeps as they should be. */
import { randomUUID } from 'node:crypto';
import type { Context } from './call.ts';
import { type Json, type Obj, same, timestamp } from './json.ts';
import type { Kind } from './kinds/kind.ts';
import { decode } from './schema/decode.ts';
import { keyOf } from './storage/store.ts';
import { tidy } from './verbs/stored.ts';

/** Puts an object in its place if there is none; answers what is there. */
export function ensure({ store, registry, around }: Context, apiVersion: string, name: string, content: Json): Obj {
  const kind = registry.byKind(apiVersion, name) as Kind;
  const { namespace, name: own } = content.metadata;
  const known = store.get(kind.storage, keyOf(namespace, own));
  if (known) return known.object;
  const object = { kind: name, apiVersion, ...decode(kind.type, content).value } as Obj;
  kind.defaults?.(object);
  kind.prepareCreate?.(object, around);
  object.metadata.uid = randomUUID();
  object.metadata.creationTimestamp = timestamp();
  if (kind.generation) object.metadata.generation = 1;
  return store.put(kind.storage, tidy(object)).object;
}

/** The same, and gives an object that was there already these parts, where they differ. */
export function enforce(context: Context, apiVersion: string, name: string, content: Json, parts: Json): void {
  const kind = context.registry.byKind(apiVersion, name) as Kind;
  const known = ensure(context, apiVersion, name, { ...content, ...parts });
  if (Object.entries(parts).every(([part, value]) => same(known[part], value))) return;
  const next: Obj = { ...known, ...parts, metadata: { ...known.metadata } };
  if (kind.generation?.(next, known)) next.metadata.generation = (known.metadata.generation ?? 0) + 1;
  context.store.put(kind.storage, next);
}
