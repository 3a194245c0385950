/** What the agent tells of its cluster, and how the watch behind it survives. */
import { expect, test } from 'vitest';
import { buildWorld, node } from './support/world.ts';

const pod = (name: string, cpu: string, more: Record<string, unknown> = {}) => ({
  spec: {
    nodeName: 'one',
    containers: [{ resources: { requests: { cpu, memory: '64Mi', 'nvidia.com/gpu': '1' } } }],
    ...more,
  },
  status: { phase: 'Running' },
  metadata: { name },
});

test('nodes and the sum of requests are told at the connection, over all pages of the pods', async () => {
  const { clock, kubernetes, plane, start } = await buildWorld();
  for (let i = 0; i < 230; i++) kubernetes.put(`/api/v1/namespaces/default/pods/p${i}`, pod(`p${i}`, '10m'));
  await start();
  await clock.until('cluster.info', () => plane.received('cluster.info').length === 1);
  expect(plane.received('cluster.info')[0]?.payload).toEqual({
    nodes: 1,
    readyNodes: 1,
    allocatable: { cpuMillis: 1930, memoryMiB: 7051, gpus: 0, pods: 29 },
    requested: { cpuMillis: 2300, memoryMiB: 230 * 64, gpus: 230, pods: 230 },
    seats: { cpuMillis: 0, memoryMiB: 0, gpus: 0, pods: 0 },
    largestNode: { cpuMillis: 1930, memoryMiB: 7051, gpus: 0, pods: 29 },
    storageClass: false,
    networkPolicyEnforced: 'unknown',
    provider: 'aws',
    region: 'eu-central-1',
  });
  expect(kubernetes.requests.filter((line) => line.startsWith('GET /api/v1/pods'))).toHaveLength(3);
});

test('what runs on a node that takes no new pods takes nothing of what the others have', async () => {
  const { clock, kubernetes, plane, start } = await buildWorld();
  kubernetes.put('/api/v1/nodes/two', node('two', { spec: { unschedulable: true } }));
  const on = (nodeName: string) => pod(nodeName, '100m', { nodeName });
  const seat = { metadata: { name: 'seat', labels: { 'roadstead.dev/workspace': 'wsp-1' } } };
  kubernetes.put('/api/v1/namespaces/default/pods/one', on('one'));
  kubernetes.put('/api/v1/namespaces/default/pods/two', on('two'));
  kubernetes.put('/api/v1/namespaces/default/pods/seat', { ...on('two'), ...seat });
  await start();
  await clock.until('cluster.info', () => plane.received('cluster.info').length === 1);
  expect(plane.received('cluster.info')[0]?.payload).toMatchObject({
    nodes: 2,
    allocatable: { cpuMillis: 1930, pods: 29 },
    requested: { cpuMillis: 100, pods: 1 },
    seats: { cpuMillis: 0, pods: 0 },
  });
  await clock.settle('the watch', () => kubernetes.watches() === 1);
  kubernetes.put('/api/v1/nodes/two', node('two'));
  await clock.until('the end of the cordon', () => plane.received('cluster.info').length === 2);
  expect(plane.received('cluster.info')[1]?.payload).toMatchObject({
    allocatable: { cpuMillis: 3860 },
    requested: { cpuMillis: 300 },
    seats: { cpuMillis: 100 },
  });
});

test('the cluster’s admin says which nodes are for dev pods', async () => {
  const { clock, kubernetes, plane, start } = await buildWorld();
  plane.seats = () => '0'.repeat(64);
  const tainted = { spec: { taints: [{ key: 'roadstead.dev/dev', effect: 'NoSchedule' }] } };
  kubernetes.put('/api/v1/nodes/two', node('two', tainted));
  await start();
  const cpu = () => plane.received('cluster.info').at(-1)?.payload.allocatable.cpuMillis;
  await clock.until('cluster.info', () => cpu() === 1930);
  const profiles = JSON.stringify({ default: { tolerations: [{ key: 'roadstead.dev/dev' }] } });
  kubernetes.put('/api/v1/namespaces/roadstead-system/configmaps/roadstead-policy', { data: { profiles } });
  await clock.until('the other node', () => cpu() === 3860);
});

