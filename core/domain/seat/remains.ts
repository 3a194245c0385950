/** What the manifest puts into a cluster beside the agent's own namespace, in the order in which one `kubectl delete` takes it away. */
import { OWNER_POLICY } from '../agent-owner.ts';
import { AGENT_NAME, AGENT_NAMESPACE, TENANT_ROLE } from './names.ts';

const POLICIES = [
  'roadstead-agent-fence',
  'roadstead-workspace-owner',
  'roadstead-namespace-guard',
  'roadstead-seat-pods',
  'roadstead-crd-revisions',
  OWNER_POLICY,
] as const;

/** Left in a connected cluster when its time with us ends: the agent cannot remove what bounds it. The fence goes first, as it guards namespaces. */
export const MAY_REMAIN: readonly string[] = [
  ...POLICIES.map((name) => `validatingadmissionpolicybinding/${name}`),
  ...POLICIES.map((name) => `validatingadmissionpolicy/${name}`),
  `namespace/${AGENT_NAMESPACE}`,
  'crd/workspaces.roadstead.dev',
  'crd/clusters.roadstead.dev',
  `clusterrolebinding/${AGENT_NAME}`,
  `clusterrole/${AGENT_NAME}`,
  `clusterrole/${TENANT_ROLE}`,
];

/** What to take away by hand, with these namespaces that hold nothing but ours. `theirs`: Workspaces of the cluster's admin are there, which would go with their definition. */
export const remainsWith = (namespaces: readonly string[], theirs: boolean): string[] => [
  ...MAY_REMAIN.filter((part) => !theirs || !part.startsWith('crd/')),
  ...namespaces.map((name) => `namespace/${name}`),
];
