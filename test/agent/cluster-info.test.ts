/** Quantities and sums, and which nodes are room for dev pods. */
import { expect, test } from 'vitest';
import { clusterInfo, NOTHING, nodeFacts, podRequests } from '#agent/cluster-info.ts';
import { roomFor } from '#agent/node-room.ts';
import { quantity } from '#core/contract/quantity.ts';
import { readPolicy } from '#core/domain/seat/policy.ts';

const metadata = { name: 'x', uid: 'u', resourceVersion: '1' };
const asks = (cpu: string, memory = '0', restartPolicy?: string) => ({
  resources: { requests: { cpu, memory } },
  ...(restartPolicy ? { restartPolicy } : {}),
});

test.each([
  ['100m', 0.1],
  ['2', 2],
  ['1.5', 1.5],
  ['.5', 0.5],
  ['128974848', 128_974_848],
  ['129e6', 129_000_000],
  ['2E3', 2000],
  ['1E', 1e18],
  ['123Mi', 123 * 2 ** 20],
  ['1.5Gi', 1.5 * 2 ** 30],
  ['7220184Ki', 7_220_184 * 1024],
  ['-1k', -1000],
  ['100n', 1e-7],
  ['', 0],
  ['much', 0],
  ['1 Gi', 0],
  [undefined, 0],
])('the quantity %s is %d', (text, value) => {
  expect(quantity(text)).toBeCloseTo(value, 10);
});

test('a pod asks for its containers and sidecars, or for its largest init container with them, and its overhead', () => {
  const spec = {
    nodeName: 'one',
    containers: [asks('100m', '1Gi'), asks('200m', '1Gi')],
    initContainers: [asks('1'), asks('500m', '3Gi'), asks('50m', '0', 'Always')],
    overhead: { cpu: '10m' },
  };
  const sum = podRequests({ metadata, spec, status: { phase: 'Running' } });
  expect(sum.cpu).toBeCloseTo(1.06);
  expect(sum.memory).toBe(3 * 2 ** 30);
  expect(sum.pods).toBe(1);
});

test('a pod without a node, or at its end, asks for nothing', () => {
  const containers = [asks('1')];
  expect(podRequests({ metadata, spec: { containers }, status: { phase: 'Pending' } })).toEqual(NOTHING);
  expect(podRequests({ metadata, spec: { nodeName: 'one', containers }, status: { phase: 'Succeeded' } })).toEqual(
    NOTHING,
  );
  expect(podRequests({ metadata, spec: { nodeName: 'one', containers }, status: { phase: 'Failed' } })).toEqual(
    NOTHING,
  );
});

const ready = { conditions: [{ type: 'Ready', status: 'True' }] };
const nothing = { all: NOTHING, seats: NOTHING };
const nodeOf = (spec: object, allocatable: Record<string, string>, more: { status?: object; labels?: object } = {}) =>
  nodeFacts({
    metadata: { ...metadata, labels: { ...more.labels } },
    spec,
    status: { ...ready, allocatable, ...more.status },
  });

test('GPUs of all vendors count, and a node without a status is not ready', () => {
  const gpu = nodeOf({}, { 'nvidia.com/gpu': '2', 'amd.com/gpu': '1', cpu: '8' });
  const bare = nodeFacts({ metadata });
  expect(clusterInfo([gpu, bare], nothing, roomFor())).toEqual({
    nodes: 2,
    readyNodes: 1,
    allocatable: { cpuMillis: 8000, memoryMiB: 0, gpus: 3, pods: 0 },
    requested: { cpuMillis: 0, memoryMiB: 0, gpus: 0, pods: 0 },
    seats: { cpuMillis: 0, memoryMiB: 0, gpus: 0, pods: 0 },
    largestNode: { cpuMillis: 8000, memoryMiB: 0, gpus: 3, pods: 0 },
    networkPolicyEnforced: 'unknown',
  });
});

