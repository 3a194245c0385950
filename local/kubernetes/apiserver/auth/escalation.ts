/** Nobody grants what they do not have: the checks on roles and bindings. */
import { forbidden } from '../errors.ts';
import type { Json, Obj } from '../json.ts';
import { type Authorizer, type Rule, ruleAllows } from './rbac.ts';
import { MASTERS, type User } from './user.ts';

/** Every single permission of a rule. */
function* atoms(rule: Rule): Generator<Rule> {
  for (const verb of rule.verbs ?? []) {
    for (const url of rule.nonResourceURLs ?? []) yield { verbs: [verb], nonResourceURLs: [url] };
    for (const group of rule.apiGroups ?? []) {
      for (const resource of rule.resources ?? []) {
        if (!rule.resourceNames?.length) yield { verbs: [verb], apiGroups: [group], resources: [resource] };
        for (const name of rule.resourceNames ?? [])
          yield { verbs: [verb], apiGroups: [group], resources: [resource], resourceNames: [name] };
      }
    }
  }
}

const covers = (owned: Rule, atom: Rule): boolean => {
  const verb = atom.verbs[0]!;
  if (atom.nonResourceURLs) return ruleAllows(owned, { verb, path: atom.nonResourceURLs[0]! });
  const [resource, subresource] = atom.resources![0]!.split('/');
  return ruleAllows(owned, {
    verb,
    group: atom.apiGroups![0]!,
    resource: resource!,
    ...(subresource && { subresource }),
    ...(atom.resourceNames && { name: atom.resourceNames[0]! }),
  });
};

/** As Kubernetes prints a rule of its own. */
function compact(atomsLeft: Rule[]): string[] {
  const grouped = new Map<string, Rule>();
  for (const atom of atomsLeft) {
    const key = JSON.stringify([atom.apiGroups, atom.resources, atom.resourceNames, atom.nonResourceURLs]);
    const known = grouped.get(key);
    if (known) known.verbs.push(...atom.verbs);
    else grouped.set(key, { ...atom, verbs: [...atom.verbs] });
  }
  const list = (values: string[]) => values.map((value) => JSON.stringify(value)).join(', ');
  return [...grouped.values()]
    .map((rule) => {
      const parts: string[] = [];
      if (rule.nonResourceURLs) parts.push(`NonResourceURLs:[${list(rule.nonResourceURLs)}]`);
      if (rule.apiGroups) parts.push(`APIGroups:[${list(rule.apiGroups)}]`);
      if (rule.resources) parts.push(`Resources:[${list(rule.resources)}]`);
      if (rule.resourceNames) parts.push(`ResourceNames:[${list(rule.resourceNames)}]`);
      parts.push(`Verbs:[${list(rule.verbs)}]`);
      return `{${parts.join(', ')}}`;
    })
    .sort();
}

interface Change {
  user: User;
  authorizer: Authorizer;
  resource: string;
  group: string;
  next: Obj;
  old: Obj | undefined;
}

function confirm({ user, authorizer, resource, group, next }: Change, rules: Rule[]): void {
  const owned = authorizer.rulesOf(user, next.metadata.namespace);
  const lacking = rules.flatMap((rule) => [...atoms(rule)]).filter((atom) => !owned.some((rule) => covers(rule, atom)));
  if (lacking.length === 0) return;
  const groups = user.groups.map((one) => JSON.stringify(one)).join(' ');
  throw forbidden(
    { group, resource },
    next.metadata.name,
    `user ${JSON.stringify(user.name)} (groups=[${groups}]) is attempting to grant RBAC permissions not currently held:\n${compact(lacking).join('\n')}`,
  );
}

/** Throws 403 when a role or binding would give more than its writer has, and the verbs `escalate` or `bind` do not allow it. */
export function checkEscalation(change: Change): void {
  const { user, authorizer, resource, group, next, old } = change;
  if (group !== 'rbac.authorization.k8s.io' || user.groups.includes(MASTERS)) return;
  const asked = {
    group,
    name: next.metadata.name,
    ...(next.metadata.namespace && { namespace: next.metadata.namespace }),
  };
  if (resource === 'roles' || resource === 'clusterroles') {
    if (old && JSON.stringify(old.rules) === JSON.stringify(next.rules)) return;
    if (authorizer.allows(user, { ...asked, verb: 'escalate', resource })) return;
    confirm(change, (next.rules ?? []) as Rule[]);
    return;
  }
  if (old && JSON.stringify([old.roleRef, old.subjects]) === JSON.stringify([next.roleRef, next.subjects])) return;
  const ref = next.roleRef as Json;
  const roles = ref.kind === 'ClusterRole' ? 'clusterroles' : 'roles';
  if (authorizer.allows(user, { ...asked, verb: 'bind', resource: roles, name: ref.name })) return;
  const rules = authorizer.rulesOfRef(ref, next.metadata.namespace);
  if (rules === undefined) {
    const kind = ref.kind === 'ClusterRole' ? 'clusterroles' : 'roles';
    throw forbidden(
      { group, resource },
      next.metadata.name,
      `${kind}.rbac.authorization.k8s.io "${ref.name}" not found`,
    );
  }
  confirm(change, rules);
}
