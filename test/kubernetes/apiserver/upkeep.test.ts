/** What the server keeps in order by itself: the service of the API, and the age of events. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EVENT_TTL_MS, expireEvents } from '#local/kubernetes/apiserver/event-expiry.ts';
import { Store } from '#local/kubernetes/apiserver/storage/store.ts';
import { type TestServer, testServer, until } from './support/server.ts';

let server: TestServer;
beforeAll(async () => {
  server = await testServer({ eventTtlMs: 200 });
});
afterAll(() => server.stop());

describe('the service kubernetes', () => {
  const [core, discovery] = ['/api/v1/namespaces/default', '/apis/discovery.k8s.io/v1/namespaces/default'];
  const paths = [
    `${core}/services/kubernetes`,
    `${core}/endpoints/kubernetes`,
    `${discovery}/endpointslices/kubernetes`,
  ];
  const said = async () => {
    const [service, endpoints, slice] = await Promise.all(paths.map((path) => server.get(path)));
    return {
      ip: service?.body.spec.clusterIP,
      targetPort: service?.body.spec.ports[0].targetPort,
      subsets: endpoints?.body.subsets,
      slice: [slice?.body.addressType, slice?.body.endpoints, slice?.body.ports, slice?.body.metadata.labels],
    };
  };
  const right = () => {
    const port = Number(new URL(server.url).port);
    const own = { name: 'https', port, protocol: 'TCP' };
    return {
      ip: '10.96.0.1',
      targetPort: port,
      subsets: [{ addresses: [{ ip: '127.0.0.1' }], ports: [own] }],
      slice: [
        'IPv4',
        [{ addresses: ['127.0.0.1'], conditions: { ready: true } }],
        [own],
        { 'kubernetes.io/service-name': 'kubernetes' },
      ],
    };
  };

  it('has the address of this server, comes back when it was deleted, and follows the port over a restart', async () => {
    expect(await said()).toEqual(right());
    for (const path of paths) expect((await server.del(path)).status).toBe(200);
    await until(
      () => Promise.all(paths.map((path) => server.get(path))),
      (answers) => answers.every(({ status }) => status === 200),
    );
    expect(await said()).toEqual(right());
    const before = server.url;
    await server.restart();
    expect(server.url).not.toBe(before);
    expect(await said()).toEqual(right());
  });

  it('is not written when it is right', async () => {
    const version = async () => (await server.get(paths[0]!)).body.metadata.resourceVersion;
    const before = await version();
    // A look that puts something else right.
    expect((await server.del(paths[2]!)).status).toBe(200);
    await until(
      () => server.get(paths[2]!),
      ({ status }) => status === 200,
    );
    expect(await version()).toBe(before);
  });
});

describe('an event', () => {
  const event = (name: string, more: object = {}) => ({
    metadata: { name },
    involvedObject: { kind: 'Pod', name: 'p', namespace: 'told' },
    reason: 'Told',
    ...more,
  });

  it('goes when its time is over, and watchers are told', async () => {
    const place = await server.namespace('told');
    const { body } = await server.post(`${place}/events`, event('old', { lastTimestamp: '2999-01-01T00:00:00Z' }));
    const from = Number(body.metadata.resourceVersion) - 1;
    const watched = await server.watch(`${place}/events?watch=true&resourceVersion=${from}`, 2, 20_000);
    expect(watched.map(({ type, object }) => `${type} ${object.metadata.name}`)).toEqual(['ADDED old', 'DELETED old']);
  });

  it('counts from when the server last wrote it, whatever it says of itself', () => {
    const dir = mkdtempSync(join(tmpdir(), 'events-'));
    const store = new Store(join(dir, 'state.sqlite'));
    const time = (minutes: number) => new Date(minutes * 60_000).toISOString();
    const put = (name: string, made: number, written: number[], lastTimestamp: number) =>
      store.put('events', {
        kind: 'Event',
        apiVersion: 'v1',
        metadata: {
          name,
          namespace: 'a',
          uid: name,
          resourceVersion: '',
          creationTimestamp: time(made),
          managedFields: written.map((minutes) => ({ time: time(minutes) })),
        },
        lastTimestamp: time(lastTimestamp),
      });
    put('boasting', 0, [0], 1_000);
    put('counted', 0, [0, 30], 0);
    put('nobodys', 50, [], 0);
    expireEvents(store, EVENT_TTL_MS, 61 * 60_000);
    expect(store.list('events').map(({ object }) => object.metadata.name)).toEqual(['counted', 'nobodys']);
    store.close();
    rmSync(dir, { recursive: true });
  });
});
