/** The manifest that installs the agent. */
import { expect, test } from 'vitest';
import { manifestText, renderAgentManifest } from '#core/domain/agent-manifest.ts';
import type { KubernetesObject } from '#core/domain/kubernetes-object.ts';
import { MAY_REMAIN } from '#core/domain/seat/remains.ts';

const given = {
  image: `registry.example.com/roadstead/agent@sha256:${'b'.repeat(64)}`,
  socketUrl: 'wss://abc.execute-api.eu-central-1.amazonaws.com/live',
  apiUrl: 'https://abc.execute-api.eu-central-1.amazonaws.com',
  installToken: 'rsi_secret-of-this-test',
  clusterId: `clu_${'0'.repeat(26)}`,
  drain: false,
  workspaces: false,
  version: '1.2.3',
};
const objects = renderAgentManifest(given);
const find = (kind: string, name = 'roadstead-agent', all: readonly KubernetesObject[] = objects) =>
  all.find((object) => object.kind === kind && object.metadata.name === name);
const pod = (object: KubernetesObject | undefined) =>
  (
    object as unknown as {
      spec: { template: { spec: Record<string, unknown> & { containers: Record<string, unknown>[] } } };
    }
  ).spec.template.spec;

test('the objects come in an order in which they can be applied', () => {
  expect(objects.map(({ kind }) => kind)).toEqual([
    'Namespace',
    'ValidatingAdmissionPolicy',
    'ValidatingAdmissionPolicyBinding',
    'ServiceAccount',
    'ClusterRole',
    'ClusterRoleBinding',
    'Role',
    'RoleBinding',
    'Secret',
    'Deployment',
  ]);
});

test('everything is labelled, and the namespace enforces the restricted pod security', () => {
  for (const { metadata } of objects) {
    expect(metadata.labels).toMatchObject({
      'app.kubernetes.io/name': 'roadstead-agent',
      'app.kubernetes.io/managed-by': 'roadstead',
      'roadstead.dev/cluster': given.clusterId,
    });
  }
  expect(find('Namespace', 'roadstead-system')?.metadata.labels).toMatchObject({
    'pod-security.kubernetes.io/enforce': 'restricted',
  });
});

