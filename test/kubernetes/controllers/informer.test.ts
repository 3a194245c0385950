import { afterEach, describe, expect, test } from 'vitest';
import { ApiError, type Client } from '#local/kubernetes/controllers/machinery/client.ts';
import { type Change, Informer } from '#local/kubernetes/controllers/machinery/informer.ts';
import { configMaps } from '#local/kubernetes/controllers/machinery/resources.ts';
import type { ConfigMap, Stored, WatchEvent } from '#local/kubernetes/controllers/machinery/types.ts';

const map = (name: string, version: number, uid = `uid-${name}`): ConfigMap => ({
  metadata: { name, namespace: 'default', uid, resourceVersion: String(version) },
});

/** A server under the test's hand: what it lists, and one watch at a time that the test feeds, ends or breaks. */
function scripted(items: ConfigMap[], version: number) {
  const lists: string[] = [];
  const watches: { from: string; emit(event: WatchEvent): void; end(error?: Error): void }[] = [];
  const server = { items, version, absent: false };
  const client = {
    async list() {
      lists.push(String(server.version));
      if (server.absent) throw new ApiError(404, 'NotFound', 'no such kind');
      return { items: server.items, resourceVersion: String(server.version) };
    },
    watch(_of: unknown, query: Record<string, unknown>, signal: AbortSignal, on: (event: WatchEvent) => void) {
      return new Promise<void>((resolve, reject) => {
        signal.addEventListener('abort', () => reject(new Error('aborted')));
        watches.push({
          from: String(query.resourceVersion),
          emit: on,
          end: (error) => (error ? reject(error) : resolve()),
        });
      });
    },
  } as unknown as Pick<Client, 'list' | 'watch'>;
  return { client, server, lists, watches };
}

const running: { stop(): Promise<void> }[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map((informer) => informer.stop()));
});

async function start(items: ConfigMap[], version: number) {
  const script = scripted(items, version);
  const informer = new Informer(script.client, configMaps);
  const seen: string[] = [];
  informer.on(({ type, object }: Change<Stored>) =>
    seen.push(`${type} ${object.metadata.name}@${object.metadata.resourceVersion}`),
  );
  informer.start();
  running.push(informer);
  await informer.synced;
  await expect.poll(() => script.watches.length).toBe(1);
  const watching = (count: number) => expect.poll(() => script.watches.length, { timeout: 5_000 }).toBe(count);
  return { ...script, informer, seen, watching };
}

describe('an informer', () => {
  test('lists, then watches from the version of the list', async () => {
    const { informer, seen, watches } = await start([map('a', 3)], 5);
    expect(watches[0]?.from).toBe('5');
    watches[0]?.emit({ type: 'MODIFIED', object: map('a', 6) });
    watches[0]?.emit({ type: 'ADDED', object: map('b', 7) });
    watches[0]?.emit({ type: 'DELETED', object: map('a', 8) });
    expect(seen).toEqual(['added a@3', 'updated a@6', 'added b@7', 'deleted a@6']);
    expect(informer.list().map(({ metadata }) => metadata.name)).toEqual(['b']);
  });

  test('goes on from the last version after an end, a bookmark or a broken line, without listing again', async () => {
    const { watches, lists, watching } = await start([], 5);
    watches[0]?.emit({ type: 'ADDED', object: map('a', 6) });
    watches[0]?.emit({ type: 'BOOKMARK', object: map('', 9) });
    watches[0]?.end();
    await watching(2);
    expect(watches[1]?.from).toBe('9');
    watches[1]?.end(new ApiError(0, 'ECONNRESET', 'the connection broke'));
    await watching(3);
    expect(watches[2]?.from).toBe('9');
    expect(lists).toHaveLength(1);
  });

  test('lists again when its version is too old, and finds what was deleted meanwhile', async () => {
    const { watches, server, seen, watching } = await start([map('a', 1), map('b', 2)], 5);
    server.items = [map('b', 2), map('c', 20)];
    server.version = 30;
    watches[0]?.end(new ApiError(410, 'Expired', 'too old resource version'));
    await watching(2);
    expect(watches[1]?.from).toBe('30');
    expect(seen.slice(2)).toEqual(['added c@20', 'deleted a@1']);
  });

  test('tells an object that was made anew under its old name as another one', async () => {
    const { watches, seen } = await start([map('a', 1)], 5);
    watches[0]?.emit({ type: 'MODIFIED', object: map('a', 9, 'another') });
    expect(seen).toEqual(['added a@1', 'deleted a@1', 'added a@9']);
  });

  test('sees a write of ours before the watch tells it, and only once', async () => {
    const { informer, watches, seen } = await start([], 5);
    informer.observe(map('a', 6));
    expect(informer.get('default/a')).toBeDefined();
    watches[0]?.emit({ type: 'ADDED', object: map('a', 6) });
    expect(seen).toEqual(['added a@6']);
  });

  test('does not bring back what a late answer still shows', async () => {
    const { informer, watches } = await start([map('a', 1)], 5);
    watches[0]?.emit({ type: 'DELETED', object: map('a', 6) });
    informer.observe(map('a', 7));
    expect(informer.list()).toEqual([]);
  });

  test('of an absent kind is empty at once, and fills when the kind appears', async () => {
    const script = scripted([map('a', 1)], 2);
    script.server.absent = true;
    const informer = new Informer(script.client, configMaps);
    running.push(informer);
    informer.start();
    await informer.synced;
    expect(informer.list()).toEqual([]);
    script.server.absent = false;
    await expect.poll(() => informer.list().length, { timeout: 5_000 }).toBe(1);
  });
});