test('changes of nodes that come together are told once, and what does not change is not told again', async () => {
  const { clock, kubernetes, plane, start } = await buildWorld();
  await start();
  await clock.until('cluster.info', () => plane.received('cluster.info').length === 1);
  await clock.settle('the watch', () => kubernetes.watches() === 1);
  for (const name of ['two', 'three', 'four']) kubernetes.put(`/api/v1/nodes/${name}`, node(name));
  await clock.until('the change', () => plane.received('cluster.info').length === 2);
  expect(plane.received('cluster.info')[1]?.payload.nodes).toBe(4);
  // The kubelet's own news of the same node.
  kubernetes.put('/api/v1/nodes/four', { ...node('four'), images: ['more'] });
  await clock.advance(20_000);
  expect(plane.received('cluster.info')).toHaveLength(2);
  kubernetes.remove('/api/v1/nodes/four');
  kubernetes.put('/api/v1/nodes/three', {
    ...node('three'),
    status: { conditions: [{ type: 'Ready', status: 'False' }] },
  });
  await clock.until('the next change', () => plane.received('cluster.info').length === 3);
  expect(plane.received('cluster.info')[2]?.payload).toMatchObject({ nodes: 3, readyNodes: 2 });
});

test('each new link is told again', async () => {
  const { clock, plane, start } = await buildWorld();
  await start();
  await clock.until('cluster.info', () => plane.received('cluster.info').length === 1);
  plane.live()[0]?.cut();
  await clock.until('cluster.info on the next link', () => plane.received('cluster.info').length === 2);
  expect(plane.links.at(-1)?.messages.map(({ type, seq }) => [type, seq])).toEqual([
    ['hello', 0],
    ['cluster.info', 1],
  ]);
});

test('nothing known is never overwritten by nothing', async () => {
  const { clock, kubernetes, plane, start } = await buildWorld();
  await start();
  await clock.until('cluster.info', () => plane.received('cluster.info').length === 1);
  await clock.settle('the watch', () => kubernetes.watches() === 1);
  kubernetes.remove('/api/v1/nodes/one');
  await clock.advance(20_000);
  expect(plane.received('cluster.info')).toHaveLength(1);
  kubernetes.put('/api/v1/nodes/bare', { metadata: { name: 'bare' } });
  await clock.until('the next', () => plane.received('cluster.info').length === 2);
  expect(plane.received('cluster.info')[1]?.payload).toMatchObject({
    nodes: 1,
    readyNodes: 0,
    provider: 'aws',
    region: 'eu-central-1',
  });
});

test('a report that is not taken is told again later', async () => {
  const { clock, plane, start } = await buildWorld();
  plane.answer = (message) =>
    message.type === 'cluster.info' && plane.received('cluster.info').length === 1
      ? { type: 'error', payload: { code: 'Retry', message: 'busy' } }
      : undefined;
  await start();
  await clock.until('both', () => plane.received('cluster.info').length === 2);
});

test('pods are counted again from time to time', async () => {
  const { clock, kubernetes, plane, start } = await buildWorld();
  await start();
  await clock.until('cluster.info', () => plane.received('cluster.info').length === 1);
  kubernetes.put('/api/v1/namespaces/default/pods/new', pod('new', '1'));
  await clock.until('the new sum', () => plane.received('cluster.info').length === 2);
  expect(plane.received('cluster.info')[1]?.payload.requested.cpuMillis).toBe(1000);
});

test('a watch goes on where it ended, and lists again when the history is gone', async () => {
  const { clock, kubernetes, plane, start } = await buildWorld();
  await start();
  await clock.until('cluster.info', () => plane.received('cluster.info').length === 1);
  await clock.settle('the watch', () => kubernetes.watches() === 1);
  const lists = () => kubernetes.requests.filter((line) => line === 'GET /api/v1/nodes?limit=100').length;
  expect(lists()).toBe(1);

  kubernetes.cutWatches();
  await clock.settle('the end', () => kubernetes.watches() === 0);
  kubernetes.put('/api/v1/nodes/two', node('two'));
  await clock.until('two nodes', () => plane.received('cluster.info').at(-1)?.payload.nodes === 2);
  expect(lists()).toBe(1);

  kubernetes.cutWatches();
  await clock.settle('the end', () => kubernetes.watches() === 0);
  kubernetes.put('/api/v1/nodes/three', node('three'));
  kubernetes.compact();
  await clock.until('three nodes', () => plane.received('cluster.info').at(-1)?.payload.nodes === 3);
  expect(lists()).toBe(2);
});

test('an API server that refuses the list is asked again with a back-off, and said so', async () => {
  const { clock, kubernetes, plane, start } = await buildWorld();
  let refusals = 0;
  kubernetes.refuse = (_, path) => (path === '/api/v1/nodes' && ++refusals <= 3 ? 500 : undefined);
  const agent = await start();
  await clock.until('cluster.info', () => plane.received('cluster.info').length === 1);
  expect(agent.log.filter((line) => line.includes('a watch was interrupted'))).toHaveLength(3);
});
