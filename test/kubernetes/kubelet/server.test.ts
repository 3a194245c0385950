import { get } from 'node:https';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { nodes } from '#local/kubernetes/controllers/machinery/resources.ts';
import { identity, KUBELET_CLIENT } from '#local/kubernetes/kubelet/certificates.ts';
import { startTestCluster } from '../cluster/harness.ts';

let cluster: Awaited<ReturnType<typeof startTestCluster>>;
let port: number;
beforeAll(async () => {
  cluster = await startTestCluster('127.85');
  await cluster.node('n1');
});
afterAll(() => cluster?.stop());

/** Asks the kubelet as whoever `who` is; undefined shows no certificate. */
async function ask(who: string | undefined, path = '/healthz'): Promise<{ status: number; text: string }> {
  const authority = join(cluster.dir, 'apiserver');
  const known = await identity(join(cluster.dir, 'test'), authority, who ?? 'nobody', 'client');
  const shown = who === undefined ? {} : { cert: known.certPem, key: known.keyPem };
  return new Promise((resolve, reject) => {
    get({ host: '127.0.0.1', port, path, ca: known.caPem, agent: false, ...shown }, async (response) => {
      const text = Buffer.concat(await response.toArray()).toString();
      resolve({ status: response.statusCode ?? 0, text });
    }).on('error', reject);
  });
}

test('the kubelet answers over TLS of the cluster, and only the API server', async () => {
  const kubeletPort = async () =>
    (await cluster.client.get(nodes, undefined, 'n1')).status?.daemonEndpoints?.kubeletEndpoint?.Port;
  await cluster.eventually(kubeletPort).toBeGreaterThan(0);
  port = (await kubeletPort()) ?? 0;
  expect(await ask(KUBELET_CLIENT)).toEqual({ status: 200, text: 'ok' });
  for (const who of [undefined, 'kubernetes-admin']) {
    expect(await ask(who)).toMatchObject({ status: 401, text: expect.stringContaining('client certificate') });
    expect(await ask(who, '/containerLogs/default/a/b')).toMatchObject({ status: 401 });
  }
});

test('what it does not serve it says', async () => {
  expect(await ask(KUBELET_CLIENT, '/pods')).toMatchObject({
    status: 404,
    text: expect.stringContaining('/containerLogs'),
  });
  expect(await ask(KUBELET_CLIENT, '/exec/default/nobody/main?command=ls&output=1')).toEqual({
    status: 404,
    text: 'pod "nobody" not found in namespace "default"',
  });
});