const tainted = (key: string, effect = 'NoSchedule', value?: string) => ({
  taints: [{ key, effect, ...(value === undefined ? {} : { value }) }],
});
const BIG = { cpu: '64', memory: '1Gi', pods: '10', 'nvidia.com/gpu': '4' };
const cpuWith = (node: ReturnType<typeof nodeFacts>, profiles?: string) => {
  const room = roomFor(readPolicy(profiles === undefined ? {} : { profiles }).profiles);
  const { allocatable, largestNode } = clusterInfo([nodeOf({}, { cpu: '2' }), node], nothing, room);
  expect(largestNode).toMatchObject({ cpuMillis: allocatable.cpuMillis === 66_000 ? 64_000 : 2000 });
  return [allocatable.cpuMillis, allocatable.gpus];
};

test.each([
  ['is not ready', nodeOf({}, BIG, { status: { conditions: [{ type: 'Ready', status: 'False' }] } })],
  [
    'says nothing of itself any more',
    nodeOf({}, BIG, { status: { conditions: [{ type: 'Ready', status: 'Unknown' }] } }),
  ],
  ['is cordoned', nodeOf({ unschedulable: true }, BIG)],
  ['is of the control plane', nodeOf(tainted('node-role.kubernetes.io/control-plane'), BIG)],
  ['lets nothing stay', nodeOf(tainted('node.kubernetes.io/out-of-service', 'NoExecute'), BIG)],
  ['is kept for others', nodeOf(tainted('roadstead.dev/dev', 'NoSchedule', 'x'), BIG)],
])('a node that %s is no room for dev pods', (_, node) => {
  expect(cpuWith(node)).toEqual([2000, 0]);
});

test.each([
  ['would rather have others', nodeOf(tainted('spot', 'PreferNoSchedule'), BIG)],
  ['is short of memory, which every dev pod tolerates,', nodeOf(tainted('node.kubernetes.io/memory-pressure'), BIG)],
])('a node that %s is room for them', (_, node) => {
  expect(cpuWith(node)).toEqual([66_000, 4]);
});

test('of a node that only the profile for GPUs tolerates, GPUs count and nothing else', () => {
  expect(cpuWith(nodeOf(tainted('nvidia.com/gpu'), BIG))).toEqual([2000, 4]);
  expect(cpuWith(nodeOf(tainted('nvidia.com/gpu', 'NoExecute'), BIG))).toEqual([2000, 0]);
});

test('the profile "default" of the cluster’s admin says which nodes are for dev pods', () => {
  const own = nodeOf(tainted('roadstead.dev/dev', 'NoSchedule', 'x'), BIG, { labels: { 'roadstead.dev/pool': 'dev' } });
  const profile = (toleration: object) => JSON.stringify({ default: { tolerations: [toleration] } });
  expect(cpuWith(own, profile({ key: 'roadstead.dev/dev' }))).toEqual([66_000, 4]);
  expect(cpuWith(own, profile({ key: 'roadstead.dev/dev', operator: 'Equal', value: 'x' }))).toEqual([66_000, 4]);
  expect(cpuWith(own, profile({ key: 'roadstead.dev/dev', operator: 'Equal', value: 'y' }))).toEqual([2000, 0]);
  expect(cpuWith(own, profile({ key: 'roadstead.dev/dev', effect: 'NoExecute' }))).toEqual([2000, 0]);
  const pool = (value: string) =>
    JSON.stringify({
      default: { nodeSelector: { 'roadstead.dev/pool': value }, tolerations: [{ key: 'roadstead.dev/dev' }] },
    });
  expect(clusterInfo([own], nothing, roomFor(readPolicy({ profiles: pool('dev') }).profiles)).allocatable.gpus).toBe(4);
  expect(clusterInfo([own], nothing, roomFor(readPolicy({ profiles: pool('ci') }).profiles)).allocatable.gpus).toBe(0);
});
