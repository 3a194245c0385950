/** Emptying a cluster before its end. */
import { expect, test } from 'vitest';
import { buildWorld, type World } from './support/world.ts';

const fill = ({ kubernetes }: World) => {
  const put = (path: string, more = {}) => kubernetes.put(path, more);
  put('/api/v1/namespaces/shop/services/web', { spec: { type: 'LoadBalancer' } });
  put('/api/v1/namespaces/shop/services/inner', { spec: { type: 'ClusterIP' } });
  put('/api/v1/namespaces/kube-system/services/edge', { spec: { type: 'LoadBalancer' } });
  put('/apis/networking.k8s.io/v1/namespaces/shop/ingresses/web');
  put('/api/v1/namespaces/shop/persistentvolumeclaims/data');
  put('/api/v1/namespaces/other/persistentvolumeclaims/more');
  put('/api/v1/namespaces/kube-public/persistentvolumeclaims/kept');
};
const deletions = ({ kubernetes }: World) => kubernetes.requests.filter((line) => line.startsWith('DELETE'));

test('a drain takes load balancers, ingresses and claims away, but nothing of the cluster itself', async () => {
  const world = await buildWorld();
  const { clock, plane, start } = world;
  fill(world);
  await start();
  await clock.settle('a link', () => plane.live().length === 1);
  expect(deletions(world)).toEqual([]);
  plane.live()[0]?.push({ type: 'cluster.drain', payload: {} });
  await clock.until('the answer', () => plane.received('cluster.drained').length === 1);
  expect(plane.received('cluster.drained')[0]?.payload).toEqual({ services: 1, ingresses: 1, claims: 2, remaining: 0 });
  expect(deletions(world)).toEqual([
    'DELETE /api/v1/namespaces/shop/services/web',
    'DELETE /apis/networking.k8s.io/v1/namespaces/shop/ingresses/web',
    'DELETE /api/v1/namespaces/shop/persistentvolumeclaims/data',
    'DELETE /api/v1/namespaces/other/persistentvolumeclaims/more',
  ]);
});

test('a delete that waits is found in hello.ack, and what will not go is told after a bounded wait', async () => {
  const world = await buildWorld();
  const { clock, kubernetes, plane, start } = world;
  fill(world);
  plane.drain = true;
  kubernetes.heldBack = ({ metadata }) => metadata.name === 'data';
  await start();
  await clock.settle('deletions', () => deletions(world).length === 4);
  const begun = clock.now();
  plane.live()[0]?.push({ type: 'cluster.drain', payload: {} });
  await clock.until('the answer', () => plane.received('cluster.drained').length === 1);
  expect(plane.received('cluster.drained')[0]?.payload).toEqual({ services: 1, ingresses: 1, claims: 2, remaining: 1 });
  expect(clock.now() - begun).toBeLessThanOrEqual(100_000);
  expect(deletions(world)).toHaveLength(4);
});

test('what appears while the drain waits is taken away too', async () => {
  const world = await buildWorld();
  const { clock, kubernetes, plane, start } = world;
  fill(world);
  plane.drain = true;
  kubernetes.heldBack = ({ metadata }) => metadata.name === 'data';
  await start();
  await clock.settle('deletions', () => deletions(world).length === 4);
  kubernetes.put('/api/v1/namespaces/shop/persistentvolumeclaims/again', {});
  await clock.until('one more', () => deletions(world).length === 5);
  kubernetes.remove('/api/v1/namespaces/shop/persistentvolumeclaims/data');
  await clock.until('the answer', () => plane.received('cluster.drained').length === 1);
  expect(plane.received('cluster.drained')[0]?.payload).toMatchObject({ claims: 3, remaining: 0 });
});

test('a kind that the API server does not serve holds nothing up', async () => {
  const world = await buildWorld();
  const { clock, kubernetes, plane, start } = world;
  fill(world);
  kubernetes.refuse = (_, path) => (path === '/apis/networking.k8s.io/v1/ingresses' ? 404 : undefined);
  plane.drain = true;
  await start();
  await clock.until('the answer', () => plane.received('cluster.drained').length === 1);
  expect(plane.received('cluster.drained')[0]?.payload).toEqual({ services: 1, ingresses: 0, claims: 2, remaining: 0 });
});

test('an agent without the right to drain does not claim it, deletes nothing of others and says what is left', async () => {
  const world = await buildWorld();
  const { clock, kubernetes, plane, start } = world;
  fill(world);
  kubernetes.mayDrain = false;
  plane.drain = true;
  await start();
  await clock.until('the answer', () => plane.received('cluster.drained').length === 1);
  expect(plane.received('hello').at(-1)?.payload.capabilities).toEqual(['cluster.info', 'workspaces']);
  expect(plane.received('cluster.drained')[0]?.payload).toEqual({ services: 0, ingresses: 0, claims: 0, remaining: 0 });
  expect(plane.received('cluster.left')[0]?.payload.objects).toContain('namespace/roadstead-system');
  expect(deletions(world)).toEqual(['DELETE /apis/roadstead.dev/v1alpha1/clusters/roadstead']);
  expect(plane.live()).toHaveLength(1);
});

test('an agent that cannot ask for its rights says hello without the drain', async () => {
  const { clock, kubernetes, plane, start } = await buildWorld();
  kubernetes.refuse = (_, path) => (path.endsWith('selfsubjectaccessreviews') ? 500 : undefined);
  await start();
  await clock.settle('a link', () => plane.live().length === 1);
  expect(plane.received('hello').at(-1)?.payload.capabilities).toEqual(['cluster.info', 'workspaces']);
});
