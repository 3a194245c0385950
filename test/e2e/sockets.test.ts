import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { GetItemCommand } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { PROTOCOL, TOKEN_HEADER } from '#core/contract/agent.ts';
import type { Cluster } from '#core/contract/cluster.ts';
import type { ClusterChanged } from '#core/contract/socket.ts';
import type { AgentToken } from '#core/contract/token.ts';
import { infrastructureName } from '#core/domain/names.ts';
import { keys, sha256 } from '#core/store/keys.ts';
import { createSession, type Session, signIn, type Watch, watch } from '#scripts/journey/client.ts';
import { type Answered, install } from './support/install.ts';
import {
  adminKubeconfig,
  connectedOf,
  createCluster,
  getCluster,
  linkOf,
  PASSWORD,
  type Product,
  startProduct,
  until,
} from './support/product.ts';

describe('the sockets of one cluster', () => {
  /** `$disconnect` events of these connections are held or lost. */
  const held = new Map<string, Promise<void>>();
  const lost = new Set<string>();
  let product: Product;
  let session: Session;
  let cluster: Cluster;
  let watching: Watch;
  const pushes: ClusterChanged[] = [];

  beforeAll(async () => {
    product = await startProduct({
      more: {
        hooks: {
          invoke: {
            before: async ({ payload }) => {
              const { routeKey, connectionId = '' } =
                (payload as { requestContext?: { routeKey?: string; connectionId?: string } } | null)?.requestContext ??
                {};
              if (routeKey !== '$disconnect') return;
              if (lost.has(connectionId)) throw new Error('the event got lost');
              await held.get(connectionId);
            },
          },
        },
      },
    });
    session = await product.person();
    ({ cluster, watching } = await createCluster(session, 'sockets'));
    expect([cluster.phase, cluster.error]).toEqual(['Ready', undefined]);
    watching.onPush = (push) => {
      if (push.type === 'cluster.changed') pushes.push(push);
    };
  });
  afterAll(() => product?.stop());

  const gatewayClose = (connectionId: string): void =>
    product.runtime.connections.get(connectionId)?.socket.close(1001, 'Going away');
  const sizeOf = () => product.runtime.connections.all().length;

  it('a $disconnect that comes after the agent is back does not touch the link that counts', async () => {
    const before = await linkOf(product, cluster.id);
    const release = Promise.withResolvers<void>();
    held.set(before.connectionId, release.promise);
    gatewayClose(before.connectionId);
    const after = await until('a newer link', async () => {
      const now = await linkOf(product, cluster.id);
      return now.link > before.link && now;
    });
    pushes.length = 0;
    release.resolve();
    // What the late event changes would be pushed: wait until something later is.
    await session.call('POST', `/api/v1/clusters/${cluster.id}/extend`, { ttlSeconds: 7200 });
    const { version } = await getCluster(session, cluster.id);
    await until('the extend is pushed', () => pushes.some((push) => push.version >= version));
    await until('the late event is handled', async () => !(await connectionItem(before.connectionId)));
    expect(pushes.map((push) => connectedOf(push)?.status)).not.toContain('False');
    expect(connectedOf(await getCluster(session, cluster.id))?.status).toBe('True');
    expect(await linkOf(product, cluster.id)).toEqual(after);
  });

  const connectionItem = async (id: string): Promise<boolean> => {
    const { pk, sk } = keys.connection(id);
    return (
      (
        await product.aws.dynamodb.send(
          new GetItemCommand({
            TableName: product.runtime.outputs.TableName,
            Key: { pk: { S: pk }, sk: { S: sk } },
            ConsistentRead: true,
          }),
        )
      ).Item !== undefined
    );
  };

  it('a listener that is gone without a word is forgotten at the next push, and the others get theirs', async () => {
    const before = new Set(product.runtime.connections.all().map(({ id }) => id));
    await watch(session);
    const [quiet] = product.runtime.connections.all().filter(({ id }) => !before.has(id));
    const id = quiet?.id as string;
    lost.add(id);
    quiet?.socket.terminate();
    await until('the socket is gone', () => product.runtime.connections.get(id) === undefined);
    expect(await connectionItem(id)).toBe(true);

    pushes.length = 0;
    const { version } = await session.call<Cluster>('POST', `/api/v1/clusters/${cluster.id}/extend`, {
      ttlSeconds: 3600,
    });
    await until('the push at the other', () => pushes.some((push) => push.version === version), 5);
    await until('it is forgotten', async () => !(await connectionItem(id)), 5);
  });

  it('a logout closes the sockets of its session, a logout of everything all of the person, and nobody else’s', async () => {
    const ada = await product.person();
    const began = Math.floor(Date.now() / 1000);
    const again = createSession(product.runtime.url);
    const { account } = await ada.call<{ account: { email: string } }>('GET', '/api/v1/me');
    signIn(again, await again.call('POST', '/api/v1/auth/token', { email: account.email, password: PASSWORD }));
    const [here, there] = [await watch(ada), await watch(again)];
    await again.call('POST', '/api/v1/auth/logout', { refresh_token: again.refreshToken });
    expect(await there.closed).toBe(1000);
    expect(await ada.call('GET', '/api/v1/me')).toBeDefined();
    const third = createSession(product.runtime.url);
    signIn(third, await third.call('POST', '/api/v1/auth/token', { email: account.email, password: PASSWORD }));
    await until('the second of the sign-in is over', () => Date.now() / 1000 > began + 1);
    await third.call('POST', '/api/v1/auth/logout', {});
    expect(await here.closed).toBe(1000);
    await expect(ada.call('GET', '/api/v1/me')).rejects.toMatchObject({ status: 401 });
    expect(await Promise.race([watching.closed, 'open'])).toBe('open');
  });

  it('a message over 32 KB ends its socket with 1009, and only that', async () => {
    const count = sizeOf();
    const { ticket, url } = await session.call<{ ticket: string; url: string }>('POST', '/api/v1/socket-tickets');
    const open = (used: string) =>
      new Promise<WebSocket | number>((resolve) => {
        const socket = new WebSocket(`${url}?ticket=${used}`);
        socket.once('open', () => resolve(socket));
        socket.once('unexpected-response', (_request, response) => resolve(response.statusCode ?? 0));
        socket.on('error', () => {});
      });
    const socket = (await open(ticket)) as WebSocket;
    const answer = (text: string) =>
      new Promise<string>((resolve) => {
        socket.once('message', (data) => resolve(data.toString()));
        socket.send(text);
      });
    const padded = (bytes: number) => `{"type":"ping","id":"1"}${' '.repeat(bytes - 24)}`;
    expect(JSON.parse(await answer(padded(32_768)))).toMatchObject({ type: 'pong', id: '1' });
    expect(JSON.parse(await answer('no JSON'))).toMatchObject({ type: 'error', code: 'request.invalid' });
    const closed = new Promise<number>((resolve) => socket.once('close', resolve));
    socket.send(padded(32_769));
    expect(await closed).toBe(1009);
    await until('only that one is gone', () => sizeOf() === count);
    // A ticket is good once; none, and one that never was, are refused alike.
    expect([await open(ticket), await open('rst_never'), await open('')]).toEqual([401, 401, 401]);
  });

  it('another cluster with a token of this one is refused as a clone, a second agent of this one is one link after the other', async () => {
    const { installToken } = await session.call<{ installToken: string }>(
      'POST',
      `/api/v1/clusters/${cluster.id}/tokens`,
      {},
    );
    const before = await linkOf(product, cluster.id);
    const uid = (await kubectl(['get', 'namespace', 'kube-system', '-o', 'jsonpath={.metadata.uid}'])).trim();
    const ownToken = `rsc_${'x'.repeat(43)}`;
    const hello = (clusterUid: string, more: object = {}) => ({
      v: PROTOCOL,
      type: 'hello',
      id: 'h',
      seq: 0,
      payload: {
        protocol: { min: PROTOCOL, max: PROTOCOL },
        agentVersion: '0.0.0-test',
        kubernetesVersion: 'v1.35.0',
        capabilities: [],
        clusterUid,
        podUid: 'other-pod',
        ...more,
      },
    });
    const dial = async (token: string) => {
      const socket = new WebSocket(product.runtime.socketUrl, { headers: { [TOKEN_HEADER]: token } });
      const closed = new Promise<number>((resolve) => socket.once('close', resolve));
      await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
      const ask = (message: object) =>
        new Promise<{ type: string; payload: Record<string, unknown> }>((resolve) => {
          socket.once('message', (data) => resolve(JSON.parse(data.toString())));
          socket.send(JSON.stringify(message));
        });
      return { ask, closed, close: () => socket.close() };
    };

    const clone = await dial(installToken);
    expect(await clone.ask(hello('another-uid', { nextTokenHash: sha256(ownToken) }))).toMatchObject({
      type: 'error',
      payload: { code: 'CloneDetected' },
    });
    clone.close();
    const warned = await watching.until(
      'CloneDetected',
      (push) => push.conditions.some(({ type, status }) => type === 'CloneDetected' && status === 'True'),
      10,
    );
    expect(connectedOf(warned)?.status).toBe('True');
    expect(await linkOf(product, cluster.id)).toEqual(before);

    const trading = await dial(installToken);
    expect(
      await trading.ask({ v: PROTOCOL, type: 'heartbeat', id: 'b', seq: 0, payload: { paceSeconds: 5 } }),
    ).toMatchObject({ type: 'error', payload: { code: 'NotHello' } });
    expect(await trading.ask(hello(uid, { nextTokenHash: sha256(ownToken) }))).toMatchObject({
      type: 'hello.ack',
      payload: { reconnect: true },
    });
    trading.close();
    const second = await dial(ownToken);
    const ack = await second.ask(hello(uid));
    expect(ack).toMatchObject({ type: 'hello.ack', payload: { clusterId: cluster.id, reconnect: false } });
    expect((await linkOf(product, cluster.id)).link).toBe(ack.payload.link);
    // The first agent's socket is ended; it dials again and is the newest: then the second one is ended. Never two.
    const again = await until('the first agent is back', async () => {
      const now = await linkOf(product, cluster.id);
      return now.link > Number(ack.payload.link) && now;
    });
    expect(await second.closed).toBe(1000);
    expect(product.runtime.connections.get(again.connectionId)).toBeDefined();
    expect(connectedOf(await getCluster(session, cluster.id))?.status).toBe('True');
    // The install token is used up.
    await expect(dial(installToken)).rejects.toThrow('401');
    const { items } = await session.call<{ items: AgentToken[] }>('GET', `/api/v1/clusters/${cluster.id}/tokens`);
    const mine = items.find(
      ({ kind, state, lastUsedAt }) => kind === 'agent' && state === 'Active' && lastUsedAt !== undefined,
    );
    expect(items.filter(({ kind, state }) => kind === 'agent' && state === 'Active')).toHaveLength(2);
    expect(mine).toBeDefined();
  });

  const kubectl = async (args: readonly string[]): Promise<string> => {
    const env = {
      PATH: process.env.PATH,
      HOME: product.state,
      KUBECONFIG: adminKubeconfig(product, infrastructureName(cluster.id)),
    };
    return (await promisify(execFile)('kubectl', args, { env, timeout: 30_000 })).stdout;
  };

  it('an agent whose token is revoked loses its socket and cannot come back, until a new manifest is applied', async () => {
    const { items } = await session.call<{ items: AgentToken[] }>('GET', `/api/v1/clusters/${cluster.id}/tokens`);
    pushes.length = 0;
    for (const { id } of items.filter(({ kind, state }) => kind === 'agent' && state === 'Active'))
      await session.call('DELETE', `/api/v1/clusters/${cluster.id}/tokens/${id}`);
    const off = await until(
      'Connected=False is pushed',
      () => pushes.find((push) => connectedOf(push)?.status === 'False'),
      10,
    );
    expect(connectedOf(off)?.reason).toBe('Disconnected');
    const before = await linkOf(product, cluster.id);
    expect(product.runtime.connections.get(before.connectionId)).toBeUndefined();
    await until(
      'it says that it is refused',
      async () =>
        (await kubectl(['-n', 'roadstead-system', 'logs', 'deployment/roadstead-agent', '--tail=20'])).includes(
          '"Unauthorized"',
        ),
      20,
    );
    expect(connectedOf(await getCluster(session, cluster.id))?.status).toBe('False');

    const answer = await session.call<Answered & { installToken: string }>(
      'POST',
      `/api/v1/clusters/${cluster.id}/tokens`,
      {},
    );
    await install(answer, adminKubeconfig(product, infrastructureName(cluster.id)));
    await until(
      'Connected=True is pushed',
      () => pushes.some((push) => push.version > off.version && connectedOf(push)?.status === 'True'),
      40,
    );
    expect((await linkOf(product, cluster.id)).link).toBeGreaterThan(before.link);
    const log = await kubectl(['-n', 'roadstead-system', 'logs', 'deployment/roadstead-agent', '--tail=-1']);
    expect(log).not.toContain(answer.installToken);
  });
});
