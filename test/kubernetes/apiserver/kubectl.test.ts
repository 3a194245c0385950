/** kubectl, or where there is none the client library of npm, against the server. */
import { execFile, execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { CoreV1Api, KubeConfig } from '@kubernetes/client-node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type TestServer, testServer } from './support/server.ts';

/** Another kubectl than the one on the path may be named. */
const KUBECTL = process.env.KUBECTL ?? 'kubectl';

const found = (() => {
  try {
    execFileSync(KUBECTL, ['version', '--client'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
})();

let server: TestServer;
let kubelet: Server;
beforeAll(async () => {
  kubelet = createServer((request, response) => response.end(`${request.url}\n`));
  await new Promise<void>((done) => kubelet.listen(0, '127.0.0.1', done));
  server = await testServer({ kubeletUrl: () => `http://127.0.0.1:${(kubelet.address() as AddressInfo).port}` });
  await server.namespace('work');
});
afterAll(async () => {
  await server.stop();
  kubelet.close();
});

const kubectl = (line: string, input?: string) =>
  new Promise<{ code: number; out: string; err: string }>((done) => {
    const child = execFile(
      KUBECTL,
      ['--kubeconfig', server.kubeconfig, '--cache-dir', join(server.dir, 'cache'), '-n', 'work', ...line.split(' ')],
      (error, out, err) => {
        done({ code: error ? Number(error.code ?? 1) : 0, out, err });
      },
    );
    child.stdin?.end(input ?? '');
  });

const POD =
  'apiVersion: v1\nkind: Pod\nmetadata: {name: web, labels: {app: web}}\nspec:\n  containers: [{name: main, image: "main:1"}]\n';

describe.runIf(found)('kubectl', () => {
  it('tells the versions of both sides', async () => {
    const { out } = await kubectl('version');
    expect(out).toContain('Server Version: v1.35.0');
  });

  it('lists the kinds with their short names', async () => {
    const { out } = await kubectl('api-resources');
    for (const line of [
      /^pods +po +v1 +true +Pod$/m,
      /^deployments +deploy +apps\/v1 +true +Deployment$/m,
      /^customresourcedefinitions +crd,crds +apiextensions\.k8s\.io\/v1 +false/m,
    ]) {
      expect(out).toMatch(line);
    }
  });

  it.each([
    'namespaces',
    'nodes',
    'pods',
    'services',
    'endpoints',
    'configmaps',
    'secrets',
    'serviceaccounts',
    'events',
    'persistentvolumeclaims',
    'persistentvolumes',
    'resourcequotas',
    'limitranges',
    'deployments',
    'replicasets',
    'statefulsets',
    'controllerrevisions',
    'roles',
    'rolebindings',
    'clusterroles',
    'clusterrolebindings',
    'leases',
    'endpointslices',
    'networkpolicies',
    'storageclasses',
    'priorityclasses',
    'poddisruptionbudgets',
    'customresourcedefinitions',
  ])('gets %s from everywhere', async (kind) => {
    const { code, err } = await kubectl(`get ${kind} -A`);
    expect(err.replace(/^Warning:.*$/gm, '').trim()).toMatch(/^(No resources found)?$/);
    expect(code).toBe(0);
  });

  it('creates by its own protobuf, and prints the table', async () => {
    expect((await kubectl('create configmap settings --from-literal=a=1 --from-literal=b=2')).out).toBe(
      'configmap/settings created\n',
    );
    expect((await kubectl('get configmap settings')).out).toMatch(/^NAME +DATA +AGE\nsettings +2 /);
    expect((await kubectl('create deployment web --image=main:1 --replicas=2')).out).toBe(
      'deployment.apps/web created\n',
    );
    expect((await kubectl('get deployment web -o wide')).out).toMatch(/web +0\/2 +0 +0 +\S+ +main +main:1 +app=web/);
    expect((await kubectl('create secret generic s --from-literal=k=v')).code).toBe(0);
    expect((await kubectl('get secret s -o jsonpath={.data.k}')).out).toBe('dg==');
  });

  it('applies, applies again, and tells what changed', async () => {
    const file = join(server.dir, 'pod.yaml');
    writeFileSync(file, POD);
    expect((await kubectl(`apply -f ${file}`)).out).toBe('pod/web created\n');
    expect((await kubectl(`apply -f ${file}`)).out).toBe('pod/web unchanged\n');
    writeFileSync(file, POD.replace('main:1', 'main:2'));
    expect((await kubectl(`apply -f ${file}`)).out).toBe('pod/web configured\n');
    expect((await kubectl('get pod web -o jsonpath={.spec.containers[0].image}')).out).toBe('main:2');
    expect((await kubectl(`apply --server-side --force-conflicts -f ${file}`)).out).toBe(
      'pod/web serverside-applied\n',
    );
  });

  it('refuses a manifest with a field that is not there', async () => {
    const { code, err } = await kubectl(
      'apply -f -',
      POD.replace('name: web', 'name: odd').replace('containers', 'containerz'),
    );
    expect(code).toBe(1);
    expect(err).toContain('unknown field "spec.containerz"');
  });

  it('describes, labels, scales and explains', async () => {
    expect((await kubectl('describe pod web')).out).toMatch(/Status: +Pending[\s\S]*Image: +main:2/);
    expect((await kubectl('label pod web tier=front')).out).toBe('pod/web labeled\n');
    expect((await kubectl('get pods -l tier=front -o name')).out).toBe('pod/web\n');
    expect((await kubectl('scale deployment web --replicas=5')).out).toBe('deployment.apps/web scaled\n');
    expect((await kubectl('get deployment web -o jsonpath={.spec.replicas}')).out).toBe('5');
    expect((await kubectl('explain pod.spec.nodeName')).out).toContain('FIELD: nodeName <string>');
  });

  it('asks what it may do', async () => {
    expect((await kubectl('auth can-i delete nodes')).out).toBe('yes\n');
    expect((await kubectl('auth can-i list secrets --as=system:serviceaccount:work:default')).out).toBe('no\n');
    expect((await kubectl('auth whoami -o jsonpath={.status.userInfo.username}')).out).toBe('kubernetes-admin');
    expect((await kubectl('create token default')).out.trim()).toMatch(/^ey[\w-]+\.ey[\w-]+\.[\w-]+$/);
  });

  it('reads the log of a pod through its kubelet', async () => {
    await server.post('/api/v1/namespaces/work/pods/web/binding', {
      metadata: { name: 'web' },
      target: { kind: 'Node', name: 'n1' },
    });
    await server.merge('/api/v1/namespaces/work/pods/web/status', { status: { phase: 'Running' } });
    expect((await kubectl('logs web --tail=3')).out).toContain('/containerLogs/work/web/main?tailLines=3');
  });

  it('waits and deletes', async () => {
    expect((await kubectl('delete configmap settings')).out).toContain('configmap "settings" deleted');
    expect((await kubectl('delete pod web --grace-period=0 --force')).code).toBe(0);
    expect((await kubectl('wait --for=delete pod/web --timeout=5s')).code).toBe(0);
    expect((await kubectl('get pod web')).err).toContain('Error from server (NotFound): pods "web" not found');
  });
});

describe('the client library', () => {
  const core = () => {
    const config = new KubeConfig();
    config.loadFromFile(server.kubeconfig);
    return config.makeApiClient(CoreV1Api);
  };

  it('creates, reads, lists and deletes', async () => {
    const api = core();
    await api.createNamespacedConfigMap({ namespace: 'work', body: { metadata: { name: 'lib' }, data: { a: '1' } } });
    expect((await api.readNamespacedConfigMap({ namespace: 'work', name: 'lib' })).data).toEqual({ a: '1' });
    const pods = await api.listNamespacedPod({ namespace: 'work' });
    expect(Array.isArray(pods.items)).toBe(true);
    await api.deleteNamespacedConfigMap({ namespace: 'work', name: 'lib' });
    await expect(api.readNamespacedConfigMap({ namespace: 'work', name: 'lib' })).rejects.toMatchObject({ code: 404 });
  });
});
