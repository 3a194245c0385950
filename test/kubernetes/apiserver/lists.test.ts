/** Lists and watches: selectors, chunks, bookmarks, and what a client that comes late is told. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type TestServer, testServer } from './support/server.ts';

let server: TestServer;
let all: string;
beforeAll(async () => {
  server = await testServer({ keptHistory: 20 });
  all = `${await server.namespace('lists')}/configmaps`;
});
afterAll(() => server.stop());

const map = (name: string, labels: Record<string, string>) => ({ metadata: { name, labels } });
const names = (body: { items: { metadata: { name: string } }[] }) => body.items.map(({ metadata }) => metadata.name);

describe('lists', () => {
  it('are chosen by labels and fields', async () => {
    await server.post(all, map('red', { colour: 'red', size: '1' }));
    await server.post(all, map('blue', { colour: 'blue' }));
    const list = async (query: string) => names((await server.get(`${all}?${query}`)).body);
    expect(await list('labelSelector=colour%3Dred')).toEqual(['red']);
    expect(await list('labelSelector=colour%20in%20(red,blue),!size')).toEqual(['blue']);
    expect(await list('labelSelector=colour!%3Dred,colour')).toEqual(['blue']);
    expect(await list('fieldSelector=metadata.name%3Dred')).toEqual(['red']);
  });

  it('come in chunks of one moment', async () => {
    for (const name of ['a', 'b', 'c', 'd', 'e']) await server.post(all, map(name, { set: 'x' }));
    const query = `${all}?labelSelector=set%3Dx&limit=2`;
    const first = await server.get(query);
    await server.post(all, map('bb', { set: 'x' }));
    const second = await server.get(`${query}&continue=${first.body.metadata.continue}`);
    const third = await server.get(`${query}&continue=${second.body.metadata.continue}`);
    expect([...names(first.body), ...names(second.body), ...names(third.body)]).toEqual(['a', 'b', 'c', 'd', 'e']);
    expect(second.body.metadata.resourceVersion).toBe(first.body.metadata.resourceVersion);
    expect(third.body.metadata.continue).toBeUndefined();
  });

  it('refuse a selector that makes no sense', async () => {
    expect((await server.get(`${all}?labelSelector=a%3D%3Eb`)).status).toBe(400);
    expect((await server.get(`${all}?fieldSelector=data%3Dx`)).body.message).toContain(
      '"data" is not a known field selector',
    );
  });
});

describe('watches', () => {
  it('miss nothing after a list and see nothing twice', async () => {
    const { body } = await server.get(all);
    const path = `${all}?watch=true&resourceVersion=${body.metadata.resourceVersion}&labelSelector=w%3D1`;
    await server.post(all, map('w1', { w: '1' }));
    const live = server.watch(path, 4);
    await server.merge(`${all}/w1`, { data: { k: '1' } });
    await server.merge(`${all}/w1`, { metadata: { labels: { w: '2' } } });
    await server.merge(`${all}/w1`, { metadata: { labels: { w: '1' } } });
    const seen = await live;
    expect(seen.map(({ type }) => type)).toEqual(['ADDED', 'MODIFIED', 'DELETED', 'ADDED']);
    // What leaves the selection is shown as it last matched, with the version of the change.
    expect(seen[2]?.object.metadata.labels).toEqual({ w: '1' });
    expect(Number(seen[2]?.object.metadata.resourceVersion)).toBeGreaterThan(
      Number(seen[1]?.object.metadata.resourceVersion),
    );
  });

  it('say 410 inside the stream when the version is too old', async () => {
    await server.restart();
    const events = await server.watch(`${all}?watch=true&resourceVersion=1`, 2);
    expect(events).toHaveLength(1);
    expect(events[0]).toMatchObject({ type: 'ERROR', object: { kind: 'Status', code: 410, reason: 'Expired' } });
  });

  it('go on after a restart where they were', async () => {
    const { body } = await server.post(all, map('before', { r: '1' }));
    await server.merge(`${all}/before`, { data: { n: '1' } });
    await server.del(`${all}/before`);
    await server.restart();
    const live = server.watch(
      `${all}?watch=true&resourceVersion=${body.metadata.resourceVersion}&labelSelector=r%3D1`,
      3,
    );
    await server.post(all, map('after', { r: '1' }));
    expect((await live).map(({ type, object }) => [type, object.metadata.name, object.data])).toEqual([
      ['MODIFIED', 'before', { n: '1' }],
      ['DELETED', 'before', { n: '1' }],
      ['ADDED', 'after', undefined],
    ]);
  });

  it('end their initial events with a bookmark that says so', async () => {
    const events = await server.watch(
      `${all}?watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true&labelSelector=colour`,
      3,
    );
    expect(events.map(({ type }) => type)).toEqual(['ADDED', 'ADDED', 'BOOKMARK']);
    expect(events[2]?.object.metadata.annotations).toEqual({ 'k8s.io/initial-events-end': 'true' });
  });

  it('without a version and without initial events begin now', async () => {
    await server.post(all, map('long-ago', {}));
    const live = server.watch(
      `${all}?watch=true&sendInitialEvents=false&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true`,
      1,
    );
    let open = true;
    const seen = live.finally(() => {
      open = false;
    });
    // When exactly the watch begins cannot be seen from here.
    for (let i = 0; open; i++) await server.post(all, map(`now-${i}`, { now: '1' }));
    const [first] = await seen;
    expect(first).toMatchObject({ type: 'ADDED', object: { metadata: { labels: { now: '1' } } } });
  });

  it('end after their timeout', async () => {
    const started = Date.now();
    await server.watch(`${all}?watch=true&timeoutSeconds=1&labelSelector=none`, 9, 10_000);
    expect(Date.now() - started).toBeLessThan(5000);
  });

  it('show one deletion, of the last state, when the last finalizer goes', async () => {
    const { body } = await server.post(all, {
      metadata: { name: 'held', labels: { h: '1' }, finalizers: ['example.com/hold'] },
    });
    const live = server.watch(
      `${all}?watch=true&resourceVersion=${body.metadata.resourceVersion}&labelSelector=h%3D1`,
      2,
    );
    await server.del(`${all}/held`);
    await server.merge(`${all}/held`, { metadata: { finalizers: null } });
    expect((await live).map(({ type, object }) => [type, object.metadata.finalizers])).toEqual([
      ['MODIFIED', ['example.com/hold']],
      ['DELETED', ['example.com/hold']],
    ]);
  });

  it('serve five hundred at once', async () => {
    const { body } = await server.get(all);
    const path = `${all}?watch=true&resourceVersion=${body.metadata.resourceVersion}&labelSelector=many`;
    const watchers = Array.from({ length: 500 }, () => server.watch(path, 1, 20_000));
    await server.post(all, map('many', { many: '1' }));
    const seen = await Promise.all(watchers);
    expect(seen.every((events) => events[0]?.object.metadata.name === 'many')).toBe(true);
  });
});
