/** The HTTP API: events, replies, routes and errors as API Gateway has them. */
import { request as httpRequest } from 'node:http';
import { Duration } from 'aws-cdk-lib';
import { HttpApi, HttpMethod, HttpNoneAuthorizer } from 'aws-cdk-lib/aws-apigatewayv2';
import { HttpLambdaIntegration } from 'aws-cdk-lib/aws-apigatewayv2-integrations';
import { CfnPermission } from 'aws-cdk-lib/aws-lambda';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Running, run } from './kit/run.ts';

/** Answers with its event, or as the event's `x-answer` header says. */
const ECHO = `export const handler = async (event) => {
  if (event.headers['x-answer']) return JSON.parse(event.headers['x-answer']);
  if (event.headers['x-throw']) throw new TypeError('broken');
  if (event.headers['x-sleep']) await new Promise((r) => setTimeout(r, Number(event.headers['x-sleep'])));
  return { statusCode: 200, headers: { 'content-type': 'application/json' }, body: JSON.stringify(event) };
};`;

let runtime: Running;
beforeAll(async () => {
  runtime = await run(
    ({ stack, fn }) => {
      const api = new HttpApi(stack, 'Api', { defaultAuthorizer: new HttpNoneAuthorizer() });
      const echo = fn('Echo', ECHO, { timeout: Duration.seconds(30) });
      const shared = new HttpLambdaIntegration('Echo', echo, { scopePermissionToRoute: false });
      const add = (path: string, ...methods: HttpMethod[]) => api.addRoutes({ path, methods, integration: shared });
      add('/items/{id}', HttpMethod.GET, HttpMethod.POST);
      add('/items/special', HttpMethod.GET);
      add('/items/{id}/parts/{rest+}', HttpMethod.ANY);
      add('/{proxy+}', HttpMethod.PUT);
      // The permission of `$default` has a shape of its own; this function has it, `lonely` has none.
      api.addRoutes({
        path: '/lonely',
        methods: [HttpMethod.GET],
        integration: new HttpLambdaIntegration('Lonely', fn('Lonely', ECHO)),
      });
      for (const node of stack.node.findAll())
        if (node instanceof CfnPermission && node.node.path.includes('lonely'))
          node.node.scope!.node.tryRemoveChild(node.node.id);
    },
    // Others of this file are answered within it on a busy machine, too.
    { httpTimeoutSeconds: 4 },
  );
});
afterAll(() => runtime?.stop());

const call = (path: string, init: RequestInit = {}) => fetch(`${runtime.url}${path}`, init);
const event = async (path: string, init: RequestInit = {}) =>
  (await call(path, init)).json() as Promise<Record<string, never>>;
const answering = async (answer: unknown, path = '/items/1') =>
  call(path, { headers: { 'x-answer': JSON.stringify(answer) } });

test('an event has the shape of payload format 2.0', async () => {
  const got = await event('/items/a%20b?x=1&x=2&y=%26', {
    method: 'POST',
    body: '{"a":"ü"}',
    headers: { 'content-type': 'application/json', cookie: 'one=1; two=2', 'X-Custom': 'Value' },
  });
  expect(got).toMatchObject({
    version: '2.0',
    routeKey: 'POST /items/{id}',
    rawPath: '/items/a b',
    rawQueryString: 'x=1&x=2&y=%26',
    cookies: ['one=1', 'two=2'],
    headers: { 'x-custom': 'Value', 'content-type': 'application/json', 'x-forwarded-proto': 'http' },
    queryStringParameters: { x: '1,2', y: '&' },
    pathParameters: { id: 'a b' },
    requestContext: { http: { method: 'POST', path: '/items/a b' }, routeKey: 'POST /items/{id}', stage: '$default' },
    body: '{"a":"ü"}',
    isBase64Encoded: false,
  });
  expect(got.headers).not.toHaveProperty('cookie');
});

test('a request without body, query and parameters has none of them', async () => {
  const got = await event('/items/special');
  for (const name of ['body', 'queryStringParameters', 'pathParameters', 'cookies'])
    expect(got).not.toHaveProperty(name);
});

