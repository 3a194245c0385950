/** The APIs that functions call: what IAM lets them, and what KMS, S3, DynamoDB and rules do. */
import {
  BatchWriteItemCommand,
  DynamoDBClient,
  QueryCommand,
  ScanCommand,
  TransactWriteItemsCommand,
} from '@aws-sdk/client-dynamodb';
import { DecryptCommand, EncryptCommand, GenerateDataKeyCommand, KMSClient } from '@aws-sdk/client-kms';
import { GetObjectCommand, HeadObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { CfnOutput, Duration } from 'aws-cdk-lib';
import { Rule, RuleTargetInput, Schedule } from 'aws-cdk-lib/aws-events';
import { LambdaFunction } from 'aws-cdk-lib/aws-events-targets';
import { Effect, PolicyStatement } from 'aws-cdk-lib/aws-iam';
import { Alias, Key } from 'aws-cdk-lib/aws-kms';
import { Bucket } from 'aws-cdk-lib/aws-s3';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Running, run } from './kit/run.ts';
import { callSqs } from './kit/unanswered.ts';
import { until } from './kit/until.ts';

let runtime: Running;
const ticks: unknown[] = [];
beforeAll(async () => {
  runtime = await run(
    ({ stack, fn, table }) => {
      const items = table();
      const key = new Key(stack, 'Key');
      new Alias(stack, 'Alias', { aliasName: 'alias/roadstead', targetKey: key });
      const bucket = new Bucket(stack, 'Bucket', { enforceSSL: true });
      const noop = 'export const handler = () => null;';
      const writer = fn('Writer', noop);
      items.grant(writer, 'dynamodb:PutItem', 'dynamodb:UpdateItem');
      const reader = fn('Reader', noop);
      reader.addToRolePolicy(new PolicyStatement({ actions: ['dynamodb:Query'], resources: [items.tableArn] }));
      const sealer = fn('Sealer', noop);
      key.grant(sealer, 'kms:GenerateDataKey');
      sealer.addToRolePolicy(
        new PolicyStatement({
          effect: Effect.ALLOW,
          actions: ['kms:Decrypt'],
          resources: [key.keyArn],
          conditions: { StringEquals: { 'kms:EncryptionContext:team': 'red' } },
        }),
      );
      bucket.grantPut(fn('Putter', noop));
      new Rule(stack, 'Tick', {
        schedule: Schedule.rate(Duration.minutes(1)),
        targets: [new LambdaFunction(fn('Ticker', noop))],
      });
      new Rule(stack, 'GivenRule', {
        schedule: Schedule.rate(Duration.minutes(1)),
        targets: [new LambdaFunction(fn('Given', noop), { event: RuleTargetInput.fromObject({ given: 1 }) })],
      });
      for (const [name, value] of Object.entries({ Key: key.keyId, KeyArn: key.keyArn, Bucket: bucket.bucketName }))
        new CfnOutput(stack, `${name}Out`, { value });
    },
    {
      sweepSeconds: 0.3,
      hooks: {
        invoke: { before: ({ function: { logicalId }, payload }) => void ticks.push([logicalId, payload]) },
        call: {
          before({ operation, input }) {
            if (operation === 'Scan' && input.Limit === 7) throw Object.assign(new Error('hook'), { name: 'Error' });
          },
        },
      },
    },
  );
});
afterAll(() => runtime?.stop());

/** Client settings with the keys of a function. */
const as = (name: string) => {
  const { roleArn, name: session } = runtime.functions.get(name);
  return { ...runtime.client, credentials: runtime.iam.issue(roleArn, session, 60) };
};
const table = () => runtime.table!.name;
const denied = (action: string) => ({
  name: expect.stringMatching(/^AccessDenied/),
  message: expect.stringContaining(`is not authorized to perform: ${action} on resource: arn:aws:`),
});
const item = (pk: string) => ({ pk: { S: pk }, sk: { S: 'it' } });

