/** Aggregated ClusterRoles (admin, edit, view) of a real API server: the controller manager would fill them, and there is none. */
import { sameJson } from '../controllers/machinery/equal.ts';
import type { Resource } from '../controllers/machinery/resources.ts';
import type { Runtime } from '../controllers/machinery/runtime.ts';
import { selectorMatches } from '../controllers/machinery/selectors.ts';
import type { LabelSelector, Stored } from '../controllers/machinery/types.ts';

export interface ClusterRole extends Stored {
  aggregationRule?: { clusterRoleSelectors?: LabelSelector[] };
  rules?: unknown[] | null;
}

export const clusterRoles: Resource<ClusterRole> = {
  apiVersion: 'rbac.authorization.k8s.io/v1',
  plural: 'clusterroles',
  kind: 'ClusterRole',
  namespaced: false,
};

/** The rules of all roles that its selectors choose, by name, each once; undefined for a role that aggregates nothing. */
export function aggregatedRules(role: ClusterRole, all: readonly ClusterRole[]): unknown[] | undefined {
  const selectors = role.aggregationRule?.clusterRoleSelectors;
  if (selectors === undefined) return undefined;
  const chosen = all
    .filter(
      ({ metadata }) =>
        metadata.name !== role.metadata.name &&
        selectors.some((selector) => selectorMatches(selector, metadata.labels ?? {})),
    )
    .toSorted((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
  const rules: unknown[] = [];
  for (const rule of chosen.flatMap((one) => one.rules ?? []))
    if (!rules.some((known) => sameJson(known, rule))) rules.push(rule);
  return rules;
}

export function aggregatedRolesController(runtime: Runtime): void {
  const roles = runtime.informer(clusterRoles);
  const queue = runtime.queue({ name: 'clusterrole-aggregation' }, async (name) => {
    const role = roles.get(name);
    const rules = role && aggregatedRules(role, roles.list());
    if (role === undefined || rules === undefined || sameJson(rules, role.rules ?? [])) return;
    await runtime.patch(clusterRoles, role, { rules });
  });
  // Any role may be chosen by any that aggregates, also one that aggregates itself.
  roles.on(() => {
    for (const { metadata, aggregationRule } of roles.list()) if (aggregationRule) queue.add(metadata.name);
  });
}
