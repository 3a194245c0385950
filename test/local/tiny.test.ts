/** The shortest way through everything: HTTP API → function → table. */

import { CfnOutput } from 'aws-cdk-lib';
import { HttpApi, HttpMethod } from 'aws-cdk-lib/aws-apigatewayv2';
import { HttpLambdaIntegration } from 'aws-cdk-lib/aws-apigatewayv2-integrations';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Runtime, startRuntime } from '#local/runtime.ts';
import { synth, temporary } from './kit/app.ts';

const SOURCE = `
import { DynamoDBClient, GetItemCommand, PutItemCommand } from '#sdk/client-dynamodb';
const client = new DynamoDBClient({});
export const handler = async (event) => {
  const TableName = process.env.TABLE;
  const pk = { S: event.pathParameters.id };
  if (event.requestContext.http.method === 'PUT') {
    await client.send(new PutItemCommand({ TableName, Item: { pk, sk: { S: 'it' }, body: { S: event.body } } }));
    return { statusCode: 201 };
  }
  const { Item } = await client.send(new GetItemCommand({ TableName, Key: { pk, sk: { S: 'it' } } }));
  return { body: Item?.body.S ?? null };
};`;

let runtime: Runtime;
beforeAll(async () => {
  const cdkOut = synth(({ stack, fn, table }) => {
    const items = table();
    const handler = fn('Items', SOURCE, { environment: { TABLE: items.tableName } });
    items.grantReadWriteData(handler);
    const api = new HttpApi(stack, 'Api');
    const integration = new HttpLambdaIntegration('Items', handler, { scopePermissionToRoute: false });
    api.addRoutes({ path: '/items/{id}', methods: [HttpMethod.ANY], integration });
    new CfnOutput(stack, 'Url', { value: api.apiEndpoint });
  });
  runtime = await startRuntime({ cdkOut, stateDir: temporary('state'), port: 0, log: console.error });
});
afterAll(() => runtime?.stop());

test('a template is reached over HTTP and its function reads and writes its table', async () => {
  const item = `${runtime.url}/items/one`;
  expect((await fetch(item, { method: 'PUT', body: 'hello', headers: { 'content-type': 'text/plain' } })).status).toBe(
    201,
  );
  expect(await (await fetch(item)).json()).toEqual({ body: 'hello' });
});

test('the outputs name the local address', () => {
  expect(runtime.outputs.Url).toBe(runtime.url);
});

test('every call of an AWS API is counted by service and operation', () => {
  expect(runtime.calls.byOperation()).toEqual({ 'dynamodb:GetItem': 1, 'dynamodb:PutItem': 1 });
});
