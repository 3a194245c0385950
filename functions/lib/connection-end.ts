/** The end of a socket, told by API Gateway or found by a post that met nobody: forgotten at once, and an agent's link ends with it. */
import { disconnect } from '#core/domain/link.ts';
import { untilFresh } from '#core/store/commit.ts';
import type { Deps } from './deps.ts';

/** Possibly late and possibly twice: only the current link's end changes the cluster (seed-systems §4.0 H2). */
export const endConnection = async (deps: Pick<Deps, 'store' | 'now' | 'newId'>, id: string): Promise<void> => {
  const connection = await deps.store.connections.close(id);
  if (connection?.kind !== 'agent') return;
  await untilFresh(async () => {
    const cluster = await deps.store.clusters.cluster(connection.cluster);
    if (cluster === null) return;
    const now = deps.now();
    await deps.store.commit(disconnect(cluster, connection.link, now), { now, newId: deps.newId });
  });
};