describe('DynamoDB', () => {
  test('a transaction needs the right of each of its parts', async () => {
    const writer = new DynamoDBClient(as('Writer'));
    const Put = { TableName: table(), Item: item('a') };
    const ConditionCheck = { TableName: table(), Key: item('b'), ConditionExpression: 'attribute_not_exists(pk)' };
    await expect(writer.send(new TransactWriteItemsCommand({ TransactItems: [{ Put }] }))).resolves.toBeDefined();
    await expect(
      writer.send(new TransactWriteItemsCommand({ TransactItems: [{ Put }, { ConditionCheck }] })),
    ).rejects.toMatchObject(denied('dynamodb:ConditionCheckItem'));
    await expect(
      writer.send(
        new TransactWriteItemsCommand({ TransactItems: [{ Delete: { TableName: table(), Key: item('a') } }] }),
      ),
    ).rejects.toMatchObject(denied('dynamodb:DeleteItem'));
    expect(await runtime.get('a')).toBeDefined();
  });
  test('a query of an index needs the right on the index', async () => {
    const reader = new DynamoDBClient(as('Reader'));
    const query = { KeyConditionExpression: 'pk = :pk', ExpressionAttributeValues: { ':pk': { S: 'a' } } };
    await expect(reader.send(new QueryCommand({ TableName: table(), ...query }))).resolves.toMatchObject({ Count: 1 });
    await expect(
      reader.send(
        new QueryCommand({ TableName: table(), IndexName: 'gsi1', ...query, KeyConditionExpression: 'gsi1pk = :pk' }),
      ),
    ).rejects.toMatchObject(denied('dynamodb:Query'));
  });
  test('a batch needs its own right', async () => {
    const command = new BatchWriteItemCommand({ RequestItems: { [table()]: [{ PutRequest: { Item: item('c') } }] } });
    await expect(new DynamoDBClient(as('Writer')).send(command)).rejects.toMatchObject(
      denied('dynamodb:BatchWriteItem'),
    );
  });
  test('a table may be named by its ARN', async () => {
    const command = new ScanCommand({ TableName: runtime.table!.arn });
    expect((await runtime.dynamo.send(command)).Count).toBeGreaterThan(0);
  });
  test('a failed condition comes with its reasons', async () => {
    const Put = {
      TableName: table(),
      Item: item('a'),
      ConditionExpression: 'attribute_not_exists(pk)',
      ReturnValuesOnConditionCheckFailure: 'ALL_OLD' as const,
    };
    await expect(
      runtime.dynamo.send(new TransactWriteItemsCommand({ TransactItems: [{ Put }] })),
    ).rejects.toMatchObject({
      name: 'TransactionCanceledException',
      CancellationReasons: [{ Code: 'ConditionalCheckFailed', Item: item('a') }],
    });
  });
  test('an error in a hook is the answer', async () => {
    await expect(runtime.dynamo.send(new ScanCommand({ TableName: table(), Limit: 7 }))).rejects.toMatchObject({
      name: 'InternalFailure',
    });
  });
});

describe('KMS', () => {
  const context = { team: 'red', version: '1' };
  test('a data key opens with its context only', async () => {
    const sealer = new KMSClient(as('Sealer'));
    const made = await sealer.send(
      new GenerateDataKeyCommand({ KeyId: runtime.outputs.KeyOut, KeySpec: 'AES_256', EncryptionContext: context }),
    );
    expect(made.Plaintext).toHaveLength(32);
    expect(made.KeyId).toBe(runtime.outputs.KeyArnOut);
    const open = (EncryptionContext: Record<string, string>) =>
      sealer.send(new DecryptCommand({ CiphertextBlob: made.CiphertextBlob, EncryptionContext }));
    expect((await open({ version: '1', team: 'red' })).Plaintext).toEqual(made.Plaintext);
    await expect(open({ team: 'red', version: '2' })).rejects.toMatchObject({ name: 'InvalidCiphertextException' });
    await expect(open({ team: 'blue', version: '1' })).rejects.toMatchObject(denied('kms:Decrypt'));
  });
  test('a key is found by its alias, and a changed ciphertext is refused', async () => {
    const kms = new KMSClient(runtime.client);
    const { CiphertextBlob } = await kms.send(
      new EncryptCommand({ KeyId: 'alias/roadstead', Plaintext: Buffer.from('text') }),
    );
    expect(Buffer.from((await kms.send(new DecryptCommand({ CiphertextBlob }))).Plaintext!).toString()).toBe('text');
    CiphertextBlob![CiphertextBlob!.length - 1]! ^= 1;
    await expect(kms.send(new DecryptCommand({ CiphertextBlob }))).rejects.toMatchObject({
      name: 'InvalidCiphertextException',
    });
  });
  test('an unknown key is not found', async () => {
    const command = new EncryptCommand({ KeyId: 'alias/other', Plaintext: Buffer.from('x') });
    await expect(new KMSClient(runtime.client).send(command)).rejects.toMatchObject({ name: 'NotFoundException' });
  });
});

