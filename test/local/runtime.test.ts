/** The runtime as a whole: one at a time, clear refusals, and nothing lost by kill -9. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { DynamoDBClient, GetItemCommand, PutItemCommand } from '@aws-sdk/client-dynamodb';
import type { ITable } from 'aws-cdk-lib/aws-dynamodb';
import { StartingPosition } from 'aws-cdk-lib/aws-lambda';
import { DynamoEventSource } from 'aws-cdk-lib/aws-lambda-event-sources';
import { describe, expect, onTestFinished, test } from 'vitest';
import { javaMajor } from '#local/dynamodb/java.ts';
import { lockState } from '#local/lock.ts';
import { startRuntime } from '#local/runtime.ts';
import { synth, temporary, type Workshop } from './kit/app.ts';
import { run } from './kit/run.ts';
import { until } from './kit/until.ts';

/** Copies what is written under `from-…` to `to-…`. */
const COPY = `
import { DynamoDBClient, PutItemCommand } from '#sdk/client-dynamodb';
const client = new DynamoDBClient({});
export const handler = async ({ Records }) => {
  for (const { dynamodb } of Records) {
    const pk = dynamodb.Keys.pk.S;
    if (!pk.startsWith('from-')) continue;
    await client.send(new PutItemCommand({ TableName: process.env.TABLE, Item: { pk: { S: pk.replace('from', 'to') }, sk: { S: 'it' } } }));
  }
};`;
const copying = ({ fn, table }: Workshop): void => {
  const items = table();
  const copy = fn('Copy', COPY, { environment: { TABLE: items.tableName } });
  items.grantWriteData(copy);
  copy.addEventSource(
    new DynamoEventSource(items as ITable, { startingPosition: StartingPosition.TRIM_HORIZON, batchSize: 5 }),
  );
};
const nothing = ({ table }: Workshop): void => void table();

const isAlive = (pid: number): boolean => {
  try {
    return !readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') Z ');
  } catch {
    return false;
  }
};

test('state, addresses and keys survive a stop; fresh forgets all of it', async () => {
  const first = await run(nothing);
  await first.put({ pk: { S: 'kept' }, sk: { S: 'it' } });
  await first.stop();
  const { stateDir, cdkOut } = first;
  const second = await run(undefined, { stateDir, cdkOut });
  expect([second.url, second.awsEndpoint]).toEqual([first.url, first.awsEndpoint]);
  expect(await second.get('kept')).toBeDefined();
  const old = new DynamoDBClient({ ...second.client, credentials: first.operator });
  const Key = { pk: { S: 'kept' }, sk: { S: 'it' } };
  await expect(old.send(new GetItemCommand({ TableName: second.table!.name, Key }))).resolves.toBeDefined();
  await second.stop();
  const third = await run(undefined, { stateDir, cdkOut, fresh: true });
  expect(await third.get('kept')).toBeUndefined();
  await third.stop();
});

test('a clean stop leaves neither lock nor children', async () => {
  const runtime = await run(nothing);
  const child = JSON.parse(readFileSync(join(runtime.stateDir, 'children', 'dynamodb.json'), 'utf8'));
  expect(isAlive(child.pid)).toBe(true);
  await runtime.stop();
  await runtime.stop();
  expect(isAlive(child.pid)).toBe(false);
  expect(existsSync(join(runtime.stateDir, 'lock'))).toBe(false);
  expect(readdirSync(join(runtime.stateDir, 'children'))).toEqual([]);
});

