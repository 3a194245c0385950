/** Empties a deployment before it is destroyed: creates are switched off, every cluster is deleted, and it waits until none is left, here or in the cloud. */
import { decideCluster } from '#core/domain/cluster.ts';
import type { ClusterState } from '#core/domain/cluster-state.ts';
import { infrastructureName } from '#core/domain/names.ts';
import type { OperationTimings } from '#core/domain/operation.ts';
import type { OrphanItem } from '#core/store/clusters.ts';
import { untilFresh } from '#core/store/commit.ts';
import type { Deps } from '#functions/lib/deps.ts';
import type { Provider } from '#functions/tasks/providers/provider.ts';

export interface DrainDeps extends Pick<Deps, 'store' | 'now' | 'newId'> {
  readonly providers: readonly Pick<Provider, 'listOwned'>[];
  readonly timings: OperationTimings;
  readonly sleep: (milliseconds: number) => Promise<void>;
  readonly say: (line: string) => void;
}

const POLL_MS = 5000;

/** What there is in clouds without a cluster here: the table may have lost it, and the bill has not. What an orphan left counts until it is gone. */
const straysOf = async ({ store, providers, now }: DrainDeps, clusters: readonly ClusterState[]): Promise<string[]> => {
  const owned = (await Promise.all(providers.map((provider) => provider.listOwned()))).flat();
  const orphans = await store.clusters.due<OrphanItem>('orphan', now());
  const ours = new Set(clusters.map(({ id }) => infrastructureName(id)));
  return [...new Set([...owned, ...orphans].map(({ name }) => name))].filter((name) => !ours.has(name));
};

const SWEPT = 'in the cloud alone: the sweeper removes it once it is half an hour old';

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
    const strays = await straysOf(deps, left);
    if (left.length + strays.length === 0) return wanted.length;
    if (waited >= patienceSeconds) {
      const whys = [
        ...left.map(
          ({ name, id, phase, error }) => `${name} (${id}) ${phase}${error === undefined ? '' : `: ${error.message}`}`,
        ),
        ...strays.map((name) => `${name} ${SWEPT}`),
      ];
      throw new Error(`left after ${patienceSeconds} s: ${whys.join('; ')}`);
    }
    const states = [
      ...left.map(({ name, phase, step }) => `${name} ${phase}${step === undefined ? '' : ` (${step})`}`),
      ...strays.map((name) => `${name} (${SWEPT})`),
    ];
    say(`${states.length} left: ${states.join(', ')}`);
    await deps.sleep(POLL_MS);
  }
};
