/**
 * What the objects of a namespace use, as quotas count it: counted once, then kept with every write, in the same turn as the write. It is of the
 * memory alone, so that it can never say other than what is stored.
 */
import type { Json, Obj } from '../../json.ts';
import type { Kind } from '../../kinds/kind.ts';
import type { Store } from '../../storage/store.ts';
import { add, type Quantities, subtract } from '../quantities.ts';
import { inScope, requirementsOf } from './scopes.ts';
import { usageOf } from './usage.ts';

/** The sum for all quotas of a namespace that have the same scopes. */
interface Account {
  spec: Json;
  used: Quantities;
  /** What is going changes its use with time: counted when it is asked for. */
  going: Map<string, Obj>;
}

export interface Ledger {
  /** What the objects of one kind use of a quota now. */
  used(kind: Kind, quota: Obj): Quantities;
}

export function quotaLedger(store: Store): Ledger {
  /** By kind, by namespace, by scopes. */
  const books = new Map<string, Map<string, Map<string, Account>>>();

  store.listen('resourcequotas', ({ type, stored }) => {
    if (type === 'DELETED') for (const book of books.values()) book.delete(stored.object.metadata.namespace ?? '');
  });

  function bookOf(kind: Kind): Map<string, Map<string, Account>> {
    const known = books.get(kind.storage);
    if (known) return known;
    const book = new Map<string, Map<string, Account>>();
    books.set(kind.storage, book);
    store.listen(kind.storage, ({ type, stored, before }) => {
      for (const account of book.get(stored.object.metadata.namespace ?? '')?.values() ?? []) {
        if (before) take(kind, account, before.object, subtract);
        if (type !== 'DELETED') take(kind, account, stored.object, add);
      }
    });
    return book;
  }

  function take(kind: Kind, { spec, used, going }: Account, object: Obj, how: typeof add): void {
    if (!inScope(spec, kind.storage, object)) return;
    const { uid, deletionTimestamp } = object.metadata;
    if (deletionTimestamp === undefined) how(used, usageOf(kind, object));
    else if (how === add) going.set(uid, object);
    else going.delete(uid);
  }

  return {
    used(kind, { metadata: { namespace = '' }, spec }) {
      const book = bookOf(kind);
      const accounts = book.get(namespace) ?? new Map<string, Account>();
      book.set(namespace, accounts);
      const scopes = JSON.stringify(requirementsOf(spec));
      let account = accounts.get(scopes);
      if (account === undefined) {
        account = { spec, used: new Map(), going: new Map() };
        accounts.set(scopes, account);
        for (const { object } of store.list(kind.storage))
          if (object.metadata.namespace === namespace) take(kind, account, object, add);
      }
      const used: Quantities = new Map(account.used);
      for (const object of account.going.values()) add(used, usageOf(kind, object));
      return used;
    },
  };
}
