/** What there is at EKS: the clusters of this deployment, and the versions of Kubernetes on offer (aws.md 23; seed-systems §4.1 H1.5, H2.5). */
import { DescribeClusterVersionsCommand, ListClustersCommand } from '@aws-sdk/client-eks';
import { INFRASTRUCTURE_PREFIX } from '#core/domain/names.ts';
import { Retryable } from '../../../lib/task-error.ts';
import type { Owned, Provider } from '../provider.ts';
import { CLUSTER_TAG, DEPLOYMENT_TAG, type EksParts, lookUp } from './parts.ts';

/** `1.36` before `1.9`: newest first. */
const newestFirst = (one: string, other: string): number => other.localeCompare(one, 'en', { numeric: true });

export const inventoryOf = (parts: EksParts): Pick<Provider, 'listOwned' | 'versions'> => ({
  listOwned: async () => {
    const owned: Owned[] = [];
    let nextToken: string | undefined;
    do {
      const page = await parts.eks.send(new ListClustersCommand({ nextToken }));
      for (const name of page.clusters ?? []) {
        if (!name.startsWith(INFRASTRUCTURE_PREFIX)) continue;
        const found = await lookUp(parts, name);
        if (found?.tags?.[DEPLOYMENT_TAG] !== parts.settings.deploymentId) continue;
        owned.push({
          name,
          clusterId: found.tags[CLUSTER_TAG],
          createdAt: (found.createdAt ?? new Date(parts.now())).toISOString(),
        });
      }
      nextToken = page.nextToken;
    } while (nextToken !== undefined);
    return owned;
  },

  versions: async () => {
    const offered: string[] = [];
    let nextToken: string | undefined;
    do {
      const page = await parts.eks.send(
        new DescribeClusterVersionsCommand({ versionStatus: 'STANDARD_SUPPORT', nextToken }),
      );
      offered.push(...(page.clusterVersions ?? []).flatMap(({ clusterVersion }) => clusterVersion ?? []));
      nextToken = page.nextToken;
    } while (nextToken !== undefined);
    offered.sort(newestFirst);
    const [newest] = offered;
    if (newest === undefined) throw new Retryable('provider.busy', 'EKS names no version in standard support');
    return { default: newest, offered };
  },
});
