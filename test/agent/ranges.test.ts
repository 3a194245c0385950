import { expect, test } from 'vitest';
import { nodeFacts } from '#agent/cluster-info.ts';
import { kinds, pathOf } from '#agent/kubernetes/kinds.ts';
import { publicRanges } from '#agent/seats/ranges.ts';
import { apply, testCluster } from './support/cluster.ts';
import { seatsWorld } from './support/seats.ts';

const cluster = testCluster('127.74');

test('only ranges among public addresses need be known, each once', () => {
  const cidrs = [
    '10.96.0.0/12',
    '203.0.113.0/24',
    'fd00::/108',
    '2a00:1:2::/112',
    '203.0.113.0/24',
    '8.8.8.8',
    'none',
    '2002::/20',
  ];
  expect(publicRanges(cidrs)).toEqual(['2a00:1:2::/112', '203.0.113.0/24', '8.8.8.8/32'].sort());
});

test('a node brings those of its pods and its own, where they are public', () => {
  const addresses = [
    { type: 'InternalIP', address: '192.0.3.7' },
    { type: 'ExternalIP', address: '8.8.4.4' },
    { type: 'Hostname', address: 'one' },
  ];
  const node = {
    metadata: { name: 'one', uid: 'u', resourceVersion: '1' },
    spec: { podCIDRs: ['100.64.1.0/24', '203.0.113.0/25'] },
  };
  expect(nodeFacts({ ...node, status: { addresses } }).ranges).toEqual(['192.0.3.7/32', '203.0.113.0/25']);
  expect(nodeFacts({ ...node, spec: {}, status: {} })).not.toHaveProperty('ranges');
});

test('dev pods are let out to the internet without the cluster’s own public ranges', async () => {
  const { admin } = cluster();
  const services = '/apis/networking.k8s.io/v1/servicecidrs/public';
  await apply(admin, services, {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'ServiceCIDR',
    metadata: { name: 'public' },
    spec: { cidrs: ['203.0.113.0/24'] },
  });
  const world = await seatsWorld(cluster());
  const { id } = world.want({ runState: 'Stopped' });
  await world.start();
  await world.until(id, ({ phase }) => phase === 'Stopped');
  const policy = await admin.request<{ spec: { egress: { to: { ipBlock?: { except?: string[] } }[] }[] } }>(
    'GET',
    pathOf(kinds.NetworkPolicy, world.namespace, 'egress'),
  );
  expect(policy.spec.egress.flatMap(({ to }) => to.flatMap(({ ipBlock }) => ipBlock?.except ?? []))).toContain(
    '203.0.113.0/24',
  );
  await admin.request('DELETE', services);
});
