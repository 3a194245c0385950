/** Reads of agent and install tokens: by hash, consistently; by cluster, for people. */
import type { AgentTokenState } from '../domain/token.ts';
import { fromItem } from './items.ts';
import { keys, lists } from './keys.ts';
import { everything } from './pages.ts';
import type { Table } from './table.ts';

export const tokensIn = (table: Table) => ({
  byHash: async (hash: string): Promise<AgentTokenState | null> => {
    const item = await table.get(keys.token(hash));
    return item === null ? null : fromItem<AgentTokenState>(item);
  },
  /** Install and agent tokens of a cluster, oldest first. */
  ofCluster: (cluster: string): Promise<AgentTokenState[]> =>
    everything<AgentTokenState>(table, { index: 'gsi1', pk: lists.tokensOf(cluster) }),
});
