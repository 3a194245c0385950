/** The journey's client over real HTTP and real sockets: a small server whose tokens and sockets do not live for long. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type WebSocket, WebSocketServer } from 'ws';
import type { ClusterChanged } from '#core/contract/socket.ts';
import { createSession, type Session } from '#scripts/journey/client.ts';
import { keepWatching } from '#scripts/journey/lasting.ts';

const TEAM = `team_${'0'.repeat(26)}`;
const at = '2026-11-21T12:00:00.000Z';

const push = (version: number, phase: ClusterChanged['phase']): ClusterChanged => ({
  type: 'cluster.changed',
  id: 'clu_1',
  team: TEAM,
  name: 'demo',
  version,
  at,
  phase,
  conditions: [],
  ...(phase === 'Deleted' ? { deleted: true } : {}),
});

const startApi = async () => {
  const api = {
    /** Access tokens that are good now. */
    good: new Set(['first']),
    refreshes: 0,
    refusesRefresh: false,
    tickets: new Set<string>(),
    refusesTickets: false,
    /** Pings are answered. */
    pongs: true,
    pings: 0,
    opened: 0,
    sockets: new Set<WebSocket>(),
    /** What `GET` answers. */
    clusters: [] as object[],
    byId: new Map<string, object>(),
    url: '',
    tell: (body: object) => {
      for (const socket of api.sockets) socket.send(JSON.stringify(body));
    },
    cut: (code: number) => {
      for (const socket of api.sockets) socket.close(code);
    },
    stop: async () => {
      for (const socket of api.sockets) socket.terminate();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  const answerTo = (method: string, path: string, token: string): [number, object] => {
    if (path === '/api/v1/auth/refresh') {
      if (api.refusesRefresh) return [401, { code: 'auth.invalid_token' }];
      api.refreshes += 1;
      api.good = new Set([`renewed-${api.refreshes}`]);
      return [200, { access_token: `renewed-${api.refreshes}`, token_type: 'Bearer', expires_in: 900 }];
    }
    if (!api.good.has(token)) return [401, { code: 'auth.expired' }];
    if (method === 'POST' && path === '/api/v1/socket-tickets') {
      if (api.refusesTickets) return [500, { code: 'internal' }];
      const ticket = `ticket-${api.tickets.size}`;
      api.tickets.add(ticket);
      return [200, { ticket, url: `${api.url.replace('http', 'ws')}/ws` }];
    }
    if (path.startsWith('/api/v1/clusters?')) return [200, { items: api.clusters }];
    if (path.startsWith('/api/v1/workspaces?')) return [200, { items: [] }];
    const one = api.byId.get(path.split('/').at(-1) ?? '');
    return one === undefined ? [404, { code: 'not_found' }] : [200, one];
  };
  const server = createServer((request, response) => {
    const token = (request.headers.authorization ?? '').replace('Bearer ', '');
    request.resume().on('end', () => {
      const [status, body] = answerTo(request.method ?? '', request.url ?? '', token);
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    });
  });
  const sockets = new WebSocketServer({ noServer: true });
  server.on('upgrade', (request, raw, head) => {
    const ticket = new URL(request.url ?? '', 'http://x').searchParams.get('ticket') ?? '';
    if (!api.tickets.delete(ticket)) return raw.end('HTTP/1.1 401 Unauthorized\r\n\r\n');
    sockets.handleUpgrade(request, raw, head, (socket) => {
      api.opened += 1;
      api.sockets.add(socket);
      socket.on('close', () => api.sockets.delete(socket));
      socket.on('message', (data) => {
        const { type } = JSON.parse(String(data)) as { type: string };
        if (type === 'subscribe') socket.send(JSON.stringify({ type: 'subscribed', team: TEAM }));
        if (type !== 'ping') return;
        api.pings += 1;
        if (api.pongs) socket.send(JSON.stringify({ type: 'pong', at }));
      });
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  api.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return api;
};

let api: Awaited<ReturnType<typeof startApi>>;
let session: Session;
beforeEach(async () => {
  api = await startApi();
  session = createSession(api.url);
  session.token = 'first';
  session.refreshToken = 'refresh';
});
afterEach(() => api.stop());

const until = async (holds: () => boolean): Promise<void> => {
  while (!holds()) await sleep(5);
};
const list = () => session.call<{ items: object[] }>('GET', '/api/v1/clusters?limit=1');

const QUICK = { pingSeconds: 300, firstSeconds: 0.01, longestSeconds: 0.02 };

it('an access token that has run out is renewed, once for all calls that it is refused to', async () => {
  api.good.clear();
  expect(await Promise.all(Array.from({ length: 5 }, list))).toHaveLength(5);
  expect([api.refreshes, session.token, session.refreshToken]).toEqual([1, 'renewed-1', 'refresh']);
  api.good.clear();
  await list();
  expect(api.refreshes).toBe(2);
});

it('a call stays refused when the session has ended, or there is nothing to renew it with', async () => {
  api.good.clear();
  api.refusesRefresh = true;
  await expect(list()).rejects.toMatchObject({ status: 401, code: 'auth.expired' });
  session.refreshToken = undefined;
  await expect(list()).rejects.toMatchObject({ status: 401, code: 'auth.expired' });
  expect(api.refreshes).toBe(0);
});

it('a watch that lasts comes back with a new ticket when its socket ends, also after its token did, and reads what it missed', async () => {
  const watching = await keepWatching(session, QUICK);
  const heard: number[] = [];
  watching.onPush = ({ version }) => heard.push(version);
  api.tell(push(1, 'Pending'));
  await watching.until('Pending', ({ phase }) => phase === 'Pending', 10);
  const present = { ...push(4, 'Ready'), kubernetesVersion: '1.35' };
  api.clusters = [present];
  api.good.clear();
  api.cut(1001);
  await watching.until('Ready', ({ phase }) => phase === 'Ready', 10);
  expect([api.opened, api.refreshes]).toEqual([2, 1]);

  api.tell(push(3, 'Provisioning'));
  api.tell(push(5, 'Deleting'));
  await watching.until('Deleting', ({ phase }) => phase === 'Deleting', 10);
  expect(heard).toEqual([1, 4, 5]);

  // Deleted in between: no list has it.
  api.clusters = [];
  api.byId.set('clu_1', { ...present, version: 6, phase: 'Deleted' });
  api.cut(1001);
  expect((await watching.until('Deleted', ({ phase }) => phase === 'Deleted', 10)).deleted).toBe(true);
  await watching.close();
  expect(await watching.closed).toBe(1000);
  expect(api.opened).toBe(3);
});

it('it pings, so that no socket is ended for being silent, and leaves one that does not answer', async () => {
  const watching = await keepWatching(session, { ...QUICK, pingSeconds: 0.02 });
  await until(() => api.pings >= 3);
  expect(api.opened).toBe(1);
  api.pongs = false;
  await until(() => api.opened >= 2);
  api.pongs = true;
  await watching.close();
  await until(() => api.sockets.size === 0);
});

it('who waits is told when it cannot come back', async () => {
  const watching = await keepWatching(session, QUICK);
  const waiting = expect(watching.until('Ready', () => true, 60)).rejects.toThrow(
    /tries to come back failed: POST \/api\/v1\/socket-tickets answered 500/,
  );
  api.refusesTickets = true;
  api.cut(1001);
  await waiting;
  await expect(watching.until('Ready', () => true, 60)).rejects.toThrow('tries to come back failed');
});
