/** The namespace of a team's seats and what guards it (pure; kubernetes.md §5.2). */
import type { KubernetesObject } from '../kubernetes-object.ts';
import { teamLabels } from './labels.ts';
import { AGENT_NAME, AGENT_NAMESPACE, SEAT_ACCOUNT, TENANT_ROLE, teamNamespace } from './names.ts';
import { type Network, networkPolicies } from './network.ts';
import { HTTP_PORT, SSH_PORT } from './pod.ts';
import type { TeamCeilings } from './policy.ts';

export interface NamespaceContext {
  readonly deploymentId: string;
  readonly network: Network;
  /** What all seats of one team may have together in this cluster. */
  readonly ceilings: TeamCeilings;
  /** Default: the namespace of the team. */
  readonly namespace?: string | undefined;
}

const RBAC = 'rbac.authorization.k8s.io';

/** In the order in which they can be applied: the namespace, then the agent's own right to it, then the rest. */
export const renderNamespace = (team: string, context: NamespaceContext): KubernetesObject[] => {
  const { deploymentId, network, ceilings, namespace = teamNamespace(team) } = context;
  const labels = teamLabels(team, deploymentId);
  const metadata = (name: string) => ({ name, namespace, labels });
  const hard = {
    pods: String(ceilings.seats),
    persistentvolumeclaims: String(ceilings.claims),
    'requests.storage': ceilings.storage,
    'requests.cpu': ceilings.cpu,
    'requests.memory': ceilings.memory,
    'limits.cpu': ceilings.limitsCpu,
    'limits.memory': ceilings.limitsMemory,
  };
  return [
    {
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: {
        name: namespace,
        labels: {
          ...labels,
          'pod-security.kubernetes.io/enforce': 'restricted',
          'pod-security.kubernetes.io/audit': 'restricted',
          'pod-security.kubernetes.io/warn': 'restricted',
        },
      },
    },
    {
      apiVersion: `${RBAC}/v1`,
      kind: 'RoleBinding',
      metadata: metadata(TENANT_ROLE),
      roleRef: { apiGroup: RBAC, kind: 'ClusterRole', name: TENANT_ROLE },
      subjects: [{ kind: 'ServiceAccount', name: AGENT_NAME, namespace: AGENT_NAMESPACE }],
    },
    ...Object.entries(networkPolicies(network, [SSH_PORT, HTTP_PORT])).map(
      ([name, spec]): KubernetesObject => ({
        apiVersion: 'networking.k8s.io/v1',
        kind: 'NetworkPolicy',
        metadata: metadata(name),
        spec,
      }),
    ),
    { apiVersion: 'v1', kind: 'ResourceQuota', metadata: metadata('team'), spec: { hard } },
    {
      apiVersion: 'v1',
      kind: 'LimitRange',
      metadata: metadata('seats'),
      spec: {
        limits: [
          {
            type: 'Container',
            default: { cpu: '2', memory: '4Gi', 'ephemeral-storage': '8Gi' },
            defaultRequest: { cpu: '500m', memory: '2Gi', 'ephemeral-storage': '1Gi' },
          },
          { type: 'PersistentVolumeClaim', min: { storage: '1Gi' }, max: { storage: '2Ti' } },
        ],
      },
    },
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: metadata(SEAT_ACCOUNT), automountServiceAccountToken: false },
  ];
};
