/** Aggregated ClusterRoles (admin, edit, view): their rules are those of all roles that their selectors choose. */
import { type Json, same } from '../json.ts';
import { selects } from '../kinds/label-selector.ts';
import type { Store } from '../storage/store.ts';

const STORAGE = 'rbac.authorization.k8s.io/clusterroles';

/** Brings all aggregated roles up to date; a role may aggregate one that aggregates itself. */
export function aggregateRoles(store: Store): void {
  for (let again = true, rounds = 0; again && rounds < 5; rounds++) {
    again = false;
    for (const { object: role } of store.list(STORAGE)) {
      const selectors: Json[] | undefined = role.aggregationRule?.clusterRoleSelectors;
      if (!selectors) continue;
      const rules: Json[] = [];
      for (const { object: other } of store.list(STORAGE)) {
        if (
          other.metadata.uid === role.metadata.uid ||
          !selectors.some((selector) => selects(selector, other.metadata.labels))
        )
          continue;
        for (const rule of other.rules ?? []) if (!rules.some((known) => same(known, rule))) rules.push(rule);
      }
      if (same(rules, role.rules ?? [])) continue;
      store.put(STORAGE, { ...role, metadata: { ...role.metadata }, rules });
      again = true;
    }
  }
}

/** Keeps them up to date. */
export function keepAggregated(store: Store): void {
  let running = false;
  store.listen(STORAGE, () => {
    if (running) return;
    running = true;
    // After the write that is under way has been told to everybody.
    queueMicrotask(() => {
      try {
        aggregateRoles(store);
      } finally {
        running = false;
      }
    });
  });
}
