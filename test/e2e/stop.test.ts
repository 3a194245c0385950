import { join } from 'node:path';
import { DescribeClusterCommand } from '@aws-sdk/client-eks';
import { expect, it } from 'vitest';
import type { Cluster } from '#core/contract/cluster.ts';
import { infrastructureName } from '#core/domain/names.ts';
import type { StartCluster } from '#local/clusters/fleet.ts';
import { clustersPlugin } from '#local/clusters/plugin.ts';
import { identityPlugin } from '#local/identity/plugin.ts';
import { startCluster } from '#local/kubernetes/cluster.ts';
import { statesPlugin } from '#local/states/plugin.ts';
import { processesUnder } from '#scripts/local/processes.ts';
import { startProduct, until, untilPhase } from './support/product.ts';
import { processesOf } from './support/server.ts';

/** Milliseconds that a stop may take on a busy machine. */
const PATIENCE = 10_000;

const asked = async (start: StartCluster) => {
  const product = await startProduct({
    more: { plugins: [statesPlugin, identityPlugin(() => {}), clustersPlugin({ startCluster: start, images: {} })] },
  });
  const session = await product.person();
  const { id } = await session.call<Cluster>('POST', '/api/v1/clusters', { name: 'halting' });
  await until('the cluster is asked for', async () => (await product.eksClusters()).length === 1);
  return { product, session, id };
};

const expectSoon = async (stop: Promise<void>): Promise<void> => {
  const since = performance.now();
  await stop;
  expect(performance.now() - since).toBeLessThan(PATIENCE);
};

it('a cluster that starts and cannot be used fails with a reason, and its process ends', async () => {
  // What EKS makes in it is refused.
  const { product, session, id } = await asked(async (options) => ({
    ...(await startCluster(options)),
    adminToken: 'wrong',
  }));
  expect((await untilPhase(session, id, ['Failed', 'Ready'])).error?.code).toBe('provider.failed');
  const folder = join(product.state, 'clusters');
  await until('its process ends', () => processesUnder(product.state).every(({ args }) => !args.includes(folder)));
  await expectSoon(product.stop());
});

it('the runtime stops soon while a cluster does not start and says nothing', async () => {
  const { product } = await asked(
    ({ signal }) =>
      new Promise((_, reject) => signal?.addEventListener('abort', () => reject(new Error('it was ended')))),
  );
  await expectSoon(product.stop());
});

it('the runtime stops soon while a cluster is just being started, and the next one goes on with it', async () => {
  const { product, id } = await asked(startCluster);
  await expectSoon(product.runtime.stop());
  expect(await processesOf(product.state)).toEqual([]);
  const next = await startProduct({ state: product.state });
  expect(
    (await next.aws.eks.send(new DescribeClusterCommand({ name: infrastructureName(id) }))).cluster?.status,
  ).toMatch(/CREATING|ACTIVE/);
  await until('it is there', async () => {
    const { cluster } = await next.aws.eks.send(new DescribeClusterCommand({ name: infrastructureName(id) }));
    return cluster?.status === 'ACTIVE';
  });
  await next.stop();
});