test.each([
  ['text/plain; charset=utf-8', false],
  ['application/json', false],
  ['application/x-www-form-urlencoded', true],
  ['application/octet-stream', true],
  ['application/problem+json', true],
])('a body of type %s comes as base64: %s', async (type, isBase64Encoded) => {
  const got = await event('/items/1', { method: 'POST', body: 'a=b', headers: { 'content-type': type } });
  expect(got).toMatchObject({ isBase64Encoded, body: isBase64Encoded ? 'YT1i' : 'a=b' });
});

test.each([
  ['GET', '/items/special', 'GET /items/special', undefined],
  ['GET', '/items/7', 'GET /items/{id}', { id: '7' }],
  ['DELETE', '/items/7/parts/a/b', 'ANY /items/{id}/parts/{rest+}', { id: '7', rest: 'a/b' }],
  ['PUT', '/items/7', 'PUT /{proxy+}', { proxy: 'items/7' }],
])('%s %s goes to %s', async (method, path, routeKey, pathParameters) => {
  const got = await event(path, { method });
  expect([got.routeKey, got.pathParameters]).toEqual([routeKey, pathParameters]);
});

describe('replies', () => {
  test('carry status, headers and cookies', async () => {
    const reply = await answering({ statusCode: 201, headers: { 'X-One': 1 }, cookies: ['a=1', 'b=2'], body: 'made' });
    expect([reply.status, reply.headers.get('x-one'), await reply.text()]).toEqual([201, '1', 'made']);
    expect(reply.headers.getSetCookie()).toEqual(['a=1', 'b=2']);
    expect(reply.headers.get('content-type')).toBe('text/plain; charset=utf-8');
  });
  test('base64 bodies arrive as bytes', async () => {
    const reply = await answering({ statusCode: 200, body: 'AAH/', isBase64Encoded: true });
    expect([...new Uint8Array(await reply.arrayBuffer())]).toEqual([0, 1, 255]);
  });
  test('a value without statusCode is the JSON body of a 200', async () => {
    const reply = await answering({ hello: 'you' });
    expect([reply.status, reply.headers.get('content-type'), await reply.json()]).toEqual([
      200,
      'application/json',
      { hello: 'you' },
    ]);
  });
  test('204 has no body', async () => {
    const reply = await answering({ statusCode: 204 });
    expect([reply.status, await reply.text()]).toEqual([204, '']);
  });
});

describe('the gateway itself answers', () => {
  const message = async (reply: Response) => [reply.status, await reply.json()];
  test('404 where no route fits', async () => {
    expect(await message(await call('/nowhere'))).toEqual([404, { message: 'Not Found' }]);
    expect(await message(await call('/items/1', { method: 'DELETE' }))).toEqual([404, { message: 'Not Found' }]);
  });
  test('500 for a function that throws or answers nonsense', async () => {
    const wanted = [500, { message: 'Internal Server Error' }];
    expect(await message(await call('/items/1', { headers: { 'x-throw': '1' } }))).toEqual(wanted);
    expect(await message(await answering({ statusCode: 'many' }))).toEqual(wanted);
  });
  test('500 where no Lambda::Permission lets it in, and says why in the log', async () => {
    expect(await message(await call('/lonely'))).toEqual([500, { message: 'Internal Server Error' }]);
    expect(runtime.lines.join('\n')).toContain('apigateway.amazonaws.com may not invoke Test-Lonely');
  });
  test('503 when the function takes too long', async () => {
    expect(await message(await call('/items/1', { headers: { 'x-sleep': '20000' } }))).toEqual([
      503,
      { message: 'Service Unavailable' },
    ]);
  });
  test('413 for a body over 10 MB', async () => {
    const body = Buffer.alloc(10 * 1024 * 1024 + 1, 'a');
    expect(await message(await call('/items/1', { method: 'POST', body }))).toEqual([
      413,
      { message: 'Request Entity Too Large' },
    ]);
  });
  test('431 for headers over 10,240 bytes', async () => {
    expect((await call('/items/1', { headers: { 'x-long': 'a'.repeat(10_300) } })).status).toBe(431);
  });
  test('400 for a broken escape in the path', async () => {
    const status = await new Promise((resolve, reject) => {
      httpRequest(`${runtime.url}/`, { path: '/items/%ZZ' }, (answer) => resolve(answer.resume().statusCode))
        .on('error', reject)
        .end();
    });
    expect(status).toBe(400);
  });
});
