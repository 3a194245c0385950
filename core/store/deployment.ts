/** What is kept of the deployment as a whole, beside its quotas. */
import { keys } from './keys.ts';
import type { Table } from './table.ts';

/** Of a table that was never restored. */
const FIRST_EPOCH = 1;

export const deploymentIn = (table: Table) => {
  const epoch = async (): Promise<number> => Number((await table.get(keys.epoch()))?.epoch ?? FIRST_EPOCH);
  return {
    /** Grows with every restore: an agent takes nothing from a table of a lower one than it has seen (DESIGN §2). */
    epoch,
    /** A higher one than any table of this deployment had: the seconds since 1970, as a table that was restored cannot know how often others were. */
    raiseEpoch: async (nowSeconds: number): Promise<number> => {
      const next = Math.max((await epoch()) + 1, nowSeconds);
      await table.put({ ...keys.epoch(), entity: 'Epoch', epoch: next });
      return next;
    },
  };
};
