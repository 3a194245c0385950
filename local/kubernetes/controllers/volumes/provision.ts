/** Makes volumes for claims, as folders of this machine, and removes them. */
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { isStatus } from '../machinery/client.ts';
import { nodes, persistentVolumes } from '../machinery/resources.ts';
import type { Runtime } from '../machinery/runtime.ts';
import type { PersistentVolume, PersistentVolumeClaim, StorageClass } from '../machinery/types.ts';
import { NO_PROVISIONER, SELECTED_NODE } from './match.ts';

const PROVISIONED_BY = 'pv.kubernetes.io/provisioned-by';
const ZONE = 'topology.kubernetes.io/zone';

export const reference = ({ metadata: { namespace, name, uid } }: PersistentVolumeClaim) => ({
  apiVersion: 'v1',
  kind: 'PersistentVolumeClaim',
  namespace,
  name,
  uid,
});

/** Why no volume can be made for the claim. */
export function unprovisionable(claim: PersistentVolumeClaim, storageClass: StorageClass): string | undefined {
  if (storageClass.provisioner === NO_PROVISIONER) return `no volume plugin matched name: ${NO_PROVISIONER}`;
  if (claim.spec.selector) return 'claim Selector is not supported';
  if (claim.spec.volumeMode === 'Block')
    return 'volumeMode Block is not supported by the embedded provisioner: volumes are folders, use Filesystem';
  if (claim.spec.dataSource || claim.spec.dataSourceRef)
    return 'dataSource is not supported by the embedded provisioner: leave it out';
  return undefined;
}

/** `dir` holds one folder a volume. */
export function provisioner(runtime: Runtime, dir: string) {
  const nodeInformer = runtime.informer(nodes);
  return {
    isOurs: (volume: PersistentVolume): boolean => volume.spec.hostPath?.path === join(dir, volume.metadata.name),

    async provision(claim: PersistentVolumeClaim, storageClass: StorageClass): Promise<PersistentVolume> {
      const name = `pvc-${claim.metadata.uid}`;
      const path = join(dir, name);
      await mkdir(path, { recursive: true, mode: 0o700 });
      const zone = nodeInformer.get(claim.metadata.annotations?.[SELECTED_NODE] ?? '')?.metadata.labels?.[ZONE];
      const required = { nodeSelectorTerms: [{ matchExpressions: [{ key: ZONE, operator: 'In', values: [zone] }] }] };
      const body = {
        metadata: { name, annotations: { [PROVISIONED_BY]: storageClass.provisioner } },
        spec: {
          capacity: { storage: claim.spec.resources?.requests?.storage ?? '1Gi' },
          accessModes: claim.spec.accessModes ?? ['ReadWriteOnce'],
          persistentVolumeReclaimPolicy: storageClass.reclaimPolicy ?? 'Delete',
          storageClassName: storageClass.metadata.name,
          ...(storageClass.mountOptions && { mountOptions: storageClass.mountOptions }),
          volumeMode: 'Filesystem',
          hostPath: { path, type: 'DirectoryOrCreate' },
          claimRef: reference(claim),
          ...(zone !== undefined && { nodeAffinity: { required } }),
        },
      };
      try {
        return await runtime.create(persistentVolumes, undefined, body);
      } catch (error) {
        if (!isStatus(error, 409)) throw error;
        return runtime.client.get(persistentVolumes, undefined, name);
      }
    },

    remove: (volume: PersistentVolume): Promise<void> =>
      rm(join(dir, volume.metadata.name), { recursive: true, force: true }),
  };
}
