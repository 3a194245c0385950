import { afterAll, beforeAll, expect, test } from 'vitest';
import { pods } from '#local/kubernetes/controllers/machinery/resources.ts';
import { app, startTestCluster } from '../cluster/harness.ts';
import { devPod, kubectl, ready } from './support.ts';

let cluster: Awaited<ReturnType<typeof startTestCluster>>;
const run = (...args: string[]) => kubectl(cluster.parts.adminKubeconfig, args);
beforeAll(async () => {
  cluster = await startTestCluster('127.87');
  await cluster.node('n1');
  await cluster.create(pods, devPod('busy', { command: ['sh', '-c', 'while :; do :; done'] }));
  await cluster.create(pods, devPod('idle'));
  await cluster.create(pods, { metadata: { name: 'plain', labels: { app: 'plain' } }, spec: { containers: [app()] } });
  await cluster.create(pods, {
    metadata: { name: 'stone', labels: { app: 'stone' } },
    spec: { containers: [{ name: 'main', image: 'nginx:1' }] },
  });
  await ready(cluster.parts.adminKubeconfig, 'busy', 'idle', 'plain', 'stone');
});
afterAll(() => cluster?.stop());

/** Lines of `kubectl top`: name → millicores and mebibytes. */
const table = (text: string): Record<string, [number, number]> =>
  Object.fromEntries(
    text
      .trim()
      .split('\n')
      .map((line) => {
        const [name = '', cpu = '', memory = ''] = line.split(/\s+/);
        return [name, [Number.parseInt(cpu, 10), Number.parseInt(memory, 10)]];
      }),
  );

test('kubectl top tells a pod that works from one that waits, and one that is only said to run', async () => {
  const used = table((await run('top', 'pod', '--no-headers')).out);
  expect(Object.keys(used).sort()).toEqual(['busy', 'idle', 'plain', 'stone']);
  expect(used.busy?.[0]).toBeGreaterThan(used.idle?.[0] ?? Number.NaN);
  // Node.js in a plain process takes some memory; a simulated container takes none.
  expect(used.plain?.[1]).toBeGreaterThan(10);
  expect(used.stone).toEqual([0, 0]);
});

test('kubectl top node adds its pods up', async () => {
  const used = table((await run('top', 'node', '--no-headers')).out.replace(/\s+\d+%/g, ''));
  expect(used.n1?.[1]).toBeGreaterThan(10);
});

test('metrics of one pod are read by name and label, and nothing of them can be written', async () => {
  const path = '/apis/metrics.k8s.io/v1beta1/namespaces/default/pods';
  const one = JSON.parse((await run('get', '--raw', `${path}/idle`)).out);
  expect(one).toMatchObject({
    kind: 'PodMetrics',
    apiVersion: 'metrics.k8s.io/v1beta1',
    metadata: { name: 'idle', namespace: 'default' },
    containers: [
      { name: 'dev', usage: { cpu: expect.stringMatching(/^\d+n$/), memory: expect.stringMatching(/^\d+Ki$/) } },
    ],
  });
  const some = JSON.parse((await run('get', '--raw', `${path}?labelSelector=app%3Dbusy`)).out);
  expect(some.items.map(({ metadata }: { metadata: { name: string } }) => metadata.name)).toEqual(['busy']);
  expect((await run('get', '--raw', `${path}/nobody`)).err).toContain('not found');
  expect((await run('delete', 'podmetrics', 'idle')).code).not.toBe(0);
});
