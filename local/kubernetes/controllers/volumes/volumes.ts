/** Volumes: binds claims, makes volumes as folders of this machine, reclaims them, and protects what is in use. */
import { isStatus } from '../machinery/client.ts';
import { sameJson } from '../machinery/equal.ts';
import { keyOf } from '../machinery/informer.ts';
import { controllerReference, isControlledBy } from '../machinery/owners.ts';
import { nodes, persistentVolumeClaims, persistentVolumes, pods, storageClasses } from '../machinery/resources.ts';
import type { Runtime } from '../machinery/runtime.ts';
import type { PersistentVolume, Pod } from '../machinery/types.ts';
import { claimNames, isTerminating } from '../pods.ts';
import { claimBinder } from './claims.ts';
import { protection } from './protection.ts';
import { provisioner } from './provision.ts';

/** `dir` holds one folder a volume. */
export function volumeController(runtime: Runtime, dir: string): void {
  const record = runtime.recordAs('persistentvolume-controller');
  const claims = runtime.informer(persistentVolumeClaims);
  const volumes = runtime.informer(persistentVolumes);
  const classes = runtime.informer(storageClasses);
  const podInformer = runtime.informer(pods);
  const folders = provisioner(runtime, dir);
  const binder = claimBinder(runtime, folders);
  const protect = protection(runtime);

  const claimQueue = runtime.queue({ name: 'volume-claims' }, async (key) => {
    const claim = claims.get(key);
    if (claim === undefined) return;
    if (claim.metadata.deletionTimestamp !== undefined) return protect.releaseClaim(claim);
    await binder.sync(claim);
  });

  async function setPhase(volume: PersistentVolume, phase: string): Promise<void> {
    if (volume.status?.phase !== phase) await runtime.patch(persistentVolumes, volume, { status: { phase } }, 'status');
  }

  /** The claim is gone: the volume goes too, or waits for a person. */
  async function reclaim(volume: PersistentVolume): Promise<void> {
    await setPhase(volume, 'Released');
    if (volume.spec.persistentVolumeReclaimPolicy !== 'Delete' || !folders.isOurs(volume)) return;
    await folders.remove(volume).catch((error: Error) => {
      record(volume, 'Warning', 'VolumeFailedDelete', error.message);
      throw error;
    });
    await runtime.delete(persistentVolumes, volume).catch((error) => {
      if (!isStatus(error, 404, 409)) throw error;
    });
  }

  const volumeQueue = runtime.queue({ name: 'volumes' }, async (key) => {
    const volume = volumes.get(key);
    if (volume === undefined) return;
    const { claimRef } = volume.spec;
    const claim = claimRef && claims.get(`${claimRef.namespace}/${claimRef.name}`);
    const held = claimRef?.uid !== undefined && claim?.metadata.uid === claimRef.uid;
    if (volume.metadata.deletionTimestamp !== undefined) return held ? undefined : protect.releaseVolume(volume);
    if (held) return claimQueue.add(`${claimRef.namespace}/${claimRef.name}`);
    if (!claimRef?.uid) return setPhase(volume, 'Available');
    // The cache may be behind a claim that was just made: ask before anything is lost.
    const { namespace, name = '' } = claimRef;
    const there = await runtime.client.find(persistentVolumeClaims, namespace, name);
    if (there?.metadata.uid !== claimRef.uid) await reclaim(volume);
  });

  /** The claims of `ephemeral` volumes are made with the pod, and go with it. */
  const ephemeralQueue = runtime.queue({ name: 'ephemeral-volumes' }, async (key) => {
    const pod = podInformer.get(key);
    if (pod === undefined || isTerminating(pod)) return;
    for (const { name: volume, ephemeral } of pod.spec.volumes ?? []) {
      if (!ephemeral?.volumeClaimTemplate) continue;
      const { namespace } = pod.metadata;
      const name = `${pod.metadata.name}-${volume}`;
      const known = claims.get(`${namespace}/${name}`);
      if (known && !isControlledBy(known, pod))
        throw new Error(`PVC "${namespace}/${name}" was not created for pod "${key}" (pod is not owner)`);
      if (known) continue;
      const { metadata, spec } = ephemeral.volumeClaimTemplate;
      const { labels, annotations } = metadata ?? {};
      const ownerReferences = [controllerReference(pods, pod)];
      await runtime.create(persistentVolumeClaims, namespace, {
        metadata: { name, namespace, ...(labels && { labels }), ...(annotations && { annotations }), ownerReferences },
        spec,
      });
    }
  });

  const unbound = () => {
    for (const claim of claims.list()) if (claim.status?.phase !== 'Bound') claimQueue.add(keyOf(claim));
  };
  claims.on((change) => {
    const { object, type } = change;
    if (type === 'deleted') binder.forget(object);
    // Only what we wrote ourselves: nothing to do.
    if (
      type === 'updated' &&
      sameJson({ ...change.old, metadata: stable(change.old) }, { ...object, metadata: stable(object) })
    )
      return;
    claimQueue.add(keyOf(object));
    if (object.spec.volumeName) volumeQueue.add(object.spec.volumeName);
  });
  volumes.on(({ type, object }) => {
    const { claimRef } = object.spec;
    if (type !== 'deleted') volumeQueue.add(keyOf(object));
    if (claimRef) claimQueue.add(`${claimRef.namespace}/${claimRef.name}`);
    else unbound();
  });
  classes.on(unbound);
  // A claim that waited for a node which has come.
  runtime.informer(nodes).on(({ type }) => type === 'added' && unbound());
  const wakeClaims = (pod: Pod) => {
    for (const name of claimNames(pod)) claimQueue.add(`${pod.metadata.namespace}/${name}`);
  };
  podInformer.on(({ type, object }) => {
    if (type !== 'updated') wakeClaims(object);
    if (type !== 'deleted' && object.spec.volumes?.some(({ ephemeral }) => ephemeral))
      ephemeralQueue.add(keyOf(object));
  });
}

const stable = ({ metadata: { resourceVersion: _version, ...metadata } }: { metadata: { resourceVersion: string } }) =>
  metadata;
