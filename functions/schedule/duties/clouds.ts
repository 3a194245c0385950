/** The sweeper's duty for clouds: keep the list of Kubernetes versions, and remove what carries our name and belongs to nothing (DESIGN §2; seed-systems §4.1 H2.5). */
import { plus } from '#core/domain/clock.ts';
import type { ProviderVersions } from '#core/store/clusters.ts';
import type { Deps } from '../../lib/deps.ts';
import type { Owned } from '../../tasks/providers/provider.ts';

/** What the sweeper needs of a provider. */
export interface Cloud {
  readonly name: string;
  readonly versions: () => Promise<{ readonly default: string; readonly offered: readonly string[] }>;
  readonly listOwned: () => Promise<readonly Owned[]>;
  /** One step towards its end; repeated by later sweeps until it is gone. */
  readonly removeOrphan: (name: string) => Promise<void>;
}

export interface CloudDeps extends Deps {
  readonly clouds: readonly Cloud[];
  readonly orphanAgeSeconds: number;
}

/** Versions are asked for again after a day. */
const VERSIONS_SECONDS = 86_400;
/** Orphans are looked for in the first minute of every ten. */
const ORPHAN_MINUTES = 10;

export const sweepVersions = async (deps: CloudDeps): Promise<void> => {
  const now = deps.now();
  for (const cloud of deps.clouds) {
    const known: ProviderVersions | null = await deps.store.clusters.versions(cloud.name);
    if (known !== null && plus(known.refreshedAt, VERSIONS_SECONDS) > now) continue;
    await deps.store.clusters.putVersions(cloud.name, { ...(await cloud.versions()), refreshedAt: now });
  }
};

/** True in the minutes in which orphans are looked for. */
export const isOrphanMinute = (now: string): boolean => new Date(now).getUTCMinutes() % ORPHAN_MINUTES === 0;

export const sweepOrphans = async (deps: CloudDeps): Promise<void> => {
  const oldEnough = plus(deps.now(), -deps.orphanAgeSeconds);
  for (const cloud of deps.clouds) {
    for (const owned of await cloud.listOwned()) {
      if (owned.createdAt > oldEnough) continue;
      const cluster = owned.clusterId === undefined ? null : await deps.store.clusters.cluster(owned.clusterId);
      if (cluster !== null && cluster.phase !== 'Deleted') continue;
      deps.log.warn('an orphan is removed', { provider: cloud.name, name: owned.name });
      await cloud.removeOrphan(owned.name);
    }
  }
};
