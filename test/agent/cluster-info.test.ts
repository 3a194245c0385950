/** Quantities and sums. */
import { expect, test } from 'vitest';
import { clusterInfo, NOTHING, nodeFacts, podRequests } from '#agent/cluster-info.ts';
import { quantity } from '#core/contract/quantity.ts';

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

test('GPUs of all vendors count, and a node without a status is not ready', () => {
  const gpu = nodeFacts({ metadata, status: { allocatable: { 'nvidia.com/gpu': '2', 'amd.com/gpu': '1', cpu: '8' } } });
  const bare = nodeFacts({ metadata });
  expect(clusterInfo([gpu, bare], { all: NOTHING, seats: NOTHING })).toEqual({
    nodes: 2,
    readyNodes: 0,
    allocatable: { cpuMillis: 8000, memoryMiB: 0, gpus: 3, pods: 0 },
    requested: { cpuMillis: 0, memoryMiB: 0, gpus: 0, pods: 0 },
    seats: { cpuMillis: 0, memoryMiB: 0, gpus: 0, pods: 0 },
    largestNode: { cpuMillis: 8000, memoryMiB: 0, gpus: 3, pods: 0 },
    networkPolicyEnforced: 'unknown',
  });
});
