/** What goes wrong around the server without its fault: slow clients, racing writers, objects that vanish, a disk that is full. */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { Agent, request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startWriter } from './support/process.ts';
import { ADMIN, type TestServer, testServer, until } from './support/server.ts';

let server: TestServer;
let ns: string;
beforeAll(async () => {
  server = await testServer();
  ns = await server.namespace('luck');
});
afterAll(() => server.stop());

const map = (name: string, more: object = {}) => ({ metadata: { name }, ...more });

describe('writers', () => {
  it('with one resource version: one wins, the other is told so', async () => {
    const { body } = await server.post(`${ns}/configmaps`, map('raced'));
    const write = (who: string) => server.put(`${ns}/configmaps/raced`, { ...body, data: { who } });
    const answers = await Promise.all([write('a'), write('b'), write('c')]);
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 409, 409]);
    const lost = answers.find(({ status }) => status === 409);
    expect(lost?.body).toMatchObject({ reason: 'Conflict', details: { name: 'raced', kind: 'configmaps' } });
  });

  it.each(['json', 'merge', 'strategic-merge', 'apply'])(
    'that patch an object which was deleted (%s) do not bring it back half',
    async (kind) => {
      await server.post(`${ns}/configmaps`, map('gone', { data: { a: '1', b: '2' } }));
      await server.del(`${ns}/configmaps/gone`);
      const body =
        kind === 'json'
          ? [{ op: 'add', path: '/data/c', value: '3' }]
          : { apiVersion: 'v1', kind: 'ConfigMap', data: { c: '3' } };
      const type = `application/${kind}-patch+${kind === 'apply' ? 'yaml' : 'json'}`;
      const answer = await server.call('PATCH', `${ns}/configmaps/gone?fieldManager=late`, body, { type });
      // Only an apply says all that is wanted, and so may make it anew.
      expect(answer.status).toBe(kind === 'apply' ? 201 : 404);
      if (kind === 'apply') expect(answer.body.data).toEqual({ c: '3' });
      else expect(answer.body).toMatchObject({ kind: 'Status', reason: 'NotFound', details: { name: 'gone' } });
      await server.del(`${ns}/configmaps/gone`);
    },
  );

  it('of kinds and versions that are not there get the Status that clients know', async () => {
    const unknown = { kind: 'Status', reason: 'NotFound', message: 'the server could not find the requested resource' };
    for (const path of ['/api/v7/pods', '/apis/apps/v9/deployments', `${ns}/unicorns`])
      expect((await server.post(path, map('x'))).body).toMatchObject(unknown);
    const other = await server.post(`${ns}/configmaps`, {
      apiVersion: 'v9',
      kind: 'ConfigMap',
      metadata: { name: 'x' },
    });
    expect(other.status).toBe(400);
    expect(other.body.message).toContain('no kind "ConfigMap" is registered for version "v9"');
  });
});

describe('watchers', () => {
  it('that do not read are closed once ten thousand events are behind them, and others miss nothing', async () => {
    const events = 10_000;
    const path = `${ns}/configmaps?watch=true&labelSelector=burst`;
    // It reads its headers and then nothing: what it does not take waits in the server.
    const agent = new Agent({ ca: server.caPem });
    const slow = request(new URL(path, server.url), { agent, headers: { authorization: `Bearer ${ADMIN}` } });
    const unread = new Promise<IncomingMessage>((done, fail) => slow.on('response', done).on('error', fail));
    slow.end();
    const stream = (await unread).pause();
    const closed = new Promise((done) => stream.on('close', done).on('error', done));
    const quick = server.watch(path, events + 1, 170_000);
    await server.post(`${ns}/configmaps`, { metadata: { name: 'burst', labels: { burst: '1' } } });
    const padding = 'x'.repeat(2_000);
    let next = 0;
    const worker = async () => {
      for (let i = next++; i < events; i = next++)
        expect((await server.merge(`${ns}/configmaps/burst`, { data: { i: String(i), padding } })).status).toBe(200);
    };
    await Promise.all(Array.from({ length: 16 }, worker));
    const seen = await quick;
    expect(seen).toHaveLength(events + 1);
    const versions = seen.map(({ object }) => Number(object.metadata.resourceVersion));
    expect(versions).toEqual([...versions].sort((a, b) => a - b));
    // Reading again shows what had been sent, and then the end.
    stream.resume();
    await closed;
    agent.destroy();
  }, 180_000);

  it('that read are kept when very much changes at once', async () => {
    const many = 1_500;
    let next = 0;
    const worker = async () => {
      for (let i = next++; i < many; i = next++)
        await server.post(`${ns}/secrets`, { metadata: { name: `s${i}`, labels: { at: 'once' } } });
    };
    await Promise.all(Array.from({ length: 16 }, worker));
    const { body } = await server.get(`${ns}/secrets?limit=1`);
    const path = `${ns}/secrets?watch=true&labelSelector=at%3Donce&resourceVersion=${body.metadata.resourceVersion}`;
    const watchers = [1, 2, 3].map(() => server.watch(path, many, 60_000));
    await server.del(`${ns}/secrets?labelSelector=at%3Donce`);
    for (const seen of await Promise.all(watchers)) expect(seen).toHaveLength(many);
  }, 120_000);
});

