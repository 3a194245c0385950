import { execFile } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Session } from '#scripts/journey/client.ts';
import { findKubectls } from '#test/kubectl/kubectls.ts';
import { createCluster, type Product, startProduct } from './support/product.ts';
import { forget } from './support/server.ts';

const kubectls = findKubectls({ everywhere: process.env.KUBECTL_MATRIX !== undefined });

let product: Product;
let session: Session;
let folder: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'roadstead-kubectl-'));
  product = await startProduct();
  session = await product.person();
  const { cluster, watching } = await createCluster(session, 'shown');
  await watching.close();
  expect([cluster.phase, cluster.error]).toEqual(['Ready', undefined]);
  writeFileSync(join(folder, 'kubeconfig'), await session.call<string>('GET', '/api/v1/clusters/shown/kubeconfig'), {
    mode: 0o600,
  });
});
afterAll(async () => {
  await product?.stop();
  forget(folder);
});

const manifest = (namespace: string) => `
apiVersion: v1
kind: Namespace
metadata: { name: ${namespace} }
---
apiVersion: v1
kind: ServiceAccount
metadata: { name: reader, namespace: ${namespace} }
---
apiVersion: v1
kind: ConfigMap
metadata: { name: settings, namespace: ${namespace} }
data: { colour: blue }
---
apiVersion: v1
kind: Secret
metadata: { name: key, namespace: ${namespace} }
data: { password: c3dvcmRmaXNo }
---
apiVersion: v1
kind: Service
metadata: { name: web, namespace: ${namespace} }
spec: { selector: { app: web }, ports: [{ port: 80, targetPort: 8080 }] }
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: { name: reader, namespace: ${namespace} }
rules: [{ apiGroups: [''], resources: [configmaps], verbs: [get, list] }]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: { name: reader, namespace: ${namespace} }
roleRef: { apiGroup: rbac.authorization.k8s.io, kind: Role, name: reader }
subjects: [{ kind: ServiceAccount, name: reader, namespace: ${namespace} }]
---
apiVersion: apps/v1
kind: Deployment
metadata: { name: web, namespace: ${namespace}, labels: { app: web } }
spec:
  replicas: 1
  selector: { matchLabels: { app: web } }
  template:
    metadata: { labels: { app: web } }
    spec:
      containers: [{ name: web, image: 'nginx:1.29', ports: [{ containerPort: 8080 }] }]
`;

it('the machine’s kubectls are of versions that are tried here', () => {
  for (const { version } of kubectls) expect(version).toMatch(/^v1\.\d+/);
});

