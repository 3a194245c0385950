/** Role-based access: which rules a user has, and whether they allow what is asked. */
import type { Json, Obj } from '../json.ts';
import { keyOf, type Store } from '../storage/store.ts';
import { MASTERS, type User } from './user.ts';

export interface Rule {
  verbs: string[];
  apiGroups?: string[];
  resources?: string[];
  resourceNames?: string[];
  nonResourceURLs?: string[];
}

export interface Attributes {
  verb: string;
  /** Resource requests. */
  group?: string;
  version?: string;
  resource?: string;
  subresource?: string;
  namespace?: string;
  name?: string;
  /** Other requests. */
  path?: string;
}

const R = 'rbac.authorization.k8s.io';

const listed = (list: string[] | undefined, value: string): boolean =>
  list?.includes('*') === true || list?.includes(value) === true;

export function ruleAllows(rule: Rule, asked: Attributes): boolean {
  if (!listed(rule.verbs, asked.verb)) return false;
  if (asked.path !== undefined) {
    return (rule.nonResourceURLs ?? []).some(
      (url) => url === '*' || url === asked.path || (url.endsWith('*') && asked.path!.startsWith(url.slice(0, -1))),
    );
  }
  if (!listed(rule.apiGroups, asked.group ?? '')) return false;
  const resource = asked.subresource ? `${asked.resource}/${asked.subresource}` : asked.resource!;
  const allowed = (rule.resources ?? []).some(
    (one) => one === '*' || one === resource || (asked.subresource && one === `*/${asked.subresource}`),
  );
  if (!allowed) return false;
  return !rule.resourceNames?.length || (asked.name !== undefined && rule.resourceNames.includes(asked.name));
}

export interface Grant {
  rules: Rule[];
  binding: Obj;
  /** Undefined: holds everywhere. */
  namespace: string | undefined;
}

export interface Authorizer {
  allows(user: User, asked: Attributes): boolean;
  /** Why it is allowed, in the words of a SubjectAccessReview; undefined when it is not. */
  reason(user: User, asked: Attributes): string | undefined;
  /** All rules that a user has in a namespace (undefined: everywhere). */
  rulesOf(user: User, namespace: string | undefined): Rule[];
  /** The rules of what a binding refers to; undefined when the role is not there. */
  rulesOfRef(ref: { kind: string; name: string }, namespace: string | undefined): Rule[] | undefined;
}

export function authorizer(store: Store): Authorizer {
  /** Grants by subject, made anew after any change of roles or bindings. */
  let index: Map<string, Grant[]> | undefined;
  for (const resource of ['roles', 'rolebindings', 'clusterroles', 'clusterrolebindings']) {
    store.listen(`${R}/${resource}`, () => {
      index = undefined;
    });
  }

  const rulesOfRef: Authorizer['rulesOfRef'] = ({ kind, name }, namespace) => {
    const role =
      kind === 'Role'
        ? store.get(`${R}/roles`, keyOf(namespace, name))
        : store.get(`${R}/clusterroles`, keyOf(undefined, name));
    return role && ((role.object.rules ?? []) as Rule[]);
  };

  const subjectKey = (subject: Json, namespace: string | undefined): string =>
    subject.kind === 'ServiceAccount'
      ? `User:system:serviceaccount:${subject.namespace ?? namespace}:${subject.name}`
      : `${subject.kind}:${subject.name}`;

  function build(): Map<string, Grant[]> {
    const grants = new Map<string, Grant[]>();
    for (const resource of ['clusterrolebindings', 'rolebindings']) {
      for (const { object: binding } of store.list(`${R}/${resource}`)) {
        const { namespace } = binding.metadata;
        const rules = rulesOfRef(binding.roleRef, namespace);
        if (!rules) continue;
        for (const subject of binding.subjects ?? []) {
          const key = subjectKey(subject, namespace);
          const list = grants.get(key) ?? [];
          list.push({ rules, binding, namespace });
          grants.set(key, list);
        }
      }
    }
    return grants;
  }

  function* grantsOf(user: User, namespace: string | undefined): Generator<{ grant: Grant; subject: string }> {
    index ??= build();
    for (const key of [`User:${user.name}`, ...user.groups.map((group) => `Group:${group}`)]) {
      for (const grant of index.get(key) ?? []) {
        if (grant.namespace === undefined || (namespace !== undefined && grant.namespace === namespace))
          yield { grant, subject: key };
      }
    }
  }

  const reason: Authorizer['reason'] = (user, asked) => {
    if (user.groups.includes(MASTERS)) return '';
    for (const { grant, subject } of grantsOf(
      user,
      asked.path === undefined ? asked.namespace || undefined : undefined,
    )) {
      if (!grant.rules.some((rule) => ruleAllows(rule, asked))) continue;
      const { kind, metadata, roleRef } = grant.binding as Json;
      const [type, ...rest] = subject.split(':');
      const name = rest.join(':');
      const account = /^system:serviceaccount:([^:]+):(.+)$/.exec(name);
      const who = account ? `ServiceAccount "${account[2]}/${account[1]}"` : `${type} "${name}"`;
      const place = grant.namespace ? `${metadata.name}/${grant.namespace}` : metadata.name;
      return `RBAC: allowed by ${kind} "${place}" of ${roleRef.kind} "${roleRef.name}" to ${who}`;
    }
    return undefined;
  };

  return {
    reason,
    allows: (user, asked) => reason(user, asked) !== undefined,
    rulesOf(user, namespace) {
      const all: Rule[] = user.groups.includes(MASTERS)
        ? [
            { verbs: ['*'], apiGroups: ['*'], resources: ['*'] },
            { verbs: ['*'], nonResourceURLs: ['*'] },
          ]
        : [];
      for (const { grant } of grantsOf(user, namespace)) all.push(...grant.rules);
      return all;
    },
    rulesOfRef,
  };
}
