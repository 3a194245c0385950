/** What the agent may do (kubernetes.md §5.3): a small ClusterRole, and a tenant role that it binds to itself in the namespaces that it made. */

import { AGENT_NAME, POLICY_NAME, PROBE_NAME, TENANT_ROLE } from './seat/names.ts';

export interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly resourceNames?: readonly string[];
  readonly verbs: readonly string[];
}

const RBAC = 'rbac.authorization.k8s.io';
const NETWORKING = 'networking.k8s.io';
const SEE = ['get', 'list', 'watch'] as const;
const APPLY = [...SEE, 'create', 'patch', 'delete'] as const;
const REPLACE = [...APPLY, 'update'] as const;
const rule = (
  group: string,
  resources: readonly string[],
  verbs: readonly string[],
  names?: readonly string[],
): Rule => ({
  apiGroups: [group],
  resources,
  ...(names && { resourceNames: names }),
  verbs,
});

/** Of the whole cluster, whatever the agent is there for. */
const WATCHING: readonly Rule[] = [
  rule('', ['nodes'], SEE),
  rule('', ['pods'], ['list']),
  rule('', ['namespaces'], ['get'], ['kube-system']),
  rule('storage.k8s.io', ['storageclasses'], ['list']),
];

/** In its own namespace. `create` cannot be bound to a name: a POST has none yet when it is authorized. */
const OWN: readonly Rule[] = [
  rule('coordination.k8s.io', ['leases'], ['create']),
  rule('coordination.k8s.io', ['leases'], ['get', 'update'], [AGENT_NAME]),
  rule('', ['secrets'], ['get', 'update', 'patch'], [AGENT_NAME]),
];

/**
 * In its own namespace, where dev pods are placed: the admin's policy, and the probe of whether network policies are enforced. That the pod and the
 * policy which it makes here are no others is the fence's to say.
 */
const OWN_FOR_SEATS: readonly Rule[] = [
  rule('', ['configmaps'], ['get'], [POLICY_NAME]),
  rule('', ['pods'], ['create']),
  rule('', ['pods'], ['get', 'delete'], [PROBE_NAME]),
  rule(NETWORKING, ['networkpolicies'], ['create']),
  rule(NETWORKING, ['networkpolicies'], ['update', 'delete'], [PROBE_NAME]),
];

/** For the delete of a cluster that was made for us. */
export const DRAIN_RULES: readonly Rule[] = [
  rule('', ['services', 'persistentvolumeclaims'], ['list', 'delete']),
  rule(NETWORKING, ['ingresses'], ['list', 'delete']),
];

/**
 * For dev pods, cluster-wide: one watch a kind in place of one in each namespace, and what namespaces come about by. No Secret is read, no pod
 * made, no namespace deleted; the fence keeps what is written here inside our namespaces.
 */
const SEATS_WIDE: readonly Rule[] = [
  rule('roadstead.dev', ['workspaces', 'clusters'], APPLY),
  rule('roadstead.dev', ['workspaces/status', 'clusters/status'], ['get', 'patch']),
  rule(
    'apiextensions.k8s.io',
    ['customresourcedefinitions'],
    ['get', 'create', 'patch'],
    ['workspaces.roadstead.dev', 'clusters.roadstead.dev'],
  ),
  rule('', ['namespaces'], [...SEE, 'create', 'patch']),
  rule(
    '',
    ['pods', 'persistentvolumeclaims', 'services', 'serviceaccounts', 'resourcequotas', 'limitranges'],
    ['list', 'watch'],
  ),
  rule('apps', ['statefulsets'], ['list', 'watch']),
  rule(NETWORKING, ['networkpolicies'], ['list', 'watch']),
  rule(NETWORKING, ['servicecidrs'], ['list']),
  rule(RBAC, ['roles'], ['list', 'watch']),
  rule(RBAC, ['rolebindings'], APPLY),
  rule(RBAC, ['clusterroles'], ['bind'], [TENANT_ROLE]),
];

/** In the namespaces that it made. Exec and its like are there because nobody can grant what they do not hold: the role of a seat is these. */
export const TENANT_RULES: readonly Rule[] = [
  rule('', ['pods'], [...SEE, 'delete']),
  rule('', ['events'], [...SEE, 'create', 'patch']),
  rule('', ['pods/log'], ['get']),
  rule('', ['pods/exec', 'pods/portforward', 'pods/attach'], ['create', 'get']),
  rule('', ['persistentvolumeclaims', 'serviceaccounts', 'resourcequotas', 'limitranges'], APPLY),
  rule('', ['services'], REPLACE),
  rule('', ['serviceaccounts/token'], ['create']),
  rule('', ['secrets'], ['create', 'patch', 'delete']),
  rule('apps', ['statefulsets'], REPLACE),
  rule(NETWORKING, ['networkpolicies'], REPLACE),
  rule(RBAC, ['roles'], REPLACE),
];

/** The ClusterRole that is bound to it everywhere. */
export const clusterRules = (workspaces: boolean): readonly Rule[] =>
  workspaces ? [...WATCHING, ...SEATS_WIDE] : WATCHING;

/** The Role of its own namespace. */
export const ownRules = (workspaces: boolean): readonly Rule[] => (workspaces ? [...OWN, ...OWN_FOR_SEATS] : OWN);
