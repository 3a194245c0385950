/** What the custom resource `Cluster` says of the cluster, in its status. */
import { expect, test } from 'vitest';
import { type Kubernetes, KubernetesError } from '#agent/kubernetes/client.ts';
import type { Link } from '#agent/link.ts';
import { clusterRecord } from '#agent/seats/cluster-record.ts';
import { heldClock } from './support/clock.ts';

const { signal } = new AbortController();
const ack = {
  clusterId: `clu_${'0'.repeat(26)}`,
  deploymentId: 'one',
  epoch: 1,
  cluster: { revision: 2, provider: 'eks' },
} as unknown as Link['ack'];

/** An API server that answers what the test says. */
const answering = (answer: (method: string, path: string, body: unknown) => unknown): Kubernetes =>
  ({
    request: async (method: string, path: string, { body }: { body?: unknown } = {}) => answer(method, path, body),
  }) as unknown as Kubernetes;

test('the record of the cluster says what it was said of, and by which policy dev pods are judged', async () => {
  let stored: Record<string, unknown> | undefined;
  let statuses = 0;
  const kubernetes = answering((method, path, body) => {
    if (method === 'GET' && !stored) throw new KubernetesError(404, 'NotFound', 'no');
    if (method === 'GET') return stored;
    if (path.endsWith('/status')) statuses++;
    const { metadata, ...more } = body as { metadata: object };
    stored = { ...stored, ...more, metadata: { ...(stored?.metadata as object), ...metadata, generation: 4 } };
    return stored;
  });
  const options = { kubernetes, agentVersion: '1', clock: heldClock(() => 0), signal };
  const record = clusterRecord(options);
  await record.goesBy('before there is a record');
  expect(stored).toBeUndefined();
  await record.accept(ack);
  await record.disconnected();
  // Both at once: neither undoes what the other says.
  await Promise.all([record.accept(ack), record.goesBy('digest')]);
  const connected = [expect.objectContaining({ type: 'Connected', status: 'True' })];
  const observed = { observedRevision: 2, observedGeneration: 4 };
  expect(stored).toMatchObject({ status: { ...observed, policyDigest: 'digest', conditions: connected } });
  const before = statuses;
  await record.goesBy('digest');
  expect(statuses).toBe(before);
  // The next agent has not read the policy yet.
  await clusterRecord(options).disconnected();
  expect(stored).toMatchObject({ status: { ...observed, policyDigest: 'digest', conditions: [{ status: 'False' }] } });
});
