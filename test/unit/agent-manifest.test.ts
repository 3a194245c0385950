/** The manifest that installs the agent. */
import { expect, test } from 'vitest';
import { manifestText, renderAgentManifest } from '#core/domain/agent-manifest.ts';
import type { KubernetesObject } from '#core/domain/kubernetes-object.ts';

const given = {
  image: `registry.example.com/roadstead/agent@sha256:${'b'.repeat(64)}`,
  socketUrl: 'wss://abc.execute-api.eu-central-1.amazonaws.com/live',
  installToken: 'rsi_secret-of-this-test',
  clusterId: `clu_${'0'.repeat(26)}`,
  drain: false,
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
      'install-token': Buffer.from(given.installToken).toString('base64'),
    },
  });
  const others = JSON.stringify(objects.filter(({ kind }) => kind !== 'Secret'));
  expect(others).not.toContain(given.installToken);
  expect(pod(find('Deployment')).volumes).toEqual([
    {
      name: 'config',
      secret: { secretName: 'roadstead-agent', defaultMode: 288, items: [{ key: 'url', path: 'url' }] },
    },
  ]);
});

test('the text is one List that kubectl applies, and the same input gives the same text', () => {
  const text = manifestText(objects);
  expect(JSON.parse(text)).toEqual({ apiVersion: 'v1', kind: 'List', items: objects });
  expect(manifestText(renderAgentManifest(given))).toBe(text);
});
