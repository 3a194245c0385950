/** The manifest that installs the agent (pure): the workflow applies these objects server-side, the tokens route hands them out as text. */

import { CLUSTER_LABEL, renderOwner } from './agent-owner.ts';
import { clusterRules, DRAIN_RULES, ownRules, type Rule, TENANT_RULES } from './agent-rights.ts';
import type { KubernetesObject } from './kubernetes-object.ts';
import { renderCrds } from './seat/crds.ts';
import { renderFence } from './seat/fence.ts';
import { AGENT_NAME, AGENT_NAMESPACE, POLICY_NAME, TENANT_ROLE } from './seat/names.ts';
import { OWN_CONTAINER_SECURITY, OWN_POD_SECURITY } from './seat/restricted.ts';

export interface AgentManifest {
  /** `repository@sha256:…`, or a tag where digests are not to be had. */
  readonly image: string;
  /** `wss://…`: where the agent dials. */
  readonly socketUrl: string;
  /** `https://…`: where the API is, without `/api/v1`: values of secrets are fetched there. */
  readonly apiUrl: string;
  /** One use, 1 h; none for an agent that has its own token already. */
  readonly installToken?: string | undefined;
  readonly clusterId: string;
  /** Whether the agent may empty the cluster before it is deleted: only for clusters that a provider of ours made. */
  readonly drain: boolean;
  /** Whether dev pods are placed here: the rights, custom resources and policies for them are installed only then. */
  readonly workspaces: boolean;
  /** The release of the agent. */
  readonly version: string;
}

/** The field manager of whoever installs. The agent's own (`roadstead-agent`) keeps the token keys of the Secret. */
export const FIELD_MANAGER = 'roadstead';

/** What keeps the agent under 100 MB resident with 500 dev pods: it waits most of its life, and a small heap that is swept often costs it little. With 26 MiB of old space it still keeps 500. */
export const LEAN_ENVIRONMENT = {
  NODE_OPTIONS: '--max-semi-space-size=1 --max-old-space-size=36 --v8-pool-size=1',
  MALLOC_ARENA_MAX: '1',
  UV_THREADPOOL_SIZE: '2',
} as const;

const HEALTH_PORT = 8081;
const CONFIG_DIR = '/etc/roadstead';
const SERVICE_ACCOUNT_DIR = '/var/run/secrets/kubernetes.io/serviceaccount';

const rbac = 'rbac.authorization.k8s.io';

const fieldRef = (name: string, fieldPath: string) => ({
  name,
  valueFrom: { fieldRef: { apiVersion: 'v1', fieldPath } },
});

const probe = (path: string) => ({ httpGet: { path, port: 'health', scheme: 'HTTP' }, timeoutSeconds: 5 });

const podSpec = ({ image }: AgentManifest) => ({
  serviceAccountName: AGENT_NAME,
  automountServiceAccountToken: true,
  enableServiceLinks: false,
  terminationGracePeriodSeconds: 10,
  securityContext: OWN_POD_SECURITY,
  containers: [
    {
      name: 'agent',
      image,
      imagePullPolicy: 'IfNotPresent',
      env: [
        { name: 'ROADSTEAD_CONFIG_DIR', value: CONFIG_DIR },
        { name: 'SERVICE_ACCOUNT_DIR', value: SERVICE_ACCOUNT_DIR },
        { name: 'AGENT_IMAGE', value: image },
        { name: 'HEALTH_PORT', value: String(HEALTH_PORT) },
        ...Object.entries(LEAN_ENVIRONMENT).map(([name, value]) => ({ name, value })),
        fieldRef('POD_IP', 'status.podIP'),
        fieldRef('POD_NAME', 'metadata.name'),
        fieldRef('POD_NAMESPACE', 'metadata.namespace'),
        fieldRef('POD_UID', 'metadata.uid'),
        fieldRef('NODE_NAME', 'spec.nodeName'),
      ],
      ports: [{ name: 'health', containerPort: HEALTH_PORT, protocol: 'TCP' }],
      livenessProbe: { ...probe('/healthz'), initialDelaySeconds: 10, periodSeconds: 20, failureThreshold: 3 },
      readinessProbe: { ...probe('/readyz'), periodSeconds: 5, failureThreshold: 1 },
      resources: { requests: { cpu: '20m', memory: '96Mi' }, limits: { cpu: '500m', memory: '160Mi' } },
      securityContext: OWN_CONTAINER_SECURITY,
      volumeMounts: [{ name: 'config', mountPath: CONFIG_DIR, readOnly: true }],
    },
  ],
  // Only the address: the tokens are read and written through the API, and need not lie in a file. 288 is 0440.
  volumes: [
    {
      name: 'config',
      secret: { secretName: AGENT_NAME, defaultMode: 288, items: ['url', 'api'].map((key) => ({ key, path: key })) },
    },
  ],
});

