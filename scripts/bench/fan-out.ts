/** One event to as many sockets as there are (up to 5,000): when the last of them has it. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Cluster } from '#core/contract/cluster.ts';
import type { Bench } from './bench.ts';
import { type Product, readyCluster } from './product.ts';
import { figureRow } from './row.ts';
import { startSockets } from './sockets.ts';

const WANTED = 5000;
/** For opening them: each is a handshake with two writes, on DynamoDB Local. */
const OPEN_SECONDS = 45;
/** Without a record of the stream for so long the product has come to rest; it is not waited for longer than this. */
const REST_MS = 1500;
const PATIENCE_MS = 60_000;

/** The stream has all the new connections and subscriptions to go through first: one event is measured, not what opening them leaves to do. */
const atRest = async ({ invocations }: Product): Promise<void> => {
  const consumed = () => invocations.filter(({ by }) => by.startsWith('Stream')).length;
  const end = Date.now() + PATIENCE_MS;
  for (let seen = -1; seen !== consumed() && Date.now() < end; await sleep(REST_MS)) seen = consumed();
};

export const fanOut: Bench = {
  name: 'fan-out',
  async run(context) {
    const product = await context.product();
    const session = await product.person();
    const { id } = await readyCluster(session, 'fan-out');
    const sockets = await startSockets(product, session);
    context.defer(sockets.close);
    const begun = performance.now();
    const watchers = await sockets.open(context.quick ? 200 : WANTED, OPEN_SECONDS, 'item');
    const opening = (performance.now() - begun) / 1000;
    await atRest(product);
    const extend = (ttlSeconds: number) =>
      session.call<Cluster>('POST', `/api/v1/clusters/${id}/extend`, { ttlSeconds });
    const last: number[] = [];
    let missed = 0;
    for (const ttlSeconds of [7200, 7300]) {
      const key = `${id} ${(await extend(ttlSeconds)).version}`;
      const { heard } = await sockets.until([key], 20);
      last.push(Math.max(...(heard[key] ?? [Number.POSITIVE_INFINITY])));
      missed += watchers - (heard[key]?.length ?? 0);
    }
    sockets.close();
    await session.call('DELETE', `/api/v1/clusters/${id}`);
    const seconds = Math.min(...last) / 1000;
    return [
      figureRow(`fan-out: one event to ${watchers} sockets, the last has it`, seconds, 's', {
        most: 2,
        sound: missed === 0,
        note: `${missed} missed; ${(watchers / seconds).toFixed(0)} sockets/s; opened in ${opening.toFixed(0)} s${watchers < WANTED ? `; wanted ${WANTED}` : ''}`,
      }),
    ];
  },
};
