/** EKS, STS and EC2 as a part of the local AWS: clusters that are embedded Kubernetes. */
import { join } from 'node:path';
import type { PluginFactory } from '#local/plugin.ts';
import { REGION } from '#local/types.ts';
import type { Delays } from './context.ts';
import { ec2Api } from './ec2-api.ts';
import { eksApi } from './eks-api.ts';
import { createFleet, type Fleet, type StartCluster } from './fleet.ts';
import { openStore } from './store.ts';
import { stsApi } from './sts-api.ts';
import { startTokenWebhook } from './token-webhook.ts';

/** How clusters are made and how long that takes. */
export interface ClustersOptions {
  readonly startCluster: StartCluster;
  /** Images that the clusters' kubelet can run, by reference. */
  readonly images: Record<string, { command: string[] }>;
  /** At least so long in CREATING and DELETING; milliseconds. */
  readonly delays?: Partial<Delays>;
}

const DELAYS: Delays = { createMs: 2000, deleteMs: 1000, nodegroupMs: 1000 };

/** Keeps records and clusters in `clusters/` of the state folder; all of them start again with the runtime. */
export const clustersPlugin =
  ({ startCluster, images, delays }: ClustersOptions): PluginFactory =>
  async ({ stateDir, endpoint, iam, log }) => {
    const dir = join(stateDir, 'clusters');
    const store = openStore(dir);
    const webhook = await startTokenWebhook(iam, store, endpoint);
    const fleet: Fleet = createFleet({ dir, store, startCluster, images, tokenWebhook: webhook.url, log });
    const context = { store, fleet, iam, delays: { ...DELAYS, ...delays } };
    return {
      name: 'clusters',
      apis: [eksApi(context), stsApi(iam), ec2Api(store)],
      hosts: [{ host: `sts.${REGION}.amazonaws.com`, url: endpoint }],
      start: () => fleet.start(),
      async stop() {
        await fleet.stop();
        await webhook.close();
        store.close();
      },
    };
  };
