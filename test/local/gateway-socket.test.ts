/** The WebSocket API: connect, messages, route responses, limits, and posts to connections. */
import { setTimeout as delay } from 'node:timers/promises';
import {
  ApiGatewayManagementApiClient,
  DeleteConnectionCommand,
  GetConnectionCommand,
  PostToConnectionCommand,
} from '@aws-sdk/client-apigatewaymanagementapi';
import { ScanCommand } from '@aws-sdk/client-dynamodb';
import { CfnOutput } from 'aws-cdk-lib';
import { WebSocketApi, WebSocketStage } from 'aws-cdk-lib/aws-apigatewayv2';
import { WebSocketLambdaIntegration } from 'aws-cdk-lib/aws-apigatewayv2-integrations';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { type Running, run } from './kit/run.ts';
import { until } from './kit/until.ts';

/** Refuses as the query says, keeps events in the table, answers messages, posts when asked. */
const SOCKET = `
import { DynamoDBClient, PutItemCommand } from '#sdk/client-dynamodb';
import { ApiGatewayManagementApiClient, PostToConnectionCommand } from '#sdk/client-apigatewaymanagementapi';
const table = new DynamoDBClient({});
const gateway = new ApiGatewayManagementApiClient({ endpoint: process.env.CALLBACK_URL });
export const handler = async (event) => {
  const { routeKey, connectionId } = event.requestContext;
  if (routeKey === '$connect') {
    const query = event.queryStringParameters ?? {};
    if (query.status) return { statusCode: Number(query.status) };
    if (query.throw) throw new Error('no');
    if (query.slow) await new Promise((r) => setTimeout(r, Number(query.slow)));
  }
  if (routeKey.startsWith('$') && routeKey !== '$default') {
    const Item = { pk: { S: connectionId }, sk: { S: routeKey }, event: { S: JSON.stringify(event) } };
    await table.send(new PutItemCommand({ TableName: process.env.TABLE, Item }));
    return { statusCode: 200 };
  }
  const { type, text } = JSON.parse(event.body);
  if (type === 'fail') throw new Error('failed');
  if (type === 'post')
    return gateway.send(new PostToConnectionCommand({ ConnectionId: connectionId, Data: text })).then(() => ({ statusCode: 200 }), (error) => ({ statusCode: 200, body: error.name + ': ' + error.message }));
  return { statusCode: 200, body: JSON.stringify({ routeKey, connectionId, text }) };
};`;

let runtime: Running;
let callback: ApiGatewayManagementApiClient;
beforeAll(async () => {
  runtime = await run(
    ({ stack, fn, table }) => {
      const items = table();
      const handler = fn('Socket', SOCKET, { environment: { TABLE: items.tableName } });
      items.grantWriteData(handler);
      const integration = (id: string) => new WebSocketLambdaIntegration(id, handler);
      const api = new WebSocketApi(stack, 'Ws', {
        routeSelectionExpression: '$request.body.type',
        connectRouteOptions: { integration: integration('C') },
        disconnectRouteOptions: { integration: integration('D') },
        defaultRouteOptions: { integration: integration('M'), returnResponse: true },
      });
      api.addRoute('silent', { integration: integration('S') });
      const stage = new WebSocketStage(stack, 'Stage', { webSocketApi: api, stageName: 'ws', autoDeploy: true });
      handler.addEnvironment('CALLBACK_URL', stage.callbackUrl);
      handler.addEnvironment('SOCKET_URL', stage.url);
      new CfnOutput(stack, 'SocketUrl', { value: stage.url });
      new CfnOutput(stack, 'CallbackUrl', { value: stage.callbackUrl });
    },
    // Longer than any other test of this file takes on a busy machine.
    { socketIdleSeconds: 5, socketLifeSeconds: 10 },
  );
  callback = new ApiGatewayManagementApiClient({ ...runtime.client, endpoint: runtime.outputs.CallbackUrl! });
});
afterAll(() => runtime?.stop());

const opening = (query = '', headers = {}) => new WebSocket(`${runtime.socketUrl}${query}`, { headers });
const opened = async (query = '', headers = {}): Promise<WebSocket> => {
  const socket = opening(query, headers);
  await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
  return socket;
};
const message = (socket: WebSocket): Promise<string> =>
  new Promise((resolve) => socket.once('message', (data) => resolve(data.toString())));
const ask = async (socket: WebSocket, it: object): Promise<Record<string, string>> => {
  const answer = message(socket);
  socket.send(JSON.stringify(it));
  return JSON.parse(await answer);
};
const closed = (socket: WebSocket): Promise<number> => new Promise((resolve) => socket.once('close', resolve));
const record = async (id: string, route: string) =>
  JSON.parse(
    (await until(
      () => runtime.get(id, route),
      (item) => item !== undefined,
    ))!.event!.S!,
  );
const everything = async () =>
  (await runtime.dynamo.send(new ScanCommand({ TableName: runtime.table!.name, ConsistentRead: true }))).Items ?? [];
const refusal = (query: string): Promise<number> =>
  new Promise((resolve) => {
    opening(query)
      .once('unexpected-response', (_request, answer) => resolve(answer.statusCode!))
      .once('error', () => {});
  });

test('the template’s socket URL is the local one', () => {
  expect(runtime.outputs.SocketUrl).toBe(runtime.socketUrl);
});

test('$connect gets query and headers, and the socket opens on its 200', async () => {
  const socket = await opened('?ticket=t1&a=1&a=2', { 'X-Cluster-Token': 'secret' });
  const { connectionId } = await ask(socket, { type: 'hello' });
  expect(await record(connectionId!, '$connect')).toMatchObject({
    headers: { 'X-Cluster-Token': 'secret' },
    queryStringParameters: { ticket: 't1', a: '2' },
    multiValueQueryStringParameters: { a: ['1', '2'] },
    requestContext: { routeKey: '$connect', eventType: 'CONNECT', connectionId, stage: 'ws' },
  });
  socket.close();
});

