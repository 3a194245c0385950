/** All controllers of a cluster, as one client of its API server. */

import { deploymentController } from './deployment/deployment.ts';
import { disruptionController } from './disruption.ts';
import { endpointsController } from './endpoints/endpoints.ts';
import { mirroringController } from './endpoints/mirroring.ts';
import { garbageCollector } from './garbage-collector.ts';
import { Client } from './machinery/client.ts';
import { createRuntime, type Runtime } from './machinery/runtime.ts';
import { namespaceController } from './namespace.ts';
import { taintEvictionController } from './node/eviction.ts';
import { nodeLifecycleController } from './node/lifecycle.ts';
import { nodePoolController } from './node-pools.ts';
import { quotaController } from './quota/quota.ts';
import { replicaSetController } from './replica-set.ts';
import { scheduler } from './scheduler/scheduler.ts';
import { serviceAccountController } from './service-account.ts';
import { serviceAccountSecretController } from './service-account-secrets.ts';
import { statefulSetController } from './stateful-set/stateful-set.ts';
import { volumeController } from './volumes/volumes.ts';

export interface ControllersOptions {
  server: string;
  caPem: string;
  /** A token that may do everything; its user shows in audit and field managers. */
  token: string;
  /** Folder of the volumes made for claims. */
  volumesDir: string;
  /** How long a node may be silent before it counts as lost; default 50 s. */
  nodeGraceMs?: number;
  /** Controllers that this API server needs and ours does not. */
  more?: ((runtime: Runtime) => void)[];
  log?: (line: string) => void;
}

export interface Controllers {
  /** Resolves when what is being written has been written. */
  stop(): Promise<void>;
}

export async function startControllers(options: ControllersOptions): Promise<Controllers> {
  const { server, caPem, token } = options;
  const client = new Client({ server, caPem, token, userAgent: 'kube-controller-manager' });
  const runtime = createRuntime(client, options.log);
  namespaceController(runtime);
  serviceAccountController(runtime, caPem);
  serviceAccountSecretController(runtime, caPem);
  replicaSetController(runtime);
  deploymentController(runtime);
  statefulSetController(runtime);
  endpointsController(runtime);
  mirroringController(runtime);
  volumeController(runtime, options.volumesDir);
  nodeLifecycleController(runtime, options.nodeGraceMs);
  taintEvictionController(runtime);
  nodePoolController(runtime);
  quotaController(runtime);
  disruptionController(runtime);
  garbageCollector(runtime);
  scheduler(runtime);
  for (const add of options.more ?? []) add(runtime);
  await runtime.start();
  return {
    async stop() {
      await runtime.stop();
      client.close();
    },
  };
}
