/** Claims: finds or makes the volume of each, binds the two, lets a bound claim grow. */
import { says } from '../machinery/equal.ts';
import { keyOf } from '../machinery/informer.ts';
import { parseQuantity } from '../machinery/quantity.ts';
import { nodes, persistentVolumeClaims, persistentVolumes, pods, storageClasses } from '../machinery/resources.ts';
import type { Runtime } from '../machinery/runtime.ts';
import type { PersistentVolume, PersistentVolumeClaim } from '../machinery/types.ts';
import { claimNames, isPending } from '../pods.ts';
import { candidates, classOf, isTaken, mismatch, reaches, SELECTED_NODE, waitsForConsumer } from './match.ts';
import { type provisioner, reference, unprovisionable } from './provision.ts';

const BIND_COMPLETED = 'pv.kubernetes.io/bind-completed';
const BOUND_BY_CONTROLLER = 'pv.kubernetes.io/bound-by-controller';
const STORAGE_PROVISIONER = 'volume.kubernetes.io/storage-provisioner';

export function claimBinder(runtime: Runtime, { provision }: Pick<ReturnType<typeof provisioner>, 'provision'>) {
  const record = runtime.recordAs('persistentvolume-controller');
  const claims = runtime.informer(persistentVolumeClaims);
  const volumes = runtime.informer(persistentVolumes);
  const classes = runtime.informer(storageClasses);
  const podInformer = runtime.informer(pods);
  const nodeInformer = runtime.informer(nodes);
  /** What was last said of a claim that is not bound: it is said once. */
  const told = new Map<string, string>();

  function tell(claim: PersistentVolumeClaim, type: 'Normal' | 'Warning', reason: string, message: string): void {
    if (told.get(claim.metadata.uid) === message) return;
    told.set(claim.metadata.uid, message);
    record(claim, type, reason, message);
  }

  async function writeStatus(claim: PersistentVolumeClaim, status: object): Promise<void> {
    if (says(claim.status, status)) return;
    await runtime.patch(persistentVolumeClaims, claim, { status }, 'status');
  }

  async function bind(claim: PersistentVolumeClaim, volume: PersistentVolume): Promise<void> {
    told.delete(claim.metadata.uid);
    let held = volume;
    if (volume.spec.claimRef?.uid !== claim.metadata.uid) {
      const { resourceVersion } = volume.metadata;
      // A volume that was kept for the claim by somebody is not ours to set free later.
      const annotations = volume.spec.claimRef ? {} : { [BOUND_BY_CONTROLLER]: 'yes' };
      held = await runtime.patch(persistentVolumes, volume, {
        metadata: { resourceVersion, annotations },
        spec: { claimRef: reference(claim) },
      });
    }
    if (held.status?.phase !== 'Bound')
      await runtime.patch(persistentVolumes, held, { status: { phase: 'Bound' } }, 'status');
    let bound = claim;
    if (claim.spec.volumeName !== volume.metadata.name || claim.metadata.annotations?.[BIND_COMPLETED] !== 'yes') {
      const annotations = { [BIND_COMPLETED]: 'yes', ...(!claim.spec.volumeName && { [BOUND_BY_CONTROLLER]: 'yes' }) };
      bound = await runtime.patch(persistentVolumeClaims, claim, {
        metadata: { annotations },
        spec: { volumeName: volume.metadata.name },
      });
    }
    const { accessModes, capacity } = volume.spec;
    await writeStatus(bound, { phase: 'Bound', accessModes, capacity });
  }

  /** A claim that was bound before: its volume is there, and as large as the claim wants where its class lets it grow. */
  async function keep(claim: PersistentVolumeClaim): Promise<void> {
    const name = claim.spec.volumeName ?? '';
    // The cache may be behind: ask before a claim is called lost.
    const volume = volumes.get(name) ?? (await runtime.client.find(persistentVolumes, undefined, name));
    if (volume === undefined || volume.spec.claimRef?.uid !== claim.metadata.uid) {
      if (claim.status?.phase === 'Lost') return;
      await writeStatus(claim, { phase: 'Lost', accessModes: null, capacity: null });
      return volume === undefined
        ? record(
            claim,
            'Warning',
            'ClaimLost',
            'Bound claim has lost its PersistentVolume. Data on the volume is lost!',
          )
        : record(
            claim,
            'Warning',
            'ClaimMisbound',
            'Two claims are bound to the same volume, this one is bound incorrectly',
          );
    }
    if (claim.status?.phase !== 'Bound') return bind(claim, volume);
    const wanted = claim.spec.resources?.requests?.storage ?? '0';
    const larger = (list: Record<string, string> | undefined) =>
      parseQuantity(wanted) > parseQuantity(list?.storage ?? 0);
    if (!larger(claim.status.capacity) || classOf(claim, classes.list())?.allowVolumeExpansion !== true) return;
    // A folder has no size: the numbers are all there is to change.
    if (larger(volume.spec.capacity)) {
      record(claim, 'Normal', 'Resizing', `External resizer is resizing volume ${volume.metadata.name}`);
      await runtime.patch(persistentVolumes, volume, { spec: { capacity: { storage: wanted } } });
    }
    await writeStatus(claim, { capacity: { storage: wanted } });
    record(claim, 'Normal', 'VolumeResizeSuccessful', 'Resize volume succeeded');
  }

  async function bindRequested(claim: PersistentVolumeClaim, name: string): Promise<void> {
    const volume = volumes.get(name);
    if (volume === undefined || volume.metadata.deletionTimestamp) return;
    if (isTaken(volume, claim))
      return tell(claim, 'Warning', 'FailedBinding', `volume "${name}" already bound to a different claim.`);
    const why = mismatch(volume, claim);
    if (why) return tell(claim, 'Warning', 'VolumeMismatch', `Cannot bind to requested volume "${name}": ${why}`);
    await bind(claim, volume);
  }

  function waitForConsumer(claim: PersistentVolumeClaim): void {
    const pod = podInformer
      .list(claim.metadata.namespace)
      .find((candidate) => isPending(candidate) && claimNames(candidate).includes(claim.metadata.name));
    if (pod) tell(claim, 'Normal', 'WaitForPodScheduled', `waiting for pod ${pod.metadata.name} to be scheduled`);
    else tell(claim, 'Normal', 'WaitForFirstConsumer', 'waiting for first consumer to be created before binding');
  }

  async function sync(claim: PersistentVolumeClaim): Promise<void> {
    if (claim.metadata.annotations?.[BIND_COMPLETED] === 'yes') return keep(claim);
    if (claim.spec.volumeName) return bindRequested(claim, claim.spec.volumeName);
    const selected = nodeInformer.get(claim.metadata.annotations?.[SELECTED_NODE] ?? '');
    const fitting = candidates(volumes.list(), claim);
    const waits = waitsForConsumer(claim, classes.list());
    const found = fitting.find((volume) =>
      selected ? reaches(volume, selected) : !waits || volume.spec.claimRef !== undefined,
    );
    if (found) return bind(claim, found);
    if (waits && !selected) return waitForConsumer(claim);
    if (!claim.spec.storageClassName) {
      const message = 'no persistent volumes available for this claim and no storage class is set';
      return tell(claim, 'Normal', 'FailedBinding', message);
    }
    const storageClass = classOf(claim, classes.list());
    const why = storageClass
      ? unprovisionable(claim, storageClass)
      : `storageclass.storage.k8s.io "${claim.spec.storageClassName}" not found`;
    if (storageClass === undefined || why !== undefined) return tell(claim, 'Warning', 'ProvisioningFailed', why ?? '');
    if (claim.metadata.annotations?.[STORAGE_PROVISIONER] !== storageClass.provisioner) {
      const annotations = { [STORAGE_PROVISIONER]: storageClass.provisioner };
      await runtime.patch(persistentVolumeClaims, claim, { metadata: { annotations } });
    }
    const volume = await provision(claim, storageClass).catch((error: Error) => {
      tell(claim, 'Warning', 'ProvisioningFailed', `failed to provision volume: ${error.message}`);
      throw error;
    });
    record(claim, 'Normal', 'ProvisioningSucceeded', `Successfully provisioned volume ${volume.metadata.name}`);
    await bind(claims.get(keyOf(claim)) ?? claim, volume);
  }
  return { sync, forget: (claim: PersistentVolumeClaim) => told.delete(claim.metadata.uid) };
}