test.each([[401], [403]])('a $connect that answers %s refuses the upgrade with it', async (status) => {
  expect(await refusal(`?status=${status}`)).toBe(status);
});

test('a $connect that throws refuses with 502', async () => {
  expect(await refusal('?throw=1')).toBe(502);
});

test('no other path is a socket', async () => {
  const socket = new WebSocket(runtime.socketUrl.replace('/ws', '/other'));
  expect(
    await new Promise((resolve) =>
      socket.once('unexpected-response', (_r, answer) => resolve(answer.statusCode)).once('error', () => {}),
    ),
  ).toBe(404);
});

describe('a message', () => {
  test('goes to the route it selects, else to $default, whose answer comes back', async () => {
    const socket = await opened();
    expect(await ask(socket, { type: 'hello', text: 'x' })).toMatchObject({ routeKey: '$default', text: 'x' });
    socket.send(JSON.stringify({ type: 'silent', text: 'a route without a route response says nothing' }));
    expect(await ask(socket, { type: 'hello', text: 'y' })).toMatchObject({ text: 'y' });
    socket.close();
  });
  test('whose function fails is answered by the gateway', async () => {
    const socket = await opened();
    expect(await ask(socket, { type: 'fail' })).toMatchObject({ message: 'Internal server error' });
    socket.close();
  });
  test('over 32 KB closes with 1009', async () => {
    const socket = await opened();
    const code = closed(socket);
    socket.send(JSON.stringify({ type: 'hello', text: 'a'.repeat(32 * 1024) }));
    expect(await code).toBe(1009);
  });
  test('just under 32 KB goes through', async () => {
    const socket = await opened();
    const text = 'a'.repeat(32 * 1024 - 40);
    expect((await ask(socket, { type: 'hello', text })).text).toHaveLength(text.length);
    socket.close();
  });
});

describe('the end of a connection', () => {
  test('is told to $disconnect with its code', async () => {
    const socket = await opened();
    const { connectionId } = await ask(socket, { type: 'hello' });
    socket.close(4001, 'bye');
    expect((await record(connectionId!, '$disconnect')).requestContext).toMatchObject({
      eventType: 'DISCONNECT',
      disconnectStatusCode: 4001,
      disconnectReason: 'bye',
    });
  });
  test('comes after the idle time with 1001', async () => {
    expect(await closed(await opened())).toBe(1001);
  });
  test('comes at the end of its life however busy it is', async () => {
    const socket = await opened();
    const began = Date.now();
    const chatter = setInterval(() => socket.send('{"type":"hello"}'), 200);
    expect(await closed(socket)).toBe(1001);
    clearInterval(chatter);
    expect(Date.now() - began).toBeGreaterThan(9000);
  });
  test('is told even when the client left while $connect ran', async () => {
    const socket = opening('?slow=200&left=1').once('error', () => {});
    await delay(50);
    socket.terminate();
    const left = await until(
      async () => (await everything()).find(({ event }) => event?.S?.includes('"left":"1"')),
      (item) => item !== undefined,
    );
    expect(await record(left!.pk!.S!, '$disconnect')).toMatchObject({ requestContext: { disconnectStatusCode: 1006 } });
  });
});

describe('@connections', () => {
  const connection = async () => {
    const socket = await opened();
    const { connectionId } = await ask(socket, { type: 'hello' });
    return { socket, ConnectionId: connectionId! };
  };
  test('posts to a connection', async () => {
    const { socket, ConnectionId } = await connection();
    const got = message(socket);
    await callback.send(new PostToConnectionCommand({ ConnectionId, Data: 'pushed' }));
    expect(await got).toBe('pushed');
    socket.close();
  });
  test('looks at one and ends it', async () => {
    const { socket, ConnectionId } = await connection();
    const { ConnectedAt, Identity } = await callback.send(new GetConnectionCommand({ ConnectionId }));
    expect([ConnectedAt, Identity?.SourceIp]).toEqual([expect.any(Date), '127.0.0.1']);
    const code = closed(socket);
    await callback.send(new DeleteConnectionCommand({ ConnectionId }));
    expect(await code).toBe(1000);
  });
  test('answers 410 for one that is gone or never was', async () => {
    const { socket, ConnectionId } = await connection();
    const code = closed(socket);
    socket.close();
    await code;
    await until(
      () => runtime.connections.get(ConnectionId),
      (it) => it === undefined,
    );
    for (const id of [ConnectionId, 'never='])
      await expect(callback.send(new PostToConnectionCommand({ ConnectionId: id, Data: 'x' }))).rejects.toMatchObject({
        name: 'GoneException',
        $metadata: { httpStatusCode: 410 },
      });
  });
  test('takes no more than 32 KB', async () => {
    const { socket, ConnectionId } = await connection();
    const Data = 'a'.repeat(32 * 1024 + 1);
    await expect(callback.send(new PostToConnectionCommand({ ConnectionId, Data }))).rejects.toMatchObject({
      name: 'PayloadTooLargeException',
    });
    socket.close();
  });
  test('is refused to a role without execute-api:ManageConnections', async () => {
    const { socket } = await connection();
    const answer = message(socket);
    socket.send(JSON.stringify({ type: 'post', text: 'x' }));
    expect(await answer).toMatch(
      /^AccessDeniedException: User: arn:aws:sts::.*assumed-role\/Test-SocketServiceRole.* is not authorized to perform: execute-api:ManageConnections on resource: .* because no identity-based policy allows/,
    );
    socket.close();
  });
});
