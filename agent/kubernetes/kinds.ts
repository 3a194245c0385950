/** The kinds of objects that the agent reads and writes, and where the API keeps them. */

export interface Kind {
  readonly apiVersion: string;
  readonly kind: string;
  readonly plural: string;
  readonly namespaced: boolean;
}

const kind = (apiVersion: string, name: string, plural: string, namespaced = true): Kind => ({
  apiVersion,
  kind: name,
  plural,
  namespaced,
});

const rbac = 'rbac.authorization.k8s.io/v1';
const roadstead = 'roadstead.dev/v1alpha1';

export const kinds = {
  Node: kind('v1', 'Node', 'nodes', false),
  Namespace: kind('v1', 'Namespace', 'namespaces', false),
  Cluster: kind(roadstead, 'Cluster', 'clusters', false),
  Workspace: kind(roadstead, 'Workspace', 'workspaces'),
  StatefulSet: kind('apps/v1', 'StatefulSet', 'statefulsets'),
  Pod: kind('v1', 'Pod', 'pods'),
  PersistentVolumeClaim: kind('v1', 'PersistentVolumeClaim', 'persistentvolumeclaims'),
  Service: kind('v1', 'Service', 'services'),
  ServiceAccount: kind('v1', 'ServiceAccount', 'serviceaccounts'),
  Secret: kind('v1', 'Secret', 'secrets'),
  Event: kind('v1', 'Event', 'events'),
  NetworkPolicy: kind('networking.k8s.io/v1', 'NetworkPolicy', 'networkpolicies'),
  Role: kind(rbac, 'Role', 'roles'),
  RoleBinding: kind(rbac, 'RoleBinding', 'rolebindings'),
  ResourceQuota: kind('v1', 'ResourceQuota', 'resourcequotas'),
  LimitRange: kind('v1', 'LimitRange', 'limitranges'),
} as const satisfies Record<string, Kind>;

export type KindName = keyof typeof kinds;

/** The path of a collection, or of one object of it; over all namespaces when none is named. */
export const pathOf = ({ apiVersion, plural, namespaced }: Kind, namespace?: string, name?: string): string => {
  const root = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
  const place = namespaced && namespace !== undefined ? `/namespaces/${namespace}` : '';
  return `${root}${place}/${plural}${name === undefined ? '' : `/${name}`}`;
};
