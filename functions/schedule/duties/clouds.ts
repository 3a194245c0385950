/** The sweeper's duty for clouds: keep the list of Kubernetes versions, remove what carries our name and belongs to nothing, notice what is gone (DESIGN §2; seed-systems §4.1 H2.5). */
import { plus } from '#core/domain/clock.ts';
import { decideCluster } from '#core/domain/cluster.ts';
import { infrastructureName } from '#core/domain/names.ts';
import type { OrphanItem, ProviderVersions } from '#core/store/clusters.ts';
import type { Deps } from '../../lib/deps.ts';
import type { Owned, Removal } from '../../tasks/providers/provider.ts';
import { type Chore, doEach } from './chores.ts';
import { unlessRaced } from './clusters.ts';

/** What the sweeper needs of a provider. */
export interface Cloud {
  readonly name: string;
  readonly versions: () => Promise<{ readonly default: string; readonly offered: readonly string[] }>;
  readonly listOwned: () => Promise<readonly Owned[]>;
  /** One step towards its end; repeated by later sweeps until it is gone. */
  readonly remove: (name: string) => Promise<Removal>;
  readonly observeGone: (name: string) => Promise<Removal>;
  /** Removes what outlived it; answers how much is still there. */
  readonly leftovers: (name: string) => Promise<number>;
}

export interface CloudDeps extends Deps {
  readonly clouds: readonly Cloud[];
  readonly orphanAgeSeconds: number;
}

/** Versions are asked for again after a day. */
const VERSIONS_SECONDS = 86_400;
/** Clouds are looked through in the first minute of every ten. */
const ORPHAN_MINUTES = 10;

export const sweepVersions = (deps: CloudDeps): Promise<void> => {
  const now = deps.now();
  const refresh = async (cloud: Cloud): Promise<void> => {
    const known: ProviderVersions | null = await deps.store.clusters.versions(cloud.name);
    if (known !== null && plus(known.refreshedAt, VERSIONS_SECONDS) > now) return;
    await deps.store.clusters.putVersions(cloud.name, { ...(await cloud.versions()), refreshedAt: now });
  };
  return doEach(
    deps,
    deps.clouds.map((cloud) => ({ id: cloud.name, act: () => refresh(cloud) })),
  );
};

/** True in the minutes in which clouds are looked through. */
export const isOrphanMinute = (now: string): boolean => new Date(now).getUTCMinutes() % ORPHAN_MINUTES === 0;

/** What every cloud has against what the table has: neither more nor less. */
export const sweepOrphans = (deps: CloudDeps): Promise<void> =>
  doEach(
    deps,
    deps.clouds.map((cloud) => ({ id: cloud.name, act: () => sweepCloud(deps, cloud) })),
  );

const sweepCloud = async (deps: CloudDeps, cloud: Cloud): Promise<void> => {
  const { store } = deps;
  // Before the cloud is looked at: what becomes Ready meanwhile is not missed there.
  const ready = (await store.clusters.ending()).filter(
    ({ provider, phase }) => provider === cloud.name && phase === 'Ready',
  );
  const known = (await store.clusters.due<OrphanItem>('orphan', deps.now())).filter(
    ({ provider }) => provider === cloud.name,
  );
  const owned = await cloud.listOwned();
  const there = new Set(owned.map(({ name }) => name));
  const oldEnough = plus(deps.now(), -deps.orphanAgeSeconds);
  await doEach(deps, [
    ...owned
      .filter(({ name, createdAt }) => createdAt <= oldEnough && !known.some((orphan) => orphan.name === name))
      .map(({ name, clusterId }): Chore => {
        const orphan = { provider: cloud.name, name, clusterId, since: deps.now() };
        return {
          id: name,
          act: async () => {
            if (await belongs(deps, orphan)) return;
            // Kept before it is touched: once the cloud names it no more, only this says that it may have left something.
            await store.clusters.putOrphan(orphan);
            await endOrphan(deps, cloud, orphan);
          },
        };
      }),
    ...known.map(
      (orphan): Chore => ({
        id: orphan.name,
        act: async () => {
          if (await belongs(deps, orphan)) await store.clusters.forgetOrphan(orphan.name);
          else await endOrphan(deps, cloud, orphan);
        },
      }),
    ),
    ...ready
      .filter(({ id }) => !there.has(infrastructureName(id)))
      .map(({ id }): Chore => ({ id, act: () => endVanished(deps, cloud, id) })),
  ]);
};

const belongs = async (deps: CloudDeps, { clusterId }: Pick<OrphanItem, 'clusterId'>): Promise<boolean> => {
  const cluster = clusterId === undefined ? null : await deps.store.clusters.cluster(clusterId);
  return cluster !== null && cluster.phase !== 'Deleted';
};

/** One step towards its end, as the delete of a cluster takes them: node groups, the cluster, what outlived it. */
const endOrphan = async (deps: CloudDeps, cloud: Cloud, { name }: OrphanItem): Promise<void> => {
  deps.log.warn('an orphan is removed', { provider: cloud.name, name });
  if ((await cloud.remove(name)) !== 'gone' || (await cloud.leftovers(name)) > 0) return;
  await deps.store.clusters.forgetOrphan(name);
};

/** A cluster that is up here and was deleted there. A list may lack what is there, so it is asked for by name. */
const endVanished = async (deps: CloudDeps, cloud: Cloud, id: string): Promise<void> => {
  if ((await cloud.observeGone(infrastructureName(id))) !== 'gone') return;
  await unlessRaced(deps, id, async () => {
    const subject = await deps.store.clusters.subject(id);
    if (subject.cluster?.phase !== 'Ready') return;
    deps.log.warn('a cluster is gone at its provider', { provider: cloud.name, cluster: id });
    const at = { now: deps.now(), newId: deps.newId };
    await deps.store.commit(decideCluster(subject, { type: 'vanish' }, at), at);
  });
};
