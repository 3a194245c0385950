/** After the table came back from a backup: agents are told that it did, and that what it wants is newer than what they have seen. */
import { epochSeconds } from '#core/domain/clock.ts';
import { lifted } from '#core/domain/workspace-restore.ts';
import { untilFresh } from '#core/store/commit.ts';
import type { Deps } from '#functions/lib/deps.ts';

export interface Restored {
  readonly epoch: number;
  /** Dev pods whose revision was lifted. */
  readonly seats: number;
}

/** May be repeated. What lives in a cluster and not in the table is left alone there and reported as unlisted. */
export const restoreTable = async ({ store, now, newId }: Pick<Deps, 'store' | 'now' | 'newId'>): Promise<Restored> => {
  let seats = 0;
  for (const { id } of await store.workspaces.all())
    await untilFresh(async () => {
      const workspace = await store.workspaces.workspace(id);
      const decision = workspace && lifted(workspace, now());
      if (!decision) return;
      await store.commit(decision, { now: now(), newId });
      seats += 1;
    });
  // Last: until then agents refuse the older revisions, and afterwards they take all of them.
  return { epoch: await store.deployment.raiseEpoch(epochSeconds(now())), seats };
};