test('after kill -9 the next start ends the orphan, and every record still reaches its function', async () => {
  const cdkOut = synth(copying);
  const stateDir = temporary('state');
  const child = spawn(process.execPath, [join(import.meta.dirname, 'kit/child-main.ts'), cdkOut, stateDir], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  // A runtime of its own must not outlive a test that failed.
  onTestFinished(() => void child.kill('SIGTERM'));
  let printed = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    printed += text;
  });
  await until(
    () => printed,
    (text) => text.includes('\n'),
    30_000,
  );
  const { awsEndpoint, operator } = JSON.parse(printed);
  const credentials = { ...operator, expiration: new Date(operator.expiration) };
  const client = new DynamoDBClient({ endpoint: awsEndpoint, region: 'us-east-1', credentials });
  const names = Array.from({ length: 40 }, (_, at) => `from-${at}`);
  const TableName = tableOf(cdkOut);
  for (const name of names)
    await client.send(new PutItemCommand({ TableName, Item: { pk: { S: name }, sk: { S: 'it' } } }));
  const orphan = JSON.parse(readFileSync(join(stateDir, 'children', 'dynamodb.json'), 'utf8')).pid;
  child.kill('SIGKILL');
  await once(child, 'exit');
  expect(isAlive(orphan)).toBe(true);

  const runtime = await run(undefined, { cdkOut, stateDir });
  expect(isAlive(orphan)).toBe(false);
  for (const name of names)
    await until(
      () => runtime.get(name.replace('from', 'to')),
      (item) => item !== undefined,
    );
  await runtime.stop();
});

/** The physical name of the only table. */
function tableOf(cdkOut: string): string {
  const { Resources } = JSON.parse(readFileSync(join(cdkOut, 'Test.template.json'), 'utf8'));
  const [id] = Object.entries<{ Type: string }>(Resources).find(
    ([, { Type }]) => Type === 'AWS::DynamoDB::GlobalTable',
  )!;
  return `Test-${id}`;
}

describe('a start is refused in words', () => {
  test('for a state that another runtime has', async () => {
    const stateDir = temporary('state');
    const unlock = lockState(stateDir);
    await expect(run(nothing, { stateDir })).rejects.toThrow(/is in use by another runtime \(process \d+\)/);
    unlock();
  });
  test('but not for the lock of a process that is gone', () => {
    const stateDir = temporary('state');
    writeFileSync(join(stateDir, 'lock'), '999999999 1\n');
    expect(() => lockState(stateDir)()).not.toThrow();
  });
  test('for a busy port', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    await expect(run(nothing, { port })).rejects.toThrow(`port ${port} of 127.0.0.1 is in use by another program`);
    server.close();
  });
  test('without Java', async () => {
    await expect(run(nothing, { java: 'no-such-java' })).rejects.toThrow(
      'DynamoDB Local needs Java 17 or newer: install a JRE',
    );
  });
  test('with a Java that is too old', async () => {
    const folder = temporary('java');
    const java = join(folder, 'java');
    writeFileSync(java, '#!/bin/sh\necho \'openjdk version "1.8.0_402"\' >&2\n');
    chmodSync(java, 0o755);
    await expect(run(nothing, { java })).rejects.toThrow('Java 8 is too old');
  });
  test('and can be tried again in the same process', async () => {
    const stateDir = temporary('state');
    await expect(run(nothing, { stateDir, java: 'no-such-java' })).rejects.toThrow('no Java found');
    await (await run(nothing, { stateDir })).stop();
  });
  test('without a synthesized app', async () => {
    mkdirSync(join(temporary('x'), 'y'));
    await expect(startRuntime({ cdkOut: temporary('empty'), stateDir: temporary('state'), port: 0 })).rejects.toThrow(
      'run `npm run synth` first',
    );
  });
  test('for a variable that names a host of AWS', async () => {
    const build = ({ fn }: Workshop) =>
      void fn('Far', 'export const handler = () => 1;', {
        environment: { QUEUE: 'https://sqs.us-east-1.amazonaws.com/q' },
      });
    await expect(run(build)).rejects.toThrow(
      /Far\w+: the environment variable QUEUE names a host of AWS that nothing here stands for/,
    );
  });
});

test.each([
  ['openjdk version "17.0.15" 2025-04-15', 17],
  ['java version "1.8.0_402"', 8],
  ['openjdk version "21" 2023-09-19', 21],
  ['nonsense', undefined],
])('the version of %s is %s', (printed, major) => {
  expect(javaMajor(printed)).toBe(major);
});
