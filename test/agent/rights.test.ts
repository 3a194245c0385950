/** What the agent calls and what its manifest allows are the same. */
import { expect, test } from 'vitest';
import { renderAgentManifest } from '#core/domain/agent-manifest.ts';
import { buildWorld, node, SECRET } from './support/world.ts';

interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly resourceNames?: readonly string[];
  readonly verbs: readonly string[];
}

const rulesOf = (drain: boolean, workspaces = false) => {
  const given = {
    image: 'i',
    socketUrl: 'wss://x',
    apiUrl: 'https://x',
    installToken: 't',
    clusterId: 'c',
    drain,
    workspaces,
    version: '1',
  };
  const objects = renderAgentManifest(given);
  const of = (kind: string) =>
    objects.filter((object) => object.kind === kind).flatMap((object) => object.rules as readonly Rule[]);
  return { cluster: of('ClusterRole'), own: of('Role') };
};

/** Rights that every service account has (system:discovery, system:basic-user). */
const BASIC = /^(GET \/version|POST \/apis\/authorization\.k8s\.io\/v1\/selfsubjectaccessreviews)$/;
const PATH = /^(?:\/api\/v1|\/apis\/([^/]+)\/[^/]+)(?:\/namespaces\/([^/]+)(?=\/))?\/([a-z]+)(?:\/([^/]+))?$/;

const allowed = (line: string, { cluster, own }: ReturnType<typeof rulesOf>): boolean => {
  const [method = '', url = ''] = line.split(' ');
  const { pathname, searchParams } = new URL(url, 'https://kubernetes');
  if (BASIC.test(`${method} ${pathname}`)) return true;
  const [, group = '', namespace, resource = '', name] = PATH.exec(pathname) ?? [];
  const read = name === undefined ? (searchParams.has('watch') ? 'watch' : 'list') : 'get';
  const verb = { GET: read, POST: 'create', PUT: 'update', PATCH: 'patch', DELETE: 'delete' }[method] ?? '';
  return [...cluster, ...(namespace === 'roadstead-system' ? own : [])].some(
    (rule) =>
      rule.apiGroups.includes(group) &&
      rule.resources.includes(resource) &&
      rule.verbs.includes(verb) &&
      (rule.resourceNames === undefined || (name !== undefined && rule.resourceNames.includes(name))),
  );
};

test('every call of an agent that is installed, watches, drains and stops is allowed by the manifest', async () => {
  const { clock, kubernetes, plane, start } = await buildWorld();
  kubernetes.put('/api/v1/namespaces/shop/services/web', { spec: { type: 'LoadBalancer' } });
  kubernetes.put('/apis/networking.k8s.io/v1/namespaces/shop/ingresses/web', {});
  kubernetes.put('/api/v1/namespaces/shop/persistentvolumeclaims/data', {});
  plane.drain = true;
  const agent = await start();
  await clock.until('the drain', () => plane.received('cluster.drained').length === 1);
  await clock.settle('promotion', () => kubernetes.secret(SECRET, 'agent-token'));
  kubernetes.put('/api/v1/nodes/two', node('two'));
  await clock.advance(30_000);
  await agent.stop();

  const calls = [...new Set(kubernetes.requests)];
  expect(calls.length).toBeGreaterThan(12);
  // Whether dev pods are placed here is asked of the cluster itself: where they are not, it says no and that is the answer.
  const question = 'GET /apis/roadstead.dev/v1alpha1/clusters/roadstead';
  expect(calls).toContain(question);
  const beyond = (drain: boolean) => calls.filter((line) => line !== question && !allowed(line, rulesOf(drain)));
  expect(beyond(true)).toEqual([]);
  expect(beyond(false)).toEqual([
    'GET /api/v1/services?limit=100',
    'DELETE /api/v1/namespaces/shop/services/web',
    'GET /apis/networking.k8s.io/v1/ingresses?limit=100',
    'DELETE /apis/networking.k8s.io/v1/namespaces/shop/ingresses/web',
    'GET /api/v1/persistentvolumeclaims?limit=100',
    'DELETE /api/v1/namespaces/shop/persistentvolumeclaims/data',
  ]);
});

test('in its own namespace an agent with dev pods may make pods and policies, and touches none but those of the probe', () => {
  const rules = rulesOf(false, true).own;
  const verbs = (resource: string, name?: string) =>
    rules
      .filter(({ resources, resourceNames }) => resources.includes(resource) && resourceNames?.[0] === name)
      .flatMap((rule) => rule.verbs);
  expect([verbs('pods'), verbs('pods', 'roadstead-probe')]).toEqual([['create'], ['get', 'delete']]);
  expect([verbs('networkpolicies'), verbs('networkpolicies', 'roadstead-probe')]).toEqual([
    ['create'],
    ['update', 'delete'],
  ]);
  expect(JSON.stringify(rulesOf(false).own)).not.toMatch(/pods|networkpolicies/);
});