test('labels are values that Kubernetes accepts', () => {
  for (const { metadata } of objects)
    for (const value of Object.values(metadata.labels ?? {})) {
      expect(value).toMatch(/^[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$/);
    }
});

test('the right to drain is installed only when it is asked for', () => {
  expect(find('ClusterRole', 'roadstead-drain')).toBeUndefined();
  const draining = renderAgentManifest({ ...given, drain: true });
  expect(find('ClusterRole', 'roadstead-drain', draining)?.rules).toEqual([
    { apiGroups: [''], resources: ['services', 'persistentvolumeclaims'], verbs: ['list', 'delete'] },
    { apiGroups: ['networking.k8s.io'], resources: ['ingresses'], verbs: ['list', 'delete'] },
  ]);
  expect(find('ClusterRoleBinding', 'roadstead-drain', draining)?.roleRef).toMatchObject({ name: 'roadstead-drain' });
});

test('the agent may write nothing of the whole cluster and reads no Secret but its own', () => {
  const text = JSON.stringify(find('ClusterRole')?.rules);
  expect(text).not.toMatch(/secrets|create|update|patch|delete|\*/);
  const own = (find('Role')?.rules ?? []) as readonly { resources: string[]; resourceNames?: string[] }[];
  const secrets = own.filter(({ resources }) => resources.includes('secrets'));
  expect(secrets.map(({ resourceNames }) => resourceNames)).toEqual([['roadstead-agent']]);
});

test('the pod is what the restricted profile admits, and one at a time', () => {
  const deployment = find('Deployment');
  expect(deployment).toMatchObject({ spec: { replicas: 1, strategy: { type: 'Recreate' } } });
  const spec = pod(deployment);
  expect(spec).toMatchObject({
    serviceAccountName: 'roadstead-agent',
    securityContext: { runAsNonRoot: true, runAsUser: 65532, seccompProfile: { type: 'RuntimeDefault' } },
  });
  expect(spec.containers[0]).toMatchObject({
    image: given.image,
    securityContext: {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    },
    resources: { limits: { memory: '160Mi' } },
    livenessProbe: { httpGet: { path: '/healthz', port: 'health' } },
    readinessProbe: { httpGet: { path: '/readyz', port: 'health' } },
  });
});

test('the install token stands in the Secret alone, and is not mounted', () => {
  expect(find('Secret')).toMatchObject({
    type: 'Opaque',
    data: {
      url: Buffer.from(given.socketUrl).toString('base64'),
      api: Buffer.from(given.apiUrl).toString('base64'),
      'install-token': Buffer.from(given.installToken).toString('base64'),
    },
  });
  const others = JSON.stringify(objects.filter(({ kind }) => kind !== 'Secret'));
  expect(others).not.toContain(given.installToken);
  expect(pod(find('Deployment')).volumes).toEqual([
    {
      name: 'config',
      secret: {
        secretName: 'roadstead-agent',
        defaultMode: 288,
        items: [
          { key: 'url', path: 'url' },
          { key: 'api', path: 'api' },
        ],
      },
    },
  ]);
});

test('the text is one List that kubectl applies, and the same input gives the same text', () => {
  const text = manifestText(objects);
  expect(JSON.parse(text)).toEqual({ apiVersion: 'v1', kind: 'List', items: objects });
  expect(manifestText(renderAgentManifest(given))).toBe(text);
});

const seats = renderAgentManifest({ ...given, workspaces: true });

test('where dev pods are placed, definitions and the fence come before the rights that they bound', () => {
  const order = seats.map(({ kind, metadata }) => `${kind} ${metadata.name}`);
  expect(order.slice(3, 5)).toEqual([
    'CustomResourceDefinition clusters.roadstead.dev',
    'CustomResourceDefinition workspaces.roadstead.dev',
  ]);
  expect(order.indexOf('ValidatingAdmissionPolicyBinding roadstead-seat-pods')).toBeLessThan(
    order.indexOf('ClusterRole roadstead-tenant'),
  );
  expect(order.at(-1)).toBe('Deployment roadstead-agent');
  for (const { kind, metadata } of objects) expect(order).toContain(`${kind} ${metadata.name}`);
});

test('where none are placed, nothing of them is installed', () => {
  expect(JSON.stringify(objects)).not.toMatch(/statefulsets|workspaces|roadstead-tenant|roadstead-policy/);
});

test('the policy is installed without data, so that applying it again leaves what the admin wrote', () => {
  expect(find('ConfigMap', 'roadstead-policy', seats)).not.toHaveProperty('data');
});

interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly resourceNames?: readonly string[];
  readonly verbs: readonly string[];
}
const rulesOf = (name: string) => find('ClusterRole', name, seats)?.rules as unknown as readonly Rule[];

test('with dev pods the agent still reads no Secret, makes no pod, deletes no namespace, escalates and impersonates nobody', () => {
  const all = [...rulesOf('roadstead-agent'), ...rulesOf('roadstead-tenant')];
  const verbs = (resource: string) =>
    all.filter((rule) => rule.resources.includes(resource)).flatMap((rule) => rule.verbs);
  expect(new Set(verbs('secrets'))).toEqual(new Set(['create', 'patch', 'delete']));
  expect(verbs('pods')).not.toContain('create');
  expect(verbs('namespaces')).not.toContain('delete');
  expect(verbs('persistentvolumes')).toEqual([]);
  const words = all.flatMap((rule) => [...rule.verbs, ...rule.resources, ...rule.apiGroups]);
  for (const word of ['*', 'escalate', 'impersonate', 'nodes/proxy', 'validatingadmissionpolicies', 'configmaps'])
    expect(words).not.toContain(word);
  expect(all.filter((rule) => rule.verbs.includes('bind'))).toMatchObject([{ resourceNames: ['roadstead-tenant'] }]);
});

test('cluster-wide it writes no more than namespaces, bindings and its own kinds', () => {
  const written = rulesOf('roadstead-agent').filter((rule) =>
    rule.verbs.some((verb) => !/^(get|list|watch)$/.test(verb)),
  );
  expect(written.flatMap(({ resources }) => resources)).toEqual([
    'workspaces',
    'clusters',
    'workspaces/status',
    'clusters/status',
    'customresourcedefinitions',
    'namespaces',
    'rolebindings',
    'clusterroles',
  ]);
});

test('what may remain in a connected cluster is everything cluster-wide that the manifest put there', () => {
  const short = (kind: string) => (kind === 'CustomResourceDefinition' ? 'crd' : kind.toLowerCase());
  const wide = seats.filter(({ metadata }) => metadata.namespace === undefined);
  expect([...MAY_REMAIN].sort()).toEqual(wide.map(({ kind, metadata }) => `${short(kind)}/${metadata.name}`).sort());
});
