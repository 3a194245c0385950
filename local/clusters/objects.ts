/** The Kubernetes objects that EKS puts into a cluster: Auto Mode's kinds and pools, rights of access policies, nodes of node groups. */
import { randomBytes } from 'node:crypto';
import { REGION } from '#local/types.ts';
import type { NodegroupRecord } from './store.ts';

/** An object and the collection it is made in. */
export interface Planned {
  readonly collection: string;
  readonly object: object;
}

const open = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true };

const definition = (group: string, kind: string, plural: string): Planned => ({
  collection: '/apis/apiextensions.k8s.io/v1/customresourcedefinitions',
  object: {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.${group}` },
    spec: {
      group,
      scope: 'Cluster',
      names: { kind, plural, singular: kind.toLowerCase(), listKind: `${kind}List` },
      versions: [
        {
          name: 'v1',
          served: true,
          storage: true,
          subresources: { status: {} },
          schema: { openAPIV3Schema: { type: 'object', properties: { spec: open, status: open } } },
        },
      ],
    },
  },
});

/** The kinds of Auto Mode, schemas left open. */
export const autoModeKinds: readonly Planned[] = [
  definition('karpenter.sh', 'NodePool', 'nodepools'),
  definition('eks.amazonaws.com', 'NodeClass', 'nodeclasses'),
];

const requirement = (key: string, operator: string, ...values: string[]) => ({ key, operator, values });

/** A built-in pool as EKS makes it (docs: "Enable or disable built-in NodePools"): `system` takes only critical add-ons. */
const builtInPool = (name: string): Planned => ({
  collection: '/apis/karpenter.sh/v1/nodepools',
  object: {
    apiVersion: 'karpenter.sh/v1',
    kind: 'NodePool',
    metadata: { name, labels: { 'app.kubernetes.io/managed-by': 'eks' } },
    spec: {
      disruption: {
        budgets: [{ nodes: '10%' }],
        consolidateAfter: '30s',
        consolidationPolicy: 'WhenEmptyOrUnderutilized',
      },
      template: {
        metadata: {},
        spec: {
          expireAfter: '336h',
          terminationGracePeriod: '24h0m0s',
          nodeClassRef: { group: 'eks.amazonaws.com', kind: 'NodeClass', name: 'default' },
          requirements: [
            requirement('karpenter.sh/capacity-type', 'In', 'on-demand'),
            requirement('eks.amazonaws.com/instance-category', 'In', 'c', 'm', 'r'),
            requirement('eks.amazonaws.com/instance-generation', 'Gt', '4'),
            requirement('kubernetes.io/arch', 'In', 'amd64', ...(name === 'system' ? ['arm64'] : [])),
            requirement('kubernetes.io/os', 'In', 'linux'),
          ],
          ...(name === 'system' && { taints: [{ key: 'CriticalAddonsOnly', effect: 'NoSchedule' }] }),
        },
      },
    },
  },
});

/** The built-in pools asked for, with the node class that comes with them (without pools there is none). */
export function builtInPools(names: readonly string[], nodeRoleName: string): Planned[] {
  if (names.length === 0) return [];
  const nodeClass = {
    apiVersion: 'eks.amazonaws.com/v1',
    kind: 'NodeClass',
    metadata: { name: 'default' },
    spec: {
      role: nodeRoleName,
      networkPolicy: 'DefaultAllow',
      snatPolicy: 'Random',
      ephemeralStorage: { size: '80Gi' },
    },
  };
  return [{ collection: '/apis/eks.amazonaws.com/v1/nodeclasses', object: nodeClass }, ...names.map(builtInPool)];
}

/** Access policies and the cluster role that stands for each here. */
export const ACCESS_POLICIES: Readonly<Record<string, string>> = {
  AmazonEKSClusterAdminPolicy: 'cluster-admin',
  AmazonEKSAdminPolicy: 'admin',
  AmazonEKSEditPolicy: 'edit',
  AmazonEKSViewPolicy: 'view',
};

/** The group that carries the rights of an access policy. */
export const policyGroup = (policy: string): string => `eks:access:${policy}`;

/** The rights of an access policy in the whole cluster. */
export const policyBinding = (policy: string): Planned => ({
  collection: '/apis/rbac.authorization.k8s.io/v1/clusterrolebindings',
  object: {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRoleBinding',
    metadata: { name: policyGroup(policy) },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: ACCESS_POLICIES[policy] },
    subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'Group', name: policyGroup(policy) }],
  },
});

/** The label that names a node's group. */
export const NODEGROUP_LABEL = 'eks.amazonaws.com/nodegroup';

const EFFECTS: Readonly<Record<string, string>> = {
  NO_SCHEDULE: 'NoSchedule',
  NO_EXECUTE: 'NoExecute',
  PREFER_NO_SCHEDULE: 'PreferNoSchedule',
};

/** One node of a node group. */
export function nodeOf(group: NodegroupRecord, index: number): Planned {
  const zone = `${REGION}${'ab'[index % 2]}`;
  const name = `ip-10-0-${index}-${randomBytes(1)[0]}.ec2.internal`;
  const taints = (group.request.taints ?? []) as { key: string; value?: string; effect: string }[];
  return {
    collection: '/api/v1/nodes',
    object: {
      apiVersion: 'v1',
      kind: 'Node',
      metadata: {
        name,
        labels: {
          [NODEGROUP_LABEL]: group.name,
          'eks.amazonaws.com/capacityType': group.request.capacityType ?? 'ON_DEMAND',
          'kubernetes.io/arch': 'amd64',
          'kubernetes.io/os': 'linux',
          'kubernetes.io/hostname': name,
          'node.kubernetes.io/instance-type': group.request.instanceTypes?.[0] ?? 'm6i.large',
          'topology.kubernetes.io/region': REGION,
          'topology.kubernetes.io/zone': zone,
          ...group.request.labels,
        },
      },
      spec: {
        providerID: `aws:///${zone}/i-${randomBytes(9).toString('hex').slice(0, 17)}`,
        taints: taints.map((it) => ({ ...it, effect: EFFECTS[it.effect] ?? it.effect })),
      },
    },
  };
}
