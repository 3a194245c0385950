/** The client of the Kubernetes API: one connection for everything, and what happens when it goes. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ApiServer, startApiServer } from '#local/kubernetes/apiserver/server.ts';
import { Client } from '#local/kubernetes/controllers/machinery/client.ts';
import { configMaps } from '#local/kubernetes/controllers/machinery/resources.ts';

const dir = mkdtempSync(join(tmpdir(), 'roadstead-client-'));
const start = (port = 0): Promise<ApiServer> => startApiServer({ dir, version: '1.36', adminToken: 'secret', port });
let api: ApiServer;
let client: Client;

const names = (count: number, prefix: string): string[] => Array.from({ length: count }, (_, n) => `${prefix}-${n}`);

beforeAll(async () => {
  api = await start();
  client = new Client({ server: api.url, caPem: api.caPem, token: 'secret', userAgent: 'test' });
});

afterAll(async () => {
  client.close();
  await api.stop();
  rmSync(dir, { recursive: true, force: true });
});

describe('a client', () => {
  it('answers more calls at once than one connection takes', async () => {
    await Promise.all(names(450, 'many').map((name) => client.create(configMaps, 'default', { metadata: { name } })));

    const { items } = await client.list(configMaps, 'default');

    expect(items.filter(({ metadata }) => metadata.name.startsWith('many-'))).toHaveLength(450);
  });

  it('follows several watches beside its calls, each ended by its own signal', async () => {
    const seen: string[] = [];
    const [first, second] = [new AbortController(), new AbortController()];
    const follow = (id: string, { signal }: AbortController) =>
      client.watch(configMaps, { resourceVersion: version }, signal, ({ type, object }) =>
        seen.push(`${id} ${type} ${object.metadata.name}`),
      );
    const { resourceVersion: version } = await client.list(configMaps);
    const [one, two] = [follow('first', first), follow('second', second)];

    await client.create(configMaps, 'default', { metadata: { name: 'watched' } });
    await expect.poll(() => [...seen].sort()).toEqual(['first ADDED watched', 'second ADDED watched']);
    first.abort();
    await expect(one).rejects.toMatchObject({ status: 0 });
    await client.delete(configMaps, await client.get(configMaps, 'default', 'watched'));

    await expect.poll(() => seen.at(-1)).toBe('second DELETED watched');
    expect(seen).toHaveLength(3);
    second.abort();
    await expect(two).rejects.toMatchObject({ status: 0 });
  });

  it('says that nobody answers, ends its watches, and goes on with the server that comes back', async () => {
    const port = Number(new URL(api.url).port);
    const watch = client.watch(configMaps, { resourceVersion: '0' }, new AbortController().signal, () => undefined);
    const ended = watch.then(
      () => 'ended',
      () => 'ended',
    );
    await client.list(configMaps);
    await api.stop();

    expect(await ended).toBe('ended');
    await expect(client.list(configMaps)).rejects.toMatchObject({ status: 0, reason: 'ECONNREFUSED' });
    api = await start(port);
    await expect(client.find(configMaps, 'default', 'nobody')).resolves.toBeUndefined();
  });

  it('trusts the authority of its cluster only', async () => {
    const stranger = new Client({ server: api.url, caPem: api.admin.certPem, token: 'secret', userAgent: 'test' });

    await expect(stranger.list(configMaps)).rejects.toMatchObject({
      status: 0,
      message: expect.stringContaining('certificate'),
    });
    stranger.close();
  });
});
