/** Warm API calls: the handler's own time (worker, JSON and AWS calls included, HTTP not), beside the whole way over HTTP. */
import type { Bench } from './bench.ts';
import type { Timed } from './product.ts';
import { digits, median, type Row, samplesRow } from './row.ts';

const FUNCTION = 'HttpClusters';
const BAR = { p50: 10, p99: 50 };

const sum = (times: readonly Timed[]): number => times.reduce((total, { ms }) => total + ms, 0);

export const handler: Bench = {
  name: 'handler',
  async run(context) {
    const product = await context.product();
    const session = await product.person();
    const { id } = await session.call<{ id: string }>('POST', '/api/v1/clusters', { name: 'handler' });
    const of = ({ by }: Timed): boolean => by.includes(FUNCTION);
    const times = context.quick ? 30 : 300;

    const measure = async (what: string, method: string, path: string, body?: unknown): Promise<Row> => {
      const once = () => session.call(method, path, body).catch(() => {});
      for (let i = 0; i < 30; i++) await once();
      product.invocations.length = 0;
      product.awsCalls.length = 0;
      const wholes: number[] = [];
      for (let i = 0; i < times; i++) {
        const begun = performance.now();
        await once();
        wholes.push(performance.now() - begun);
      }
      const handled = product.invocations.filter(of);
      const called = product.awsCalls.filter(of);
      const whole = median(wholes);
      const own = median(handled.map(({ ms }) => ms));
      return samplesRow(
        `warm handler: ${what}`,
        handled.map(({ ms }) => ms),
        'ms',
        {
          bar: BAR,
          note: `${handled.length} calls; AWS calls ${digits(called.length / handled.length)} each, ${digits((100 * sum(called)) / sum(handled))} % of it; over HTTP ${digits(whole)} ms (×${digits(whole / own)})`,
        },
      );
    };

    const rows = [
      await measure('GET cluster', 'GET', `/api/v1/clusters/${id}`),
      await measure('list', 'GET', '/api/v1/clusters'),
      await measure('create refused by validation', 'POST', '/api/v1/clusters', { name: 'No Such Name!' }),
    ];
    await session.call('DELETE', `/api/v1/clusters/${id}`);
    return rows;
  },
};
