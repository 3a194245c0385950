/** The shapes of Kubernetes objects as they travel on the wire: the client library's models with times as strings. */
import type * as k8s from '@kubernetes/client-node';

/** A model of the client library as JSON has it: every `Date` is an RFC 3339 string. */
export type Wire<T> = T extends Date
  ? string
  : T extends readonly (infer U)[]
    ? Wire<U>[]
    : T extends object
      ? { [K in keyof T]: undefined extends T[K] ? Wire<T[K]> | undefined : Wire<T[K]> }
      : T;

/** Metadata of an object that the API server has stored. */
export type Meta = Wire<k8s.V1ObjectMeta> & { name: string; uid: string; resourceVersion: string };

/** Any object that the API server has stored. */
export interface Stored {
  apiVersion?: string | undefined;
  kind?: string | undefined;
  metadata: Meta;
}

type As<T, Spec = unknown> = Omit<Wire<T>, 'metadata' | 'apiVersion' | 'kind'> & Stored & { spec: Spec };

export type OwnerReference = Wire<k8s.V1OwnerReference>;
export type LabelSelector = Wire<k8s.V1LabelSelector>;
export type NodeSelectorTerm = Wire<k8s.V1NodeSelectorTerm>;
export type Taint = Wire<k8s.V1Taint>;
export type Toleration = Wire<k8s.V1Toleration>;
export type PodSpec = Wire<k8s.V1PodSpec>;
export type PodTemplate = Wire<k8s.V1PodTemplateSpec>;
export type PodStatus = Wire<k8s.V1PodStatus>;
export type Container = Wire<k8s.V1Container>;
export type EphemeralContainer = Wire<k8s.V1EphemeralContainer>;
export type ContainerStatus = Wire<k8s.V1ContainerStatus>;
export type ContainerState = Wire<k8s.V1ContainerState>;
export type Volume = Wire<k8s.V1Volume>;
export type Probe = Wire<k8s.V1Probe>;
export type LifecycleHandler = Wire<k8s.V1LifecycleHandler>;
/** A condition as every kind of Kubernetes' own has it. */
export interface Condition {
  type: string;
  status: string;
  reason?: string | undefined;
  message?: string | undefined;
  lastTransitionTime?: string | undefined;
  lastUpdateTime?: string | undefined;
  observedGeneration?: number | undefined;
}

export type Pod = As<k8s.V1Pod, PodSpec>;
export type Node = As<k8s.V1Node, Wire<k8s.V1NodeSpec>>;
export type Namespace = As<k8s.V1Namespace, Wire<k8s.V1NamespaceSpec>>;
export type Service = As<k8s.V1Service, Wire<k8s.V1ServiceSpec>>;
export type Endpoints = Omit<Wire<k8s.V1Endpoints>, 'metadata'> & Stored;
export type EndpointSlice = Omit<Wire<k8s.V1EndpointSlice>, 'metadata'> & Stored;
export type ServiceAccount = Omit<Wire<k8s.V1ServiceAccount>, 'metadata'> & Stored;
export type ConfigMap = Omit<Wire<k8s.V1ConfigMap>, 'metadata'> & Stored;
export type Secret = Omit<Wire<k8s.V1Secret>, 'metadata'> & Stored;
export type Lease = As<k8s.V1Lease, Wire<k8s.V1LeaseSpec>>;
export type PersistentVolume = As<k8s.V1PersistentVolume, Wire<k8s.V1PersistentVolumeSpec>>;
export type PersistentVolumeClaim = As<k8s.V1PersistentVolumeClaim, Wire<k8s.V1PersistentVolumeClaimSpec>>;
export type StorageClass = Omit<Wire<k8s.V1StorageClass>, 'metadata'> & Stored;
export type Deployment = As<k8s.V1Deployment, Wire<k8s.V1DeploymentSpec>>;
export type ReplicaSet = As<k8s.V1ReplicaSet, Wire<k8s.V1ReplicaSetSpec> & { template: PodTemplate }>;
export type StatefulSet = As<k8s.V1StatefulSet, Wire<k8s.V1StatefulSetSpec>>;
export type ControllerRevision = Omit<Wire<k8s.V1ControllerRevision>, 'metadata'> & Stored;
export type ResourceQuota = As<k8s.V1ResourceQuota, Wire<k8s.V1ResourceQuotaSpec>>;
export type PodDisruptionBudget = As<k8s.V1PodDisruptionBudget, Wire<k8s.V1PodDisruptionBudgetSpec>>;
export type EventObject = Omit<Wire<k8s.CoreV1Event>, 'metadata'> & Stored;
export type CustomResourceDefinition = As<k8s.V1CustomResourceDefinition, Wire<k8s.V1CustomResourceDefinitionSpec>>;

/** `karpenter.sh/v1` NodePool: the fields that node-pools reads. */
export interface NodePool extends Stored {
  spec: {
    weight?: number;
    limits?: Record<string, string | number>;
    disruption?: { consolidationPolicy?: string; consolidateAfter?: string };
    template: {
      metadata?: { labels?: Record<string, string>; annotations?: Record<string, string> };
      spec: {
        requirements?: { key: string; operator: string; values?: string[] }[];
        taints?: Taint[];
        startupTaints?: Taint[];
      };
    };
  };
  status?: { resources?: Record<string, string>; conditions?: Condition[] };
}

/** One line of a watch. */
export interface WatchEvent<T = Stored> {
  type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR';
  object: T;
}
