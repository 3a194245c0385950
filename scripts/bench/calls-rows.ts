/** The calls of each operation as rows of the table. */
import type { Bench } from './bench.ts';
import { callsOfOperations } from './calls.ts';
import { figureRow } from './row.ts';

export const calls: Bench = {
  name: 'calls',
  run: async () =>
    Object.entries(await callsOfOperations()).map(([operation, bill]) => {
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
    }),
};
