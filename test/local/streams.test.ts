/** Event source mappings: records as Lambda gives them, filters, failures, time to live, and nothing lost by a kill. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Duration } from 'aws-cdk-lib';
import type { ITable } from 'aws-cdk-lib/aws-dynamodb';
import { FilterCriteria, FilterRule, StartingPosition } from 'aws-cdk-lib/aws-lambda';
import { DynamoEventSource, S3OnFailureDestination } from 'aws-cdk-lib/aws-lambda-event-sources';
import { Bucket, type IBucket } from 'aws-cdk-lib/aws-s3';
import type { DynamoDBRecord } from 'aws-lambda';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import type { Invoked } from '#local/plugin.ts';
import type { Workshop } from './kit/app.ts';
import { type Running, run } from './kit/run.ts';
import { until } from './kit/until.ts';

type Script = (records: DynamoDBRecord[]) => Invoked['payload'] | undefined;

/** What each function got, and what it is to answer: played by the hooks, so that the test can see and steer. */
const got: Record<string, DynamoDBRecord[][]> = { All: [], Some: [], Strict: [] };
const scripts: Record<string, Script> = {};

const app = ({ stack, fn, table }: Workshop): void => {
  const items = table();
  const failures = new Bucket(stack, 'Failures');
  const source = (id: string, props: object) => {
    const handler = fn(id, 'export const handler = async (event) => event.answer ?? null;');
    handler.addEventSource(
      new DynamoEventSource(items as ITable, {
        startingPosition: StartingPosition.TRIM_HORIZON,
        batchSize: 10,
        ...props,
      }),
    );
  };
  source('All', {
    reportBatchItemFailures: true,
    bisectBatchOnError: true,
    retryAttempts: 2,
    onFailure: new S3OnFailureDestination(failures as IBucket),
  });
  source('Some', {
    filters: [
      FilterCriteria.filter({
        eventName: FilterRule.isEqual('REMOVE'),
        userIdentity: { principalId: FilterRule.isEqual('dynamodb.amazonaws.com') },
      }),
      FilterCriteria.filter({ dynamodb: { NewImage: { entity: { S: FilterRule.beginsWith('Clu') } } } }),
    ],
  });
  source('Strict', { retryAttempts: 1, maxRecordAge: Duration.seconds(60) });
};

let runtime: Running;
const begin = async (more = {}): Promise<void> => {
  runtime = await run(app, {
    ttlSeconds: 0.2,
    hooks: {
      invoke: {
        before({ function: { logicalId }, payload }) {
          const name = Object.keys(got).find((id) => logicalId.startsWith(id))!;
          const event = payload as { Records: DynamoDBRecord[]; answer?: unknown };
          got[name]!.push(event.Records);
          event.answer = scripts[name]?.(event.Records);
        },
      },
    },
    ...more,
  });
};
beforeAll(() => begin());
afterAll(() => runtime?.stop());
afterEach(() => {
  for (const name of Object.keys(scripts)) delete scripts[name];
});

let count = 0;
/** Writes items and answers their keys. */
async function write(number = 1, more = {}): Promise<string[]> {
  const keys = Array.from({ length: number }, () => `item-${++count}`);
  for (const pk of keys) await runtime.put({ pk: { S: pk }, sk: { S: 'it' }, ...more });
  return keys;
}
const keyOf = (record: DynamoDBRecord): string => record.dynamodb!.Keys!.pk!.S!;
const seen = (name: string): DynamoDBRecord[] => got[name]!.flat();
const arrived = (name: string, keys: string[]) =>
  until(
    () => keys.filter((key) => seen(name).some((record) => keyOf(record) === key)),
    (found) => found.length === keys.length,
  );
const batchesWith = (name: string, key: string) =>
  got[name]!.filter((batch) => batch.some((one) => keyOf(one) === key)).map((batch) => batch.map(keyOf));

test('a record has the shape that Lambda gives it', async () => {
  const began = Date.now() / 1000;
  const [key] = await write(1, { text: { S: 'x' } });
  await arrived('All', [key!]);
  const record = seen('All').find((one) => keyOf(one) === key)!;
  expect(record).toMatchObject({
    eventName: 'INSERT',
    eventSource: 'aws:dynamodb',
    eventVersion: '1.1',
    awsRegion: 'us-east-1',
    eventSourceARN: runtime.table!.streamArn,
    dynamodb: {
      Keys: { pk: { S: key }, sk: { S: 'it' } },
      NewImage: { text: { S: 'x' } },
      StreamViewType: 'NEW_AND_OLD_IMAGES',
      SequenceNumber: expect.stringMatching(/^\d+$/),
    },
  });
  expect(Math.abs(record.dynamodb!.ApproximateCreationDateTime! - began)).toBeLessThan(5);
  expect(record).not.toHaveProperty('userIdentity');
});

test('a record is at the function soon after the commit', async () => {
  await arrived('All', await write());
  const began = performance.now();
  const [key] = await write();
  await until(() => seen('All').some((one) => keyOf(one) === key), Boolean);
  // Loose, for a busy machine; the aim is 50 ms.
  expect(performance.now() - began).toBeLessThan(1500);
});

