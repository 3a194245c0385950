/** Stored objects of a custom kind in the form that their definition has now, which may be another than when they were written. */
import { clone, type Obj, same } from '../json.ts';
import { apiVersionOf, type Kind } from '../kinds/kind.ts';
import { fillDefaults, prune } from './prune.ts';

/** Each object is brought into form once for a kind; a changed definition makes a new kind. */
const known = new WeakMap<Kind, WeakMap<Obj, Obj>>();

/** The object with the version's name, without fields that its schema does not know, and with the defaults that it has. */
export function asDefined(kind: Kind, stored: Obj): Obj {
  const shown = known.get(kind) ?? new WeakMap<Obj, Obj>();
  known.set(kind, shown);
  let object = shown.get(stored);
  if (object === undefined) {
    object = { ...clone(stored), apiVersion: apiVersionOf(kind) };
    if (kind.schema) {
      prune(kind.schema, object);
      fillDefaults(kind.schema, object);
    }
    // Mostly nothing changes: then one copy is enough.
    if (same(object, stored)) object = stored;
    shown.set(stored, object);
  }
  return object;
}
