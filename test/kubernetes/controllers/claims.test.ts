import { randomBytes } from 'node:crypto';
import { access } from 'node:fs/promises';
import { beforeAll, describe, expect, test } from 'vitest';
import {
  persistentVolumeClaims,
  persistentVolumes,
  pods,
  storageClasses,
} from '#local/kubernetes/controllers/machinery/resources.ts';
import type { PersistentVolumeClaim, StorageClass } from '#local/kubernetes/controllers/machinery/types.ts';
import { eventually, podSpec, type Space, testWorld } from './world.ts';

const world = testWorld();
const unique = randomBytes(3).toString('hex');
const [NOW, LATER, FIXED] = ['now', 'later', 'fixed'].map((name) => `${name}-${unique}`) as [string, string, string];

beforeAll(async () => {
  const make = (name: string, more: Partial<StorageClass> = {}) =>
    world().client.create(storageClasses, undefined, {
      metadata: { name },
      provisioner: 'folders.test',
      allowVolumeExpansion: true,
      ...more,
    });
  await make(NOW);
  await make(LATER, { volumeBindingMode: 'WaitForFirstConsumer' });
  await make(FIXED, { reclaimPolicy: 'Retain', allowVolumeExpansion: false });
});

const claimOf = (
  name: string,
  storageClassName: string | undefined,
  spec: Partial<PersistentVolumeClaim['spec']> = {},
) => ({
  metadata: { name },
  spec: {
    accessModes: ['ReadWriteOnce'],
    resources: { requests: { storage: '1Gi' } },
    ...(storageClassName !== undefined && { storageClassName }),
    ...spec,
  },
});
const using = (name: string, claimName: string, node?: string) => ({
  metadata: { name },
  spec: podSpec({
    ...(node && { nodeSelector: { 'kubernetes.io/hostname': node } }),
    volumes: [{ name: 'data', persistentVolumeClaim: { claimName } }],
  }),
});
const bound = async (space: Space, name: string) => {
  await eventually(async () => (await space.get(persistentVolumeClaims, name)).status?.phase).toBe('Bound');
  return space.get(persistentVolumeClaims, name);
};
const volumeOf = (claim: PersistentVolumeClaim) =>
  world().client.find(persistentVolumes, undefined, claim.spec.volumeName ?? '');

