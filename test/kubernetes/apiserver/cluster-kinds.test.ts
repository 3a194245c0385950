/** Kinds without a namespace that an administrator writes once: what they refuse. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type TestServer, testServer } from './support/server.ts';

let server: TestServer;
beforeAll(async () => {
  server = await testServer();
});
afterAll(() => server.stop());

const fields = ({ body }: { body: { details?: { causes?: { field: string }[] } } }) =>
  (body.details?.causes ?? []).map(({ field }) => field);

describe('priority classes', () => {
  const path = '/apis/scheduling.k8s.io/v1/priorityclasses';
  it('keep their value, below that of the system', async () => {
    expect((await server.post(path, { metadata: { name: 'high' }, value: 1000 })).status).toBe(201);
    expect(fields(await server.merge(`${path}/high`, { value: 2000 }))).toEqual(['value']);
    expect((await server.merge(`${path}/high`, { description: 'for the impatient' })).status).toBe(200);
    expect(fields(await server.post(path, { metadata: { name: 'x' }, value: 2_000_000_000 }))).toEqual(['value']);
    expect(fields(await server.post(path, { metadata: { name: 'system-mine' }, value: 1 }))).toEqual(['metadata.name']);
    expect((await server.merge(`${path}/system-node-critical`, { description: 'still ours' })).status).toBe(200);
  });
});

describe('storage classes', () => {
  const path = '/apis/storage.k8s.io/v1/storageclasses';
  it('do not change what volumes were made by', async () => {
    expect((await server.post(path, { metadata: { name: 'disk' }, provisioner: 'example.com/disk' })).status).toBe(201);
    const change = {
      provisioner: 'other',
      parameters: { a: 'b' },
      reclaimPolicy: 'Retain',
      volumeBindingMode: 'WaitForFirstConsumer',
    };
    expect(fields(await server.merge(`${path}/disk`, change))).toEqual([
      'parameters',
      'provisioner',
      'reclaimPolicy',
      'volumeBindingMode',
    ]);
    expect((await server.merge(`${path}/disk`, { allowVolumeExpansion: true })).status).toBe(200);
    expect(
      fields(await server.post(path, { metadata: { name: 'x' }, provisioner: 'p', reclaimPolicy: 'Burn' })),
    ).toEqual(['reclaimPolicy']);
  });
});

describe('persistent volumes', () => {
  const path = '/api/v1/persistentvolumes';
  const volume = (spec: object) => ({
    metadata: { name: 'v' },
    spec: { capacity: { storage: '1Gi' }, accessModes: ['ReadWriteOnce'], hostPath: { path: '/data' }, ...spec },
  });
  it('have a size, a mode and one place where they are, which stays', async () => {
    const nothing = await server.post(path, { metadata: { name: 'v' }, spec: {} });
    expect(fields(nothing)).toEqual(['spec.accessModes', 'spec.capacity', 'spec']);
    expect(fields(await server.post(path, volume({ capacity: { storage: '0' } })))).toEqual(['spec.capacity[storage]']);
    expect(fields(await server.post(path, volume({ nfs: { server: 's', path: '/' } })))).toEqual(['spec.nfs']);
    expect((await server.post(path, volume({}))).status).toBe(201);
    expect(fields(await server.merge(`${path}/v`, { spec: { hostPath: { path: '/else' } } }))).toEqual([
      'spec.persistentvolumesource',
    ]);
    expect((await server.merge(`${path}/v`, { spec: { persistentVolumeReclaimPolicy: 'Delete' } })).status).toBe(200);
  });
});
