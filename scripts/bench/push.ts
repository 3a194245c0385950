/** A committed change of state → the push at each of 100 watchers: how late, none missed, none out of order. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Cluster } from '#core/contract/cluster.ts';
import type { Bench } from './bench.ts';
import { readyCluster } from './product.ts';
import { samplesRow } from './row.ts';
import { startSockets } from './sockets.ts';

const WATCHERS = 100;
/** Between two changes: a change is measured, not a queue. */
const PAUSE_MS = 150;

export const push: Bench = {
  name: 'push',
  async run(context) {
    const product = await context.product();
    const session = await product.person();
    const { id } = await readyCluster(session, 'push');
    const sockets = await startSockets(product, session);
    context.defer(sockets.close);
    const watchers = await sockets.open(WATCHERS, 60);
    const extend = (seconds: number) =>
      session.call<Cluster>('POST', `/api/v1/clusters/${id}/extend`, { ttlSeconds: 7200 + seconds });
    // The first change finds new connections on both sides.
    await extend(0);
    await sleep(1000);
    await sockets.forget();

    const changes = context.quick ? 5 : 40;
    const keys: string[] = [];
    for (let i = 1; i <= changes; i++) {
      keys.push(`${id} ${(await extend(i)).version}`);
      await sleep(PAUSE_MS);
    }
    const { heard, disorder } = await sockets.until(keys, 10);
    sockets.close();
    await session.call('DELETE', `/api/v1/clusters/${id}`);
    const samples = keys.flatMap((key) => heard[key] ?? []);
    const missed = changes * watchers - samples.length;
    return [
      samplesRow(`status change committed → push, ${watchers} watchers`, samples, 'ms', {
        bar: { p50: 50, p99: 250 },
        sound: missed === 0 && disorder === 0 && watchers === WATCHERS,
        note: `${changes} changes, ${missed} missed, ${disorder} out of order`,
      }),
    ];
  },
};
