/** The calls of each operation as rows of the table, and what a dev pod's life costs. */
import type { Bench } from './bench.ts';
import { callsOfOperations } from './calls.ts';
import { figureRow, type Row } from './row.ts';

const CENTS_PER_USD = 100;

export const calls: Bench = {
  name: 'calls',
  run: async () => {
    const { operations, life } = await callsOfOperations();
    const rows = Object.entries(operations).map(([operation, bill]): Row => {
      const sums: Record<string, number> = {};
      for (const counts of Object.values(bill))
        for (const [call, count] of Object.entries(counts)) {
          const service = call.split(':')[0] ?? call;
          sums[service] = (sums[service] ?? 0) + count;
        }
      const total = Object.values(sums).reduce((sum, count) => sum + count, 0);
      return figureRow(`AWS calls: ${operation}`, total, 'calls', {
        note: Object.entries(sums)
          .map(([service, count]) => `${service} ${count}`)
          .join(', '),
      });
    });
    const { usd, ...counts } = life;
    const note = Object.entries(counts)
      .map(([what, count]) => `${what} ${count}`)
      .join(', ');
    return [...rows, figureRow('dev pod: create, stop, start, delete', usd * CENTS_PER_USD, '¢', { most: 0.1, note })];
  },
};
