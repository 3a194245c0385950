/** Volumes: binds claims, makes volumes as folders of this machine, and protects what is in use. */
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { isStatus } from './machinery/client.ts';
import { sameJson } from './machinery/equal.ts';
import { keyOf } from './machinery/informer.ts';
import { parseQuantity } from './machinery/quantity.ts';
import { nodes, persistentVolumeClaims, persistentVolumes, pods, storageClasses } from './machinery/resources.ts';
import type { Runtime } from './machinery/runtime.ts';
import { selectorMatches } from './machinery/selectors.ts';
import type { PersistentVolume, PersistentVolumeClaim, StorageClass } from './machinery/types.ts';
import { claimNames, isFinished } from './pods.ts';

/** The scheduler's word to the provisioner: the volume is wanted for this node. */
export const SELECTED_NODE = 'volume.kubernetes.io/selected-node';
const PROVISIONED_BY = 'pv.kubernetes.io/provisioned-by';
const PVC_PROTECTION = 'kubernetes.io/pvc-protection';
const PV_PROTECTION = 'kubernetes.io/pv-protection';
const ZONE = 'topology.kubernetes.io/zone';
const NO_PROVISIONER = 'kubernetes.io/no-provisioner';

const classOf = (claim: PersistentVolumeClaim, classes: StorageClass[]): StorageClass | undefined =>
  classes.find((candidate) => candidate.metadata.name === claim.spec.storageClassName);

/** Whether the claim is bound only once a pod that uses it has been given a node. */
export const waitsForConsumer = (claim: PersistentVolumeClaim, classes: StorageClass[]): boolean =>
  !claim.spec.volumeName && classOf(claim, classes)?.volumeBindingMode === 'WaitForFirstConsumer';

/** Whether an unclaimed volume can serve the claim. */
export function satisfies(volume: PersistentVolume, claim: PersistentVolumeClaim): boolean {
  const { claimRef } = volume.spec;
  const reserved = claimRef && claimRef.namespace === claim.metadata.namespace && claimRef.name === claim.metadata.name;
  if (claimRef && !(reserved && (!claimRef.uid || claimRef.uid === claim.metadata.uid))) return false;
  if (claim.spec.volumeName) return claim.spec.volumeName === volume.metadata.name;
  return (
    (volume.spec.storageClassName ?? '') === (claim.spec.storageClassName ?? '') &&
    (claim.spec.selector === undefined || selectorMatches(claim.spec.selector, volume.metadata.labels)) &&
    (claim.spec.accessModes ?? []).every((mode) => volume.spec.accessModes?.includes(mode)) &&
    parseQuantity(volume.spec.capacity?.storage ?? 0) >= parseQuantity(claim.spec.resources?.requests?.storage ?? 0)
  );
}

