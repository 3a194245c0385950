/** Claims in use and volumes that are bound stay until nobody needs them: the finalizers of Kubernetes' own. */
import { isStatus } from '../machinery/client.ts';
import type { Resource } from '../machinery/resources.ts';
import { persistentVolumeClaims, persistentVolumes, pods } from '../machinery/resources.ts';
import type { Runtime } from '../machinery/runtime.ts';
import type { PersistentVolume, PersistentVolumeClaim, Stored } from '../machinery/types.ts';
import { claimNames } from '../pods.ts';

const PVC_PROTECTION = 'kubernetes.io/pvc-protection';
const PV_PROTECTION = 'kubernetes.io/pv-protection';

export function protection(runtime: Runtime) {
  const podInformer = runtime.informer(pods);

  async function drop(of: Resource, object: Stored, finalizer: string): Promise<void> {
    const { uid, finalizers = [] } = object.metadata;
    if (!finalizers.includes(finalizer)) return;
    const left = finalizers.filter((name) => name !== finalizer);
    await runtime.patch(of, object, { metadata: { uid, finalizers: left } }).catch((error) => {
      if (!isStatus(error, 404)) throw error;
    });
  }

  return {
    /** A pod that has a node holds its claims, also when it has ended: until it is gone. */
    async releaseClaim(claim: PersistentVolumeClaim): Promise<void> {
      const used = podInformer
        .list(claim.metadata.namespace)
        .some((pod) => pod.spec.nodeName && claimNames(pod).includes(claim.metadata.name));
      if (!used) await drop(persistentVolumeClaims, claim, PVC_PROTECTION);
    },
    releaseVolume: (volume: PersistentVolume): Promise<void> => drop(persistentVolumes, volume, PV_PROTECTION),
  };
}
