import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Cluster } from '#core/contract/cluster.ts';
import { watch } from '#scripts/journey/client.ts';
import {
  connectedOf,
  getCluster,
  linkOf,
  PASSWORD,
  type Product,
  startProduct,
  until,
  untilPhase,
} from './support/product.ts';
import { runScript } from './support/script.ts';

describe('the two hours of a socket, made short', () => {
  let product: Product;
  beforeAll(async () => {
    product = await startProduct({ more: { socketLifeSeconds: 8 } });
  });
  afterAll(() => product?.stop());

  it('are over for a person, who comes back with a new ticket and misses nothing, and for the agent, which has a newer link', async () => {
    const session = await product.person();
    const { id } = await session.call<Cluster>('POST', '/api/v1/clusters', { name: 'cut' });
    const cluster = await untilPhase(session, id, ['Ready', 'Failed']);
    expect([cluster.phase, cluster.error]).toEqual(['Ready', undefined]);
    const watching = await watch(session);
    const before = await linkOf(product, cluster.id);
    expect(await watching.closed).toBe(1001);
    const again = await watch(session);
    const newer = await until('the agent is back', async () => {
      const now = await linkOf(product, cluster.id);
      return now.link > before.link && product.runtime.connections.get(now.connectionId) !== undefined && now;
    });
    expect(newer.connectionId).not.toBe(before.connectionId);
    const { version } = await session.call<Cluster>('POST', `/api/v1/clusters/${cluster.id}/extend`, {
      ttlSeconds: 7200,
    });
    await again.until('the push over the new socket', (push) => push.version >= version, 8);
    expect(connectedOf(await getCluster(session, cluster.id))?.status).toBe('True');
    await again.close();
  });

  it('are no end of `npm run smoke -- --cluster`, which takes longer than any of its sockets lives', async () => {
    const { code, output } = await runScript(
      'smoke.ts',
      ['--url', product.runtime.url, '--email', 'smoke@example.com', '--register', '--cluster'],
      {
        ROADSTEAD_PASSWORD: PASSWORD,
      },
    );
    expect([code, output]).toEqual([0, expect.stringContaining('Deleted was pushed')]);
  });
});
