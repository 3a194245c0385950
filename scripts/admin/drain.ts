/** Empties a deployment before it is destroyed: creates are switched off, every cluster is deleted, and it waits until none is left. */
import { decideCluster } from '#core/domain/cluster.ts';
import type { OperationTimings } from '#core/domain/operation.ts';
import { untilFresh } from '#core/store/commit.ts';
import type { Deps } from '#functions/lib/deps.ts';

export interface DrainDeps extends Pick<Deps, 'store' | 'now' | 'newId'> {
  readonly timings: OperationTimings;
  readonly sleep: (milliseconds: number) => Promise<void>;
  readonly say: (line: string) => void;
}

const POLL_MS = 5000;

/** Resolves with how many clusters were deleted; rejects after `patienceSeconds`, naming those that are left and why. */
export const drainDeployment = async (deps: DrainDeps, patienceSeconds: number): Promise<number> => {
  const { store, say } = deps;
  await store.clusters.stopCreates(true);
  say('Creating clusters is switched off.');
  const wanted = await store.clusters.all();
  for (const { id, name } of wanted) {
    await untilFresh(async () => {
      const decision = decideCluster(
        await store.clusters.subject(id),
        { type: 'delete', force: true, actor: 'system', timings: deps.timings },
        { now: deps.now(), newId: deps.newId },
      );
      await store.commit(decision, { now: deps.now(), newId: deps.newId });
    });
    say(`${name} (${id}) is being deleted.`);
  }
  for (let waited = 0; ; waited += POLL_MS / 1000) {
    const left = await store.clusters.all();
    if (left.length === 0) return wanted.length;
    if (waited >= patienceSeconds) {
      throw new Error(
        `left after ${patienceSeconds} s: ${left.map(({ name, id, phase, error }) => `${name} (${id}) ${phase}${error === undefined ? '' : `: ${error.message}`}`).join('; ')}`,
      );
    }
    say(
      `${left.length} left: ${left.map(({ name, phase, step }) => `${name} ${phase}${step === undefined ? '' : ` (${step})`}`).join(', ')}`,
    );
    await deps.sleep(POLL_MS);
  }
};
