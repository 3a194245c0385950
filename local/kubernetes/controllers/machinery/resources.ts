/** Which path of the API serves which kind. */
import type {
  ConfigMap,
  ControllerRevision,
  CustomResourceDefinition,
  Deployment,
  EndpointSlice,
  Endpoints,
  EventObject,
  Lease,
  Namespace,
  Node,
  NodePool,
  PersistentVolume,
  PersistentVolumeClaim,
  Pod,
  PodDisruptionBudget,
  ReplicaSet,
  ResourceQuota,
  Secret,
  Service,
  ServiceAccount,
  StatefulSet,
  StorageClass,
  Stored,
} from './types.ts';

/** A kind and where it is served. `T` is what its objects look like. */
export interface Resource<T extends Stored = Stored> {
  /** `v1`, `apps/v1`, … */
  readonly apiVersion: string;
  readonly plural: string;
  readonly kind: string;
  readonly namespaced: boolean;
  /** Never set: it ties the type of the objects to the resource. */
  readonly example?: T;
}

const resource = <T extends Stored>(
  apiVersion: string,
  plural: string,
  kind: string,
  namespaced = true,
): Resource<T> => ({
  apiVersion,
  plural,
  kind,
  namespaced,
});

export const pods = resource<Pod>('v1', 'pods', 'Pod');
export const nodes = resource<Node>('v1', 'nodes', 'Node', false);
export const namespaces = resource<Namespace>('v1', 'namespaces', 'Namespace', false);
export const services = resource<Service>('v1', 'services', 'Service');
export const endpoints = resource<Endpoints>('v1', 'endpoints', 'Endpoints');
export const endpointSlices = resource<EndpointSlice>('discovery.k8s.io/v1', 'endpointslices', 'EndpointSlice');
export const serviceAccounts = resource<ServiceAccount>('v1', 'serviceaccounts', 'ServiceAccount');
export const configMaps = resource<ConfigMap>('v1', 'configmaps', 'ConfigMap');
export const secrets = resource<Secret>('v1', 'secrets', 'Secret');
export const events = resource<EventObject>('v1', 'events', 'Event');
export const leases = resource<Lease>('coordination.k8s.io/v1', 'leases', 'Lease');
export const persistentVolumes = resource<PersistentVolume>('v1', 'persistentvolumes', 'PersistentVolume', false);
export const persistentVolumeClaims = resource<PersistentVolumeClaim>(
  'v1',
  'persistentvolumeclaims',
  'PersistentVolumeClaim',
);
export const storageClasses = resource<StorageClass>('storage.k8s.io/v1', 'storageclasses', 'StorageClass', false);
export const deployments = resource<Deployment>('apps/v1', 'deployments', 'Deployment');
export const replicaSets = resource<ReplicaSet>('apps/v1', 'replicasets', 'ReplicaSet');
export const statefulSets = resource<StatefulSet>('apps/v1', 'statefulsets', 'StatefulSet');
export const controllerRevisions = resource<ControllerRevision>('apps/v1', 'controllerrevisions', 'ControllerRevision');
export const resourceQuotas = resource<ResourceQuota>('v1', 'resourcequotas', 'ResourceQuota');
export const podDisruptionBudgets = resource<PodDisruptionBudget>(
  'policy/v1',
  'poddisruptionbudgets',
  'PodDisruptionBudget',
);
export const customResourceDefinitions = resource<CustomResourceDefinition>(
  'apiextensions.k8s.io/v1',
  'customresourcedefinitions',
  'CustomResourceDefinition',
  false,
);
export const nodePools = resource<NodePool>('karpenter.sh/v1', 'nodepools', 'NodePool', false);

/** The API path of a collection, an object or a subresource of it. Names are escaped here and nowhere else. */
export function pathOf(of: Resource, namespace?: string, name?: string, subresource?: string): string {
  const root = of.apiVersion.includes('/') ? `/apis/${of.apiVersion}` : `/api/${of.apiVersion}`;
  const scope = of.namespaced && namespace !== undefined ? `/namespaces/${encodeURIComponent(namespace)}` : '';
  const object = name === undefined ? '' : `/${encodeURIComponent(name)}`;
  return `${root}${scope}/${of.plural}${object}${subresource === undefined ? '' : `/${subresource}`}`;
}

/** The same resource found twice (by discovery and by name) has the same key. */
export const resourceKey = (of: Resource): string => `${of.apiVersion}/${of.plural}`;
