/**
 * The ResourceQuota admission: nothing is made or grown beyond what its namespace may hold. What is used is looked up in the same turn as the
 * write, so that any number of requests at once never get more than there is.
 */
import { forbidden } from '../../errors.ts';
import type { Json, Obj } from '../../json.ts';
import { type Kind, subjectOf } from '../../kinds/kind.ts';
import type { Attributes } from '../attributes.ts';
import { type Quantities, quantitiesOf, shown } from '../quantities.ts';
import { inScope } from './scopes.ts';
import { unnamed, usageOf } from './usage.ts';

/** Kinds whose changes may use more; all others only count. */
const GROWING = new Set(['pods', 'persistentvolumeclaims', 'services']);

export function enforceQuota(attributes: Attributes): void {
  const { call, kind, operation, object, old, subresource } = attributes;
  if (!kind.namespaced || operation === 'DELETE' || subresource !== '') return;
  if (operation === 'UPDATE' && !GROWING.has(kind.storage)) return;
  const { namespace } = object!.metadata;
  for (const { object: quota } of call.context.store.list('resourcequotas')) {
    if (quota.metadata.namespace === namespace) checkQuota(attributes, quota, object!, old);
  }
}

function checkQuota({ call, kind, operation }: Attributes, quota: Obj, object: Obj, old: Obj | undefined): void {
  const { spec, metadata } = quota as Json;
  if (!inScope(spec, kind.storage, object)) return;
  const hard = quantitiesOf(spec?.hard);
  const refuse = (why: string) => forbidden(subjectOf(kind), object.metadata.name, why);
  if (kind.storage === 'pods' && operation === 'CREATE') {
    const missing = unnamed(object.spec, [...hard.keys()]);
    if (missing.size) {
      const words = [...missing].map(([name, containers]) => `${name} for: ${containers.join(',')}`);
      throw refuse(`failed quota: ${metadata.name}: must specify ${words.join('; ')}`);
    }
  }
  const wanted = growth(kind, object, old, hard);
  if (wanted.size === 0) return;
  const used = call.context.quotaLedger.used(kind, quota);
  const over = [...wanted.keys()]
    .filter((name) => (used.get(name)?.nano ?? 0n) + wanted.get(name)!.nano > hard.get(name)!.nano)
    .sort();
  if (over.length === 0) return;
  const list = (amounts: Quantities) =>
    over.map((name) => `${name}=${shown(amounts.get(name) ?? { nano: 0n, format: 'decimal' })}`).join(',');
  throw refuse(
    `exceeded quota: ${metadata.name}, requested: ${list(wanted)}, used: ${list(used)}, limited: ${list(hard)}`,
  );
}

/** What the write uses more than before, of what the quota limits. */
function growth(kind: Kind, object: Obj, old: Obj | undefined, hard: Quantities): Quantities {
  const before: Quantities = old ? usageOf(kind, old) : new Map();
  const more: Quantities = new Map();
  for (const [name, quantity] of usageOf(kind, object)) {
    const nano = quantity.nano - (before.get(name)?.nano ?? 0n);
    if (hard.has(name) && nano > 0n) more.set(name, { ...quantity, nano });
  }
  return more;
}