describe('S3', () => {
  const object = () => ({ Bucket: runtime.outputs.BucketOut!, Key: 'a folder/ü ../x.json' });
  test('an object put is got again, with its type and metadata', async () => {
    const s3 = new S3Client(runtime.client);
    await s3.send(
      new PutObjectCommand({
        ...object(),
        Body: '{"a":1}',
        ContentType: 'application/json',
        Metadata: { kind: 'test' },
      }),
    );
    const got = await s3.send(new GetObjectCommand(object()));
    expect([await got.Body!.transformToString(), got.ContentType, got.Metadata]).toEqual([
      '{"a":1}',
      'application/json',
      { kind: 'test' },
    ]);
    expect((await s3.send(new HeadObjectCommand(object()))).ContentLength).toBe(7);
  });
  test('what is not there is not found, what is not allowed is denied', async () => {
    const s3 = new S3Client(runtime.client);
    await expect(s3.send(new GetObjectCommand({ ...object(), Key: 'none' }))).rejects.toMatchObject({
      name: 'NoSuchKey',
    });
    await expect(s3.send(new GetObjectCommand({ Bucket: 'other', Key: 'x' }))).rejects.toMatchObject({
      name: 'NoSuchBucket',
    });
    const putter = new S3Client(as('Putter'));
    await expect(putter.send(new PutObjectCommand({ ...object(), Body: 'x' }))).resolves.toBeDefined();
    await expect(putter.send(new GetObjectCommand(object()))).rejects.toMatchObject({
      name: 'AccessDenied',
      message: expect.stringContaining('s3:GetObject'),
    });
  });
});

describe('rules', () => {
  const of = (name: string) =>
    ticks.filter((one) => (one as [string])[0].startsWith(name)).map((one) => (one as [string, unknown])[1]);
  test('invoke their target again and again with a scheduled event', async () => {
    await until(
      () => of('Ticker').length,
      (times) => times >= 2,
    );
    expect(of('Ticker')[0]).toMatchObject({
      source: 'aws.events',
      'detail-type': 'Scheduled Event',
      resources: [expect.stringMatching(/:rule\/Test-Tick/)],
    });
  });
  test('hand on the input that the template gives', async () => {
    await until(
      () => of('Given'),
      (found) => found.length > 0,
    );
    expect(of('Given')[0]).toEqual({ given: 1 });
  });
});

describe('the endpoint', () => {
  test('names the services it answers for another one', async () => {
    const reply = await callSqs(as('Writer'));
    expect([reply.status, ((await reply.json()) as { message: string }).message]).toEqual([
      403,
      expect.stringContaining('the service sqs is not answered here; answered are dynamodb, kms, s3'),
    ]);
  });
  test('refuses a call without a signature', async () => {
    const reply = await fetch(runtime.awsEndpoint, {
      method: 'POST',
      headers: { 'x-amz-target': 'DynamoDB_20120810.Scan' },
      body: '{}',
    });
    expect([reply.status, ((await reply.json()) as { __type: string }).__type]).toEqual([
      403,
      'MissingAuthenticationTokenException',
    ]);
  });
  test('refuses an operation it does not answer, naming those it does', async () => {
    const { ListTablesCommand } = await import('@aws-sdk/client-dynamodb');
    await expect(runtime.dynamo.send(new ListTablesCommand({}))).rejects.toMatchObject({
      name: 'UnknownOperationException',
      message: expect.stringContaining('GetItem'),
    });
  });
  test('counts calls by who made them', async () => {
    runtime.calls.reset();
    await runtime.get('a');
    await new DynamoDBClient(as('Reader')).send(new ScanCommand({ TableName: table() })).catch(() => {});
    expect(runtime.calls.byOperation((caller) => caller === 'operator')).toEqual({ 'dynamodb:GetItem': 1 });
    expect(runtime.calls.byOperation()).toEqual({ 'dynamodb:GetItem': 1, 'dynamodb:Scan': 1 });
  });
});