test('records arrive in the order of the commits, each once when nothing fails', async () => {
  const keys = await write(25);
  await arrived('All', keys);
  expect(
    seen('All')
      .map(keyOf)
      .filter((key) => keys.includes(key)),
  ).toEqual(keys);
  for (const batch of got.All!) expect(batch.length).toBeLessThanOrEqual(10);
});

test('a filtered mapping gets only what one of its filters takes', async () => {
  const [cluster] = await write(1, { entity: { S: 'Cluster' } });
  const [lease] = await write(1, { entity: { S: 'Lease' } });
  const [last] = await write(1, { entity: { S: 'ClusterName' } });
  await arrived('Some', [cluster!, last!]);
  expect(seen('Some').map(keyOf)).not.toContain(lease);
});

test('a delete by the time to live carries the service’s identity, another delete none', async () => {
  const past = { ttl: { N: String(Math.floor(Date.now() / 1000) - 10) } };
  const [expired] = await write(1, past);
  await until(
    () => seen('Some').find((one) => keyOf(one) === expired),
    (it) => it !== undefined,
  );
  expect(seen('Some').find((one) => keyOf(one) === expired)).toMatchObject({
    eventName: 'REMOVE',
    userIdentity: { type: 'Service', principalId: 'dynamodb.amazonaws.com' },
  });
  const future = { ttl: { N: String(Math.floor(Date.now() / 1000) + 1000) } };
  const [kept] = await write(1, future);
  await arrived('All', [kept!]);
  expect(await runtime.get(kept!)).toBeDefined();
});

test('what a partial failure names is tried again from there on, what came before is not', async () => {
  const keys = await (async () => {
    await runtime.switchMappings(false);
    return write(4);
  })();
  let failures = 1;
  scripts.All = (records) => {
    const bad = records.find((one) => keyOf(one) === keys[2]);
    if (!bad || failures-- <= 0) return undefined;
    return { batchItemFailures: [{ itemIdentifier: bad.dynamodb!.SequenceNumber }] };
  };
  await runtime.switchMappings(true);
  await arrived('All', keys);
  await until(
    () => batchesWith('All', keys[3]!).length,
    (tries) => tries >= 2,
  );
  expect(batchesWith('All', keys[0]!)).toEqual([keys]);
  // Bisected: each half on its own.
  expect(batchesWith('All', keys[2]!)).toEqual([keys, [keys[2]]]);
  expect(batchesWith('All', keys[3]!)).toEqual([keys, [keys[3]]]);
});

test('a record that never gets through is given up to S3, and the others get through', async () => {
  await runtime.switchMappings(false);
  const keys = await write(3);
  scripts.All = (records) => {
    const bad = records.find((one) => keyOf(one) === keys[1]);
    return bad && { batchItemFailures: [{ itemIdentifier: bad.dynamodb!.SequenceNumber }] };
  };
  await runtime.switchMappings(true);
  await arrived('All', keys);
  const folder = join(runtime.stateDir, 's3');
  const files = await until(
    () =>
      (existsSync(folder) ? readdirSync(folder, { recursive: true }) : [])
        .map(String)
        .filter((name) => name.includes('aws%2Flambda') && !/(\.json|~)$/.test(name)),
    (found) => found.length > 0,
  );
  const failure = JSON.parse(readFileSync(join(folder, files[0]!), 'utf8'));
  expect(failure).toMatchObject({
    requestContext: { condition: 'RetryAttemptsExhausted', approximateInvokeCount: 3 },
    DDBStreamBatchInfo: { batchSize: 1, streamArn: runtime.table!.streamArn },
  });
  expect(JSON.parse(failure.payload).Records.map(keyOf)).toEqual([keys[1]]);
});

test('a function that throws gets the whole batch again, as often as its mapping says, then the next', async () => {
  await runtime.switchMappings(false);
  const keys = await write(2);
  scripts.Strict = (records) => {
    if (records.some((one) => keyOf(one) === keys[0])) throw new Error('no');
  };
  await runtime.switchMappings(true);
  await until(
    () => batchesWith('Strict', keys[0]!).length,
    (tries) => tries >= 2,
  );
  expect(batchesWith('Strict', keys[0]!)).toEqual([keys, keys]);
  await arrived('Strict', await write());
  expect(batchesWith('Strict', keys[0]!)).toHaveLength(2);
});

test('after a restart a mapping goes on where it was', async () => {
  const before = await write(2);
  await arrived('All', before);
  await until(
    () => seen('Strict').map(keyOf),
    (all) => before.every((key) => all.includes(key)),
  );
  await runtime.switchMappings(false);
  const missed = await write(2);
  const { stateDir, cdkOut } = runtime;
  await runtime.stop();
  for (const name of Object.keys(got)) got[name] = [];
  await begin({ stateDir, cdkOut });
  await arrived('All', missed);
  expect(seen('All').map(keyOf)).toEqual(missed);
});