describe('a claim', () => {
  test('is given a volume of its class, which is a folder, and both say so', async () => {
    const space = await world().space();
    await space.create(persistentVolumeClaims, claimOf('data', NOW));
    const claim = await bound(space, 'data');
    expect(claim.status).toMatchObject({ capacity: { storage: '1Gi' }, accessModes: ['ReadWriteOnce'] });
    const volume = await volumeOf(claim);
    expect(volume?.status?.phase).toBe('Bound');
    expect(volume?.spec).toMatchObject({
      claimRef: { name: 'data', namespace: space.name, uid: claim.metadata.uid },
      persistentVolumeReclaimPolicy: 'Delete',
      storageClassName: NOW,
    });
    await access(volume?.spec.hostPath?.path ?? '');
  });

  test('grows where its class lets it', async () => {
    const space = await world().space();
    await space.create(persistentVolumeClaims, claimOf('data', NOW));
    const claim = await bound(space, 'data');
    await space.patch(persistentVolumeClaims, 'data', { spec: { resources: { requests: { storage: '2Gi' } } } });
    await eventually(async () => (await space.get(persistentVolumeClaims, 'data')).status?.capacity?.storage).toBe(
      '2Gi',
    );
    expect((await volumeOf(claim))?.spec.capacity).toEqual({ storage: '2Gi' });
  });

  test('takes its volume along, or leaves it Released, as the class says', async () => {
    const space = await world().space();
    await space.create(persistentVolumeClaims, claimOf('gone', NOW));
    await space.create(persistentVolumeClaims, claimOf('kept', FIXED));
    const [gone, kept] = [await bound(space, 'gone'), await bound(space, 'kept')];
    const folder = (await volumeOf(gone))?.spec.hostPath?.path ?? '';
    for (const name of ['gone', 'kept']) await space.remove(persistentVolumeClaims, name);
    await eventually(() => volumeOf(gone)).toBeUndefined();
    await expect(access(folder)).rejects.toThrow('ENOENT');
    await eventually(async () => (await volumeOf(kept))?.status?.phase).toBe('Released');
    await world().client.delete(persistentVolumes, (await volumeOf(kept))!);
    await eventually(() => volumeOf(kept)).toBeUndefined();
  });

  test('stays while a pod with a node has it, also one that has ended', async () => {
    const space = await world().space();
    const node = await world().node();
    await space.create(persistentVolumeClaims, claimOf('data', NOW));
    await bound(space, 'data');
    await space.create(pods, using('user', 'data', node));
    await eventually(async () => (await space.get(pods, 'user')).spec.nodeName).toBe(node);
    await space.patch(pods, 'user', { status: { phase: 'Succeeded' } }, 'status');
    await space.remove(persistentVolumeClaims, 'data');
    await space.create(persistentVolumeClaims, claimOf('barrier', NOW));
    await bound(space, 'barrier');
    expect((await space.get(persistentVolumeClaims, 'data')).metadata.deletionTimestamp).toBeDefined();
    await space.ended('user');
    await eventually(() => space.find(persistentVolumeClaims, 'data')).toBeUndefined();
    await world().removeNode(node);
  });

  test('whose volume was taken away is Lost', async () => {
    const space = await world().space();
    await space.create(persistentVolumeClaims, claimOf('data', NOW));
    const volume = await volumeOf(await bound(space, 'data'));
    await world().client.patch(persistentVolumes, volume!, { metadata: { finalizers: null } });
    await world().client.delete(persistentVolumes, volume!);
    await eventually(async () => (await space.get(persistentVolumeClaims, 'data')).status?.phase).toBe('Lost');
    await eventually(() => space.said('data')).toContainEqual(
      expect.stringContaining('Warning ClaimLost: Bound claim has lost'),
    );
  });

  test('that waits for its pod is made for the node that the pod is given', async () => {
    const space = await world().space();
    const node = await world().node({ labels: { 'topology.kubernetes.io/zone': 'zone-x' } });
    await space.create(persistentVolumeClaims, claimOf('data', LATER));
    await eventually(() => space.said('data')).toContain(
      'Normal WaitForFirstConsumer: waiting for first consumer to be created before binding',
    );
    expect((await space.get(persistentVolumeClaims, 'data')).status?.phase).toBe('Pending');
    await space.create(pods, using('user', 'data', node));
    const claim = await bound(space, 'data');
    expect(claim.metadata.annotations?.['volume.kubernetes.io/selected-node']).toBe(node);
    expect(JSON.stringify((await volumeOf(claim))?.spec.nodeAffinity)).toContain('zone-x');
    await eventually(async () => (await space.get(pods, 'user')).spec.nodeName).toBe(node);
    await world().removeNode(node);
  });

  test('takes a volume that was made by hand, the smallest that is large enough', async () => {
    const space = await world().space();
    const make = (name: string, storage: string) =>
      world().client.create(persistentVolumes, undefined, {
        metadata: { name: `${name}-${space.name}` },
        spec: {
          capacity: { storage },
          accessModes: ['ReadWriteOnce'],
          storageClassName: `hand-${space.name}`,
          hostPath: { path: `/tmp/${name}-${space.name}` },
        },
      });
    await make('large', '10Gi');
    await make('small', '500Mi');
    await make('right', '2Gi');
    await space.create(persistentVolumeClaims, claimOf('data', `hand-${space.name}`));
    const claim = await bound(space, 'data');
    expect([claim.spec.volumeName, claim.status?.capacity]).toEqual([`right-${space.name}`, { storage: '2Gi' }]);
    await space.create(
      persistentVolumeClaims,
      claimOf('picky', `hand-${space.name}`, { volumeName: `small-${space.name}` }),
    );
    await eventually(() => space.said('picky')).toContainEqual(
      expect.stringMatching(/^Warning VolumeMismatch: Cannot bind to requested volume .*requested PV is too small$/),
    );
  });
});

describe('a claim that cannot be bound says why', () => {
  test.each([
    ['', 'Normal FailedBinding: no persistent volumes available for this claim and no storage class is set'],
    ['no-such', 'Warning ProvisioningFailed: storageclass.storage.k8s.io "no-such" not found'],
  ])('class "%s"', async (storageClass, message) => {
    const space = await world().space();
    await space.create(persistentVolumeClaims, claimOf('data', storageClass));
    await eventually(() => space.said('data')).toContain(message);
  });

  test('a block device, which a folder is not', async () => {
    const space = await world().space();
    await space.create(persistentVolumeClaims, claimOf('data', NOW, { volumeMode: 'Block' }));
    await eventually(() => space.said('data')).toContainEqual(
      expect.stringContaining('volumeMode Block is not supported'),
    );
  });
});

test('the volume of an ephemeral claim comes and goes with its pod', async () => {
  const space = await world().space();
  const volumeClaimTemplate = { spec: claimOf('', NOW).spec };
  await space.create(pods, {
    metadata: { name: 'user' },
    spec: podSpec({ schedulerName: 'nobody', volumes: [{ name: 'tmp', ephemeral: { volumeClaimTemplate } }] }),
  });
  await bound(space, 'user-tmp');
  await space.remove(pods, 'user');
  await eventually(() => space.find(persistentVolumeClaims, 'user-tmp')).toBeUndefined();
});