/** What dev pods need beside the rights. The policy has no `data`: what the cluster's admin wrote there is never touched by applying this again. */
const forWorkspaces = (labels: Readonly<Record<string, string>>, drain: boolean): KubernetesObject[] => [
  ...renderCrds(labels),
  ...renderFence(labels, drain),
  { apiVersion: `${rbac}/v1`, kind: 'ClusterRole', metadata: { name: TENANT_ROLE, labels }, rules: TENANT_RULES },
  { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: POLICY_NAME, namespace: AGENT_NAMESPACE, labels } },
];

/** In the order in which they can be applied; the fence comes before the rights that it bounds. */
export const renderAgentManifest = (given: AgentManifest): KubernetesObject[] => {
  const selector = { 'app.kubernetes.io/name': AGENT_NAME };
  const labels = {
    ...selector,
    'app.kubernetes.io/component': 'agent',
    'app.kubernetes.io/part-of': 'roadstead',
    'app.kubernetes.io/managed-by': 'roadstead',
    'app.kubernetes.io/version': given.version,
    [CLUSTER_LABEL]: given.clusterId,
  };
  const wide = (name: string) => ({ name, labels });
  const own = { name: AGENT_NAME, namespace: AGENT_NAMESPACE, labels };
  const subjects = [{ kind: 'ServiceAccount', name: AGENT_NAME, namespace: AGENT_NAMESPACE }];
  const clusterRole = (name: string, rules: readonly Rule[]): KubernetesObject[] => [
    { apiVersion: `${rbac}/v1`, kind: 'ClusterRole', metadata: wide(name), rules },
    {
      apiVersion: `${rbac}/v1`,
      kind: 'ClusterRoleBinding',
      metadata: wide(name),
      roleRef: { apiGroup: rbac, kind: 'ClusterRole', name },
      subjects,
    },
  ];
  const base64 = (text: string) => Buffer.from(text, 'utf8').toString('base64');

  return [
    {
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: {
        name: AGENT_NAMESPACE,
        labels: {
          ...labels,
          'pod-security.kubernetes.io/enforce': 'restricted',
          'pod-security.kubernetes.io/audit': 'restricted',
          'pod-security.kubernetes.io/warn': 'restricted',
        },
      },
    },
    ...renderOwner(labels),
    ...(given.workspaces ? forWorkspaces(labels, given.drain) : []),
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: own, automountServiceAccountToken: false },
    ...clusterRole(AGENT_NAME, clusterRules(given.workspaces)),
    ...(given.drain ? clusterRole('roadstead-drain', DRAIN_RULES) : []),
    { apiVersion: `${rbac}/v1`, kind: 'Role', metadata: own, rules: ownRules(given.workspaces) },
    {
      apiVersion: `${rbac}/v1`,
      kind: 'RoleBinding',
      metadata: own,
      roleRef: { apiGroup: rbac, kind: 'Role', name: AGENT_NAME },
      subjects,
    },
    {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: own,
      type: 'Opaque',
      // `data`, never `stringData`: a key dropped from stringData stays (kubernetes.md finding 21).
      data: {
        url: base64(given.socketUrl),
        api: base64(given.apiUrl),
        ...(given.installToken === undefined ? {} : { 'install-token': base64(given.installToken) }),
      },
    },
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: own,
      spec: {
        replicas: 1,
        // Two versions must never run at once (kubernetes.md finding 14).
        strategy: { type: 'Recreate' },
        revisionHistoryLimit: 2,
        selector: { matchLabels: selector },
        template: { metadata: { labels }, spec: podSpec(given) },
      },
    },
  ];
};

/** One document for `kubectl apply -f -`: JSON, which kubectl reads as well as YAML. It holds the install token. */
export const manifestText = (objects: readonly KubernetesObject[]): string =>
  `${JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects }, null, 2)}\n`;