describe('a namespace', () => {
  it('whose finalizer never goes stays Terminating, over restarts, until somebody finalizes it', async () => {
    const path = '/api/v1/namespaces/stuck';
    await server.post('/api/v1/namespaces', {
      metadata: { name: 'stuck' },
      spec: { finalizers: ['example.com/never', 'kubernetes'] },
    });
    await server.post(`${path}/configmaps`, map('inside'));
    await server.del(path);
    await server.restart();
    // A second deletion changes nothing; what is inside can still be read and removed, nothing can be added.
    expect((await server.del(path)).status).toBe(200);
    const { body } = await server.get(path);
    expect(body).toMatchObject({
      spec: { finalizers: ['example.com/never', 'kubernetes'] },
      status: { phase: 'Terminating' },
    });
    expect((await server.post(`${path}/configmaps`, map('more'))).status).toBe(403);
    expect((await server.del(`${path}/configmaps/inside`)).status).toBe(200);
    await server.put(`${path}/finalize`, { ...body, spec: { finalizers: ['example.com/never'] } });
    expect((await server.get(path)).body.spec.finalizers).toEqual(['example.com/never']);
    await server.put(`${path}/finalize`, { metadata: { name: 'stuck' }, spec: {} });
    expect((await server.get(path)).status).toBe(404);
  });
});

describe('a definition', () => {
  it('that changes under its objects keeps them readable, prunes what it no longer knows, and takes its watchers along', async () => {
    const crd = (properties: object) => ({
      apiVersion: 'apiextensions.k8s.io/v1',
      kind: 'CustomResourceDefinition',
      metadata: { name: 'ships.luck.example.com' },
      spec: {
        group: 'luck.example.com',
        scope: 'Namespaced',
        names: { plural: 'ships', singular: 'ship', kind: 'Ship' },
        versions: [
          {
            name: 'v1',
            served: true,
            storage: true,
            schema: { openAPIV3Schema: { type: 'object', properties: { spec: { type: 'object', properties } } } },
          },
        ],
      },
    });
    const definition = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions/ships.luck.example.com';
    const ships = '/apis/luck.example.com/v1/namespaces/luck/ships';
    const ship = (spec: object) => ({
      apiVersion: 'luck.example.com/v1',
      kind: 'Ship',
      metadata: { name: 'a' },
      spec,
    });
    await server.post(
      '/apis/apiextensions.k8s.io/v1/customresourcedefinitions',
      crd({ a: { type: 'string' }, b: { type: 'string' } }),
    );
    await until(
      () => server.post(ships, ship({ a: '1', b: '2' })),
      ({ status }) => status === 201,
    );
    const { body: list } = await server.get(ships);
    const watching = server.watch(`${ships}?watch=true&resourceVersion=${list.metadata.resourceVersion}`, 1, 20_000);
    await server.merge(definition, { spec: crd({ a: { type: 'string' }, c: { type: 'integer', default: 7 } }).spec });
    const now = await until(
      () => server.get(`${ships}/a`),
      ({ body }) => body.spec.c === 7,
    );
    expect(now.body.spec).toEqual({ a: '1', c: 7 });
    expect((await server.merge(`${ships}/a`, { spec: { a: 'changed' } })).status).toBe(200);
    // The watch either goes on with the change or ends, so that the client comes again; it never hangs without it.
    const [event] = await watching;
    if (event !== undefined) expect(event.object.spec).toEqual({ a: 'changed', c: 7 });
  });
});

describe('a disk that is full', () => {
  it('refuses writes with a Status, and the server goes on with what it has', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'apiserver-full-'));
    // No file may grow beyond so many blocks: to SQLite that is a full disk.
    const limited = (args: string[]) =>
      spawn('sh', ['-c', 'ulimit -f 4000; exec "$0" "$@"', process.execPath, ...args], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
    try {
      const { child, call } = await startWriter(dir, limited);
      const maps = '/api/v1/namespaces/default/configmaps';
      const acknowledged: string[] = [];
      let refused: Awaited<ReturnType<typeof call>> | undefined;
      for (let i = 0; i < 200 && refused === undefined; i++) {
        const answer = await call('POST', maps, map(`m${i}`, { data: { x: 'x'.repeat(100_000) } }));
        if (answer.status === 201) acknowledged.push(`m${i}`);
        else refused = answer;
      }
      expect(refused?.status).toBe(507);
      expect(refused?.body).toMatchObject({ kind: 'Status', status: 'Failure', reason: 'InsufficientStorage' });
      const there = await call('GET', maps);
      expect(there.status).toBe(200);
      expect(there.body.items.map(({ metadata }) => metadata.name).sort()).toEqual([...acknowledged].sort());
      expect((await call('POST', maps, map('again', { data: { x: 'x'.repeat(100_000) } }))).status).toBe(507);
      child.kill('SIGKILL');
      await new Promise((done) => child.once('exit', done));
      // With room again, everything acknowledged is there, and writes go on.
      const after = await startWriter(dir);
      const names = (await after.call('GET', maps)).body.items.map(({ metadata }) => metadata.name);
      expect(acknowledged.filter((name) => !names.includes(name))).toEqual([]);
      expect((await after.call('POST', maps, map('room'))).status).toBe(201);
      after.child.kill('SIGKILL');
      await new Promise((done) => after.child.once('exit', done));
    } finally {
      rmSync(dir, { recursive: true, force: true });
    }
  });
});