/** `dir` holds one folder a volume. */
export function volumeController(runtime: Runtime, dir: string): void {
  const record = runtime.recordAs('persistentvolume-controller');
  const claims = runtime.informer(persistentVolumeClaims);
  const volumes = runtime.informer(persistentVolumes);
  const classes = runtime.informer(storageClasses);
  const podInformer = runtime.informer(pods);
  const nodeInformer = runtime.informer(nodes);
  const gone = (error: unknown) => {
    if (!isStatus(error, 404)) throw error;
  };

  async function provision(claim: PersistentVolumeClaim, storageClass: StorageClass): Promise<PersistentVolume> {
    const name = `pvc-${claim.metadata.uid}`;
    const path = join(dir, name);
    await mkdir(path, { recursive: true, mode: 0o700 });
    const node = nodeInformer.get(claim.metadata.annotations?.[SELECTED_NODE] ?? '');
    const zone = node?.metadata.labels?.[ZONE];
    const required = { nodeSelectorTerms: [{ matchExpressions: [{ key: ZONE, operator: 'In', values: [zone] }] }] };
    const body = {
      metadata: { name, annotations: { [PROVISIONED_BY]: storageClass.provisioner } },
      spec: {
        capacity: { storage: claim.spec.resources?.requests?.storage ?? '1Gi' },
        accessModes: claim.spec.accessModes ?? ['ReadWriteOnce'],
        persistentVolumeReclaimPolicy: storageClass.reclaimPolicy ?? 'Delete',
        storageClassName: storageClass.metadata.name,
        volumeMode: 'Filesystem',
        hostPath: { path, type: 'DirectoryOrCreate' },
        claimRef: {
          apiVersion: 'v1',
          kind: 'PersistentVolumeClaim',
          namespace: claim.metadata.namespace,
          name: claim.metadata.name,
          uid: claim.metadata.uid,
        },
        ...(zone !== undefined && { nodeAffinity: { required } }),
      },
    };
    try {
      const volume = await runtime.create(persistentVolumes, undefined, body);
      record(claim, 'Normal', 'ProvisioningSucceeded', `Successfully provisioned volume ${name}`);
      return volume;
    } catch (error) {
      if (!isStatus(error, 409)) throw error;
      return runtime.client.get(persistentVolumes, undefined, name);
    }
  }

  async function bind(claim: PersistentVolumeClaim, volume: PersistentVolume): Promise<void> {
    const { uid, name, namespace } = claim.metadata;
    if (volume.spec.claimRef?.uid !== uid) {
      const claimRef = { apiVersion: 'v1', kind: 'PersistentVolumeClaim', namespace, name, uid };
      const { resourceVersion } = volume.metadata;
      await runtime.patch(persistentVolumes, volume, { metadata: { resourceVersion }, spec: { claimRef } });
    }
    if (volume.status?.phase !== 'Bound')
      await runtime.patch(persistentVolumes, volume, { status: { phase: 'Bound' } }, 'status');
    const done = { 'pv.kubernetes.io/bind-completed': 'yes', 'pv.kubernetes.io/bound-by-controller': 'yes' };
    const bound = await runtime.patch(persistentVolumeClaims, claim, {
      metadata: { annotations: done },
      spec: { volumeName: volume.metadata.name },
    });
    const { accessModes, capacity } = volume.spec;
    await runtime.patch(persistentVolumeClaims, bound, { status: { phase: 'Bound', accessModes, capacity } }, 'status');
  }

  /** A claim that wants more than it has, of a class that lets it grow: a folder has no size, so the number is all there is to change. */
  async function grow(claim: PersistentVolumeClaim): Promise<void> {
    const wanted = claim.spec.resources?.requests?.storage ?? '0';
    const volume = volumes.get(claim.spec.volumeName ?? '');
    if (!volume || parseQuantity(wanted) <= parseQuantity(claim.status?.capacity?.storage ?? 0)) return;
    if (classOf(claim, classes.list())?.allowVolumeExpansion !== true) return;
    await runtime.patch(persistentVolumes, volume, { spec: { capacity: { storage: wanted } } });
    await runtime.patch(persistentVolumeClaims, claim, { status: { capacity: { storage: wanted } } }, 'status');
  }

  async function release(claim: PersistentVolumeClaim): Promise<void> {
    if (!claim.metadata.finalizers?.includes(PVC_PROTECTION)) return;
    const users = podInformer
      .list(claim.metadata.namespace)
      .filter((pod) => pod.spec.nodeName && !isFinished(pod) && claimNames(pod).includes(claim.metadata.name));
    if (users.length > 0) return;
    const finalizers = claim.metadata.finalizers.filter((name) => name !== PVC_PROTECTION);
    await runtime
      .patch(persistentVolumeClaims, claim, { metadata: { uid: claim.metadata.uid, finalizers } })
      .catch(gone);
  }

  const claimQueue = runtime.queue({ name: 'volume-claims' }, async (key) => {
    const claim = claims.get(key);
    if (claim === undefined) return;
    if (claim.metadata.deletionTimestamp !== undefined) return release(claim);
    if (claim.status?.phase === 'Bound') return grow(claim);
    const storageClass = classOf(claim, classes.list());
    const fitting = volumes
      .list()
      .filter((volume) => volume.metadata.deletionTimestamp === undefined && satisfies(volume, claim))
      .sort((a, b) => parseQuantity(a.spec.capacity?.storage ?? 0) - parseQuantity(b.spec.capacity?.storage ?? 0));
    const own = fitting.find((volume) => volume.spec.claimRef?.uid === claim.metadata.uid);
    const waits = waitsForConsumer(claim, classes.list()) && !claim.metadata.annotations?.[SELECTED_NODE];
    if (waits && own === undefined) {
      record(claim, 'Normal', 'WaitForFirstConsumer', 'waiting for first consumer to be created before binding');
      return;
    }
    const found = own ?? fitting[0];
    if (found) return bind(claim, found);
    if (claim.spec.volumeName || !claim.spec.storageClassName) {
      const why = claim.spec.volumeName
        ? `volume "${claim.spec.volumeName}" is not there or does not fit`
        : 'no persistent volumes available for this claim and no storage class is set';
      return record(claim, 'Normal', 'FailedBinding', why);
    }
    if (storageClass === undefined) {
      return record(
        claim,
        'Warning',
        'ProvisioningFailed',
        `storageclass.storage.k8s.io "${claim.spec.storageClassName}" not found`,
      );
    }
    if (storageClass.provisioner === NO_PROVISIONER) {
      return record(claim, 'Normal', 'FailedBinding', 'no persistent volumes available for this claim');
    }
    await bind(claim, await provision(claim, storageClass));
  });

  const volumeQueue = runtime.queue({ name: 'volumes' }, async (key) => {
    const volume = volumes.get(key);
    if (volume === undefined) return;
    const { claimRef } = volume.spec;
    const claim = claimRef && claims.get(`${claimRef.namespace}/${claimRef.name}`);
    const held = claimRef !== undefined && claim?.metadata.uid === claimRef.uid;
    if (volume.metadata.deletionTimestamp !== undefined) {
      if (held || !volume.metadata.finalizers?.includes(PV_PROTECTION)) return;
      const finalizers = volume.metadata.finalizers.filter((name) => name !== PV_PROTECTION);
      await runtime.patch(persistentVolumes, volume, { metadata: { finalizers } }).catch(gone);
    } else if (claimRef?.uid && !held) {
      if (volume.spec.persistentVolumeReclaimPolicy === 'Delete' && volume.metadata.annotations?.[PROVISIONED_BY]) {
        await rm(join(dir, volume.metadata.name), { recursive: true, force: true });
        await runtime.delete(persistentVolumes, volume).catch(gone);
      } else if (volume.status?.phase !== 'Released') {
        await runtime.patch(persistentVolumes, volume, { status: { phase: 'Released' } }, 'status');
      }
    } else if (!held && volume.status?.phase !== 'Available') {
      await runtime.patch(persistentVolumes, volume, { status: { phase: 'Available' } }, 'status');
    }
  });

  claims.on((change) => {
    const { object, type } = change;
    if (type === 'updated' && sameJson(change.old.spec, object.spec) && sameJson(change.old.metadata, object.metadata))
      return;
    claimQueue.add(keyOf(object));
    if (object.spec.volumeName) volumeQueue.add(object.spec.volumeName);
  });
  volumes.on(({ object }) => {
    volumeQueue.add(keyOf(object));
    for (const claim of claims.list()) if (claim.status?.phase !== 'Bound') claimQueue.add(keyOf(claim));
  });
  classes.on(() => {
    for (const claim of claims.list()) if (claim.status?.phase !== 'Bound') claimQueue.add(keyOf(claim));
  });
  podInformer.on(({ type, object }) => {
    if (type !== 'deleted' && !isFinished(object)) return;
    for (const name of claimNames(object)) claimQueue.add(`${object.metadata.namespace}/${name}`);
  });
}
