/** The kinds of rbac.authorization.k8s.io. */
import { type FieldError, invalidField, notSupported, required } from '../errors.ts';
import { type Json, type Obj, same } from '../json.ts';
import { AGE, CREATED_AT, column, NAME, wide } from './columns.ts';
import { define } from './define.ts';
import type { Kind } from './kind.ts';

export const RBAC_GROUP = 'rbac.authorization.k8s.io';
const rbac = (kind: string, resource: string, own: Parameters<typeof define>[5]): Kind =>
  define(RBAC_GROUP, 'v1', 'io.k8s.api.rbac.v1', kind, resource, { nameRule: 'path', ...own });

function ruleFaults(object: Obj): FieldError[] {
  const cluster = object.kind === 'ClusterRole';
  return (object.rules ?? []).flatMap((rule: Json, i: number) => {
    const field = `rules[${i}]`;
    const faults: FieldError[] = [];
    if (!rule.verbs?.length) faults.push(required(`${field}.verbs`, 'verbs must contain at least one value'));
    if (rule.nonResourceURLs?.length) {
      if (!cluster)
        faults.push(
          invalidField(
            `${field}.nonResourceURLs`,
            rule.nonResourceURLs,
            'namespaced rules cannot apply to non-resource URLs',
          ),
        );
      if (rule.apiGroups?.length || rule.resources?.length || rule.resourceNames?.length) {
        faults.push(
          invalidField(
            `${field}.nonResourceURLs`,
            rule.nonResourceURLs,
            'rules cannot apply to both regular resources and non-resource URLs',
          ),
        );
      }
      return faults;
    }
    if (!rule.apiGroups?.length)
      faults.push(required(`${field}.apiGroups`, 'resource rules must supply at least one api group'));
    if (!rule.resources?.length)
      faults.push(required(`${field}.resources`, 'resource rules must supply at least one resource'));
    return faults;
  });
}

function bindingFaults(binding: Obj): FieldError[] {
  const faults: FieldError[] = [];
  const { roleRef = {}, subjects = [] } = binding as Json;
  const kinds = binding.kind === 'RoleBinding' ? ['Role', 'ClusterRole'] : ['ClusterRole'];
  if (roleRef.apiGroup !== RBAC_GROUP)
    faults.push(notSupported('roleRef.apiGroup', roleRef.apiGroup ?? '', [RBAC_GROUP]));
  if (!kinds.includes(roleRef.kind)) faults.push(notSupported('roleRef.kind', roleRef.kind ?? '', kinds));
  if (!roleRef.name) faults.push(required('roleRef.name'));
  for (const [i, subject] of subjects.entries()) {
    const field = `subjects[${i}]`;
    if (!subject.name) faults.push(required(`${field}.name`));
    if (subject.kind === 'ServiceAccount') {
      if (subject.apiGroup) faults.push(notSupported(`${field}.apiGroup`, subject.apiGroup, ['']));
      // In a RoleBinding it is the binding's own namespace.
      if (!subject.namespace && binding.kind === 'ClusterRoleBinding') faults.push(required(`${field}.namespace`));
    } else if (subject.kind === 'User' || subject.kind === 'Group') {
      if (subject.apiGroup !== RBAC_GROUP)
        faults.push(notSupported(`${field}.apiGroup`, subject.apiGroup ?? '', [RBAC_GROUP]));
    } else faults.push(notSupported(`${field}.kind`, subject.kind ?? '', ['ServiceAccount', 'User', 'Group']));
  }
  return faults;
}

const subjectsOf = (kind: string) => (binding: Obj) =>
  (binding.subjects ?? [])
    .filter((subject: Json) => subject.kind === kind)
    .map(({ name, namespace }: Json) => (kind === 'ServiceAccount' ? `${namespace}/${name}` : name))
    .join(', ');

const binding: Parameters<typeof define>[5] = {
  columns: [
    NAME,
    column('Role', (object) => `${object.roleRef?.kind}/${object.roleRef?.name}`),
    AGE,
    wide('Users', subjectsOf('User')),
    wide('Groups', subjectsOf('Group')),
    wide('ServiceAccounts', subjectsOf('ServiceAccount')),
  ],
  defaults(object) {
    if (object.roleRef) object.roleRef.apiGroup ||= RBAC_GROUP;
    for (const subject of object.subjects ?? []) {
      if (subject.kind === 'User' || subject.kind === 'Group') subject.apiGroup ||= RBAC_GROUP;
    }
  },
  validate: bindingFaults,
  validateUpdate: (next, old) =>
    same(next.roleRef, old.roleRef)
      ? []
      : [
          invalidField(
            'roleRef',
            { APIGroup: next.roleRef.apiGroup, Kind: next.roleRef.kind, Name: next.roleRef.name },
            'cannot change roleRef',
          ),
        ],
};

const role: Parameters<typeof define>[5] = { columns: [NAME, CREATED_AT], validate: ruleFaults };

export const RBAC: Kind[] = [
  rbac('Role', 'roles', role),
  rbac('RoleBinding', 'rolebindings', binding),
  rbac('ClusterRole', 'clusterroles', { ...role, namespaced: false }),
  rbac('ClusterRoleBinding', 'clusterrolebindings', { ...binding, namespaced: false }),
];