for (const [n, { path, version }] of kubectls.entries()) {
  describe(`kubectl ${version} (${path})`, () => {
    const namespace = `tried-${n}`;
    /** `code` 0 where it went well; warnings are no part of what it says. */
    const run = (args: readonly string[], input?: string) =>
      new Promise<{ code: number; output: string }>((resolve) => {
        const child = execFile(
          path,
          ['--kubeconfig', join(folder, 'kubeconfig'), ...args],
          { timeout: 60_000, env: { PATH: process.env.PATH, HOME: folder } },
          (error, stdout, stderr) =>
            resolve({
              code: error === null ? 0 : Number(error.code ?? 1),
              output: error === null ? stdout : stdout + stderr,
            }),
        );
        child.stdin?.end(input);
      });
    const kubectl = async (...args: string[]): Promise<string> => {
      const { code, output } = await run(args);
      expect([args.join(' '), code, code === 0 ? '' : output]).toEqual([args.join(' '), 0, '']);
      return output;
    };

    it('version and api-resources know the server', async () => {
      const { serverVersion } = JSON.parse(await kubectl('version', '-o', 'json')) as {
        serverVersion: { gitVersion: string };
      };
      expect(serverVersion.gitVersion).toMatch(/^v1\.\d+\.\d+/);
      const resources = await kubectl('api-resources', '-o', 'name');
      for (const kind of [
        'namespaces',
        'nodes',
        'pods',
        'services',
        'configmaps',
        'secrets',
        'serviceaccounts',
        'events',
        'deployments.apps',
        'leases.coordination.k8s.io',
        'roles.rbac.authorization.k8s.io',
        'clusterrolebindings.rbac.authorization.k8s.io',
        'customresourcedefinitions.apiextensions.k8s.io',
        'nodepools.karpenter.sh',
      ]) {
        expect(resources.split('\n')).toContain(kind);
      }
    });

    it('apply makes what is not there, changes what differs and leaves the rest, client-side and server-side', async () => {
      const apply = async (...more: string[]) => {
        const { code, output } = await run(['apply', '-f', '-', ...more], manifest(namespace));
        expect([code, code === 0 ? '' : output]).toEqual([0, '']);
        return output;
      };
      expect(await apply()).toContain('deployment.apps/web created');
      const again = await apply();
      expect(again).toContain('deployment.apps/web unchanged');
      expect(again).not.toMatch(/configured|created/);
      const changed = await run(['apply', '-f', '-'], manifest(namespace).replace('blue', 'green'));
      expect(changed.output).toContain('configmap/settings configured');
      expect(await kubectl('-n', namespace, 'get', 'configmap', 'settings', '-o', 'jsonpath={.data.colour}')).toBe(
        'green',
      );
      expect(await apply('--server-side', '--force-conflicts')).toContain('configmap/settings serverside-applied');
      await kubectl('-n', namespace, 'wait', '--for=condition=Available', 'deployment/web', '--timeout=60s');
    });

    it('get shows every kind as a table, describe tells of it', async () => {
      expect(await kubectl('get', 'nodes')).toMatch(/^NAME\s+STATUS\s+ROLES\s+AGE\s+VERSION\n\S+\s+Ready/);
      expect(await kubectl('get', 'pods', '-A', '-o', 'wide')).toMatch(
        /roadstead-system\s+roadstead-agent-\S+\s+1\/1\s+Running/,
      );
      expect(await kubectl('-n', namespace, 'get', 'deployments')).toMatch(
        /NAME\s+READY\s+UP-TO-DATE\s+AVAILABLE\s+AGE\nweb\s+1\/1\s+1\s+1/,
      );
      expect(await kubectl('-n', namespace, 'get', 'services')).toMatch(/web\s+ClusterIP\s+\S+\s+<none>\s+80\/TCP/);
      expect(await kubectl('-n', namespace, 'get', 'secrets')).toMatch(/key\s+Opaque\s+1/);
      expect(await kubectl('-n', 'roadstead-system', 'get', 'leases')).toMatch(/roadstead-agent\s+roadstead-agent-/);
      const kinds = [
        'namespace',
        'serviceaccounts',
        'configmaps',
        'roles',
        'rolebindings',
        'clusterroles',
        'clusterrolebindings',
        'events',
        'crds',
        'nodepools',
        'storageclasses',
        'replicasets',
      ];
      for (const kind of kinds) expect(await kubectl('-n', namespace, 'get', kind)).toMatch(/^NAME|^LAST SEEN/);

      const pod = (await kubectl('-n', namespace, 'get', 'pods', '-o', 'name')).trim();
      for (const [what, told] of [
        ['deployment/web', /Replicas:\s+1 desired \| 1 updated \| 1 total \| 1 available/],
        [pod, /Image:\s+nginx:1\.29[\s\S]*Events:/],
        ['service/web', /Endpoints:\s+\S+:8080/],
        ['configmap/settings', /colour:/],
        ['secret/key', /password:\s+9 bytes/],
        ['serviceaccount/reader', /Name:\s+reader/],
        ['role/reader', /configmaps\s+\[\]\s+\[\]\s+\[get list\]/],
        ['rolebinding/reader', /Role:\s+Kind:\s+Role\s+Name:\s+reader|Kind:\s+Role/],
      ] as const) {
        expect(await kubectl('-n', namespace, 'describe', what)).toMatch(told);
      }
      expect(await kubectl('describe', 'nodes')).toMatch(/Allocatable:[\s\S]*cpu/);
      expect(await kubectl('describe', 'namespace', namespace)).toMatch(/Status:\s+Active/);
      expect(await kubectl('describe', 'crd', 'nodepools.karpenter.sh')).toMatch(/Kind:\s+NodePool/);
    });

    it('logs shows what the agent wrote, and no token', async () => {
      const log = await kubectl('-n', 'roadstead-system', 'logs', 'deployment/roadstead-agent', '--tail=200');
      expect(log).toContain('"connected"');
      expect(log).not.toMatch(/rs[cit]_[A-Za-z0-9_-]{20}/);
    });

    it('auth can-i answers by the roles, also for the service account', async () => {
      const as = `system:serviceaccount:${namespace}:reader`;
      const can = async (...args: string[]) => (await run(['-n', namespace, 'auth', 'can-i', ...args])).output.trim();
      expect(await can('delete', 'pods')).toBe('yes');
      expect(await can('list', 'configmaps', '--as', as)).toBe('yes');
      expect(await can('get', 'secrets', '--as', as)).toBe('no');
      const refused = await run(['-n', namespace, 'get', 'secrets', '--as', as]);
      expect([refused.code, refused.output]).toEqual([
        1,
        expect.stringContaining(
          `User "${as}" cannot list resource "secrets" in API group "" in the namespace "${namespace}"`,
        ),
      ]);
      const token = (await kubectl('-n', namespace, 'create', 'token', 'reader')).trim();
      const asReader = await run(['-n', namespace, 'get', 'configmap', 'settings', '-o', 'name', '--token', token]);
      expect([asReader.code, asReader.output.trim()]).toEqual([0, 'configmap/settings']);
    });

    it('delete takes one thing, and a namespace with all that is in it', async () => {
      expect(await kubectl('-n', namespace, 'delete', 'configmap', 'settings')).toContain(
        'configmap "settings" deleted',
      );
      const gone = await run(['-n', namespace, 'get', 'configmap', 'settings']);
      expect([gone.code, gone.output]).toEqual([1, expect.stringContaining('configmaps "settings" not found')]);
      await kubectl('delete', 'namespace', namespace, '--timeout=60s');
      expect((await run(['get', 'namespace', namespace])).code).toBe(1);
      expect(await kubectl('get', 'all', '-n', namespace)).toBe('');
    });
  });
}
