/** Functions run as Lambda runs them: environment, errors, timeouts, crashes, memory, pools, logs. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Duration } from 'aws-cdk-lib';
import { Code } from 'aws-cdk-lib/aws-lambda';
import { buildSync } from 'esbuild';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import type { LocalFunction } from '#local/lambda/functions.ts';
import { temporary } from './kit/app.ts';
import { type Running, run } from './kit/run.ts';
import { until } from './kit/until.ts';

const ACT = `
import { threadId } from 'node:worker_threads';
let count = 0;
class OwnError extends Error { name = 'OwnError'; }
export const handler = async (event, context) => {
  count += 1;
  const acts = {
    env: () => ({ ...process.env }),
    context: () => ({ ...context, left: context.getRemainingTimeInMillis() }),
    count: () => ({ count, threadId }),
    throw: () => { throw new OwnError('as asked'); },
    throwText: () => { throw 'text'; },
    undefined: () => undefined,
    exit: () => process.exit(3),
    sleep: () => new Promise((resolve) => setTimeout(() => resolve({ threadId }), event.ms)),
    memory: () => { const all = []; for (;;) all.push(new Array(1e5).fill(Math.random())); },
    log: () => { console.log('a line of', event.text); },
    large: () => 'a'.repeat(6 * 1024 * 1024),
  };
  return acts[event.act]();
};`;

const MINIFIED = `
interface Nothing {
  readonly at: 'all';
}
export const handler = (): Nothing => {
  throw new Error('from TypeScript');
};`;

/** The folder of a function with its source map. */
const minified = (): string => {
  const folder = temporary('minified');
  buildSync({
    stdin: { contents: MINIFIED, loader: 'ts', sourcefile: 'thrower.ts' },
    minify: true,
    sourcemap: true,
    format: 'esm',
    outfile: join(folder, 'index.mjs'),
  });
  return folder;
};

let runtime: Running;
let fn: LocalFunction;
beforeAll(async () => {
  runtime = await run(
    (shop) => {
      shop.fn('Act', ACT, { environment: { MINE: 'yes' }, timeout: Duration.seconds(30), memorySize: 128 });
      shop.fn('Hasty', ACT, { timeout: Duration.seconds(2) });
      shop.fn('Minified', '', { code: Code.fromAsset(minified()) });
      shop.fn('Broken', "import './not-there.mjs';\nexport const handler = () => 1;");
      shop.fn('Nameless', 'export const other = () => 1;');
    },
    {
      hooks: {
        invoke: {
          before: ({ payload }) => {
            if ((payload as { act?: string }).act === 'refused by a hook') throw new RangeError('failpoint');
          },
        },
      },
    },
  );
  fn = runtime.functions.get('Act');
});
afterAll(() => runtime?.stop());

const act = (name: string, more = {}) => fn.invoke({ act: name, ...more });

test('a function has its own environment, Lambda’s, and the keys of its role', async () => {
  const { payload } = await act('env');
  expect(payload).toMatchObject({
    MINE: 'yes',
    AWS_REGION: 'us-east-1',
    AWS_LAMBDA_FUNCTION_NAME: fn.name,
    AWS_ENDPOINT_URL: runtime.awsEndpoint,
    AWS_ACCESS_KEY_ID: expect.stringMatching(/^ASIA[A-Z2-7]{16}$/),
    AWS_SESSION_TOKEN: expect.any(String),
  });
});

test('a function has nothing of the runtime’s own environment', async () => {
  vi.stubEnv('ROADSTEAD_TEST_LEAK', 'leak');
  await fn.kill();
  expect((await act('env')).payload).not.toHaveProperty('ROADSTEAD_TEST_LEAK');
  vi.unstubAllEnvs();
});

test('the context knows request, ARN, memory and time left', async () => {
  const { payload } = await act('context');
  expect(payload).toMatchObject({ functionName: fn.name, memoryLimitInMB: '128', invokedFunctionArn: fn.arn });
  expect(payload.left).toBeGreaterThan(15_000);
  expect(payload.left).toBeLessThanOrEqual(30_000);
});

describe('errors', () => {
  test('carry type, message and trace', async () => {
    const { payload, functionError } = await act('throw');
    expect(functionError).toBe('Unhandled');
    expect(payload).toMatchObject({ errorType: 'OwnError', errorMessage: 'as asked' });
    expect(payload.trace[1]).toContain('index.mjs');
  });
  test('of a bundle with a source map name file and line of the source', async () => {
    const { payload } = await runtime.functions.get('Minified').invoke({});
    expect(payload.trace.slice(0, 2)).toEqual([
      'Error: from TypeScript',
      expect.stringMatching(/^ {4}at .*\bthrower\.ts:6:9\b/),
    ]);
  });
  test('that are no Error are told by their type', async () => {
    expect((await act('throwText')).payload).toMatchObject({ errorType: 'string', errorMessage: 'text' });
  });
  test('of an import name the module', async () => {
    const { payload } = await runtime.functions.get('Broken').invoke({});
    expect(payload.errorMessage).toContain('not-there.mjs');
  });
  test('of a handler that is not there name it', async () => {
    const { payload } = await runtime.functions.get('Nameless').invoke({});
    expect(payload).toMatchObject({
      errorType: 'Runtime.HandlerNotFound',
      errorMessage: 'index.handler is undefined or not exported',
    });
  });
  test('of a hook are the function’s', async () => {
    expect(await act('refused by a hook')).toMatchObject({
      functionError: 'Unhandled',
      payload: { errorType: 'RangeError' },
    });
  });
  test('undefined becomes null', async () => {
    expect(await act('undefined')).toEqual({ payload: null });
  });
  test('an answer over 6 MB is one', async () => {
    expect((await act('large')).payload.errorType).toBe('Function.ResponseSizeTooLarge');
  });
  test('an unknown function is named', () => {
    expect(() => runtime.functions.get('Nobody')).toThrow('Function not found: Nobody');
  });
});

test('a function that takes longer than its timeout is ended', async () => {
  const hasty = runtime.functions.get('Hasty');
  const began = Date.now();
  const { payload, functionError } = await hasty.invoke({ act: 'sleep', ms: 10_000 });
  expect([functionError, payload.errorType]).toEqual(['Unhandled', 'Sandbox.Timedout']);
  expect(payload.errorMessage).toMatch(/Task timed out after 2\.00 seconds$/);
  expect(Date.now() - began).toBeLessThan(3500);
  expect(hasty.workers).toBe(0);
  expect((await hasty.invoke({ act: 'count' })).payload.count).toBe(1);
});

test('a function that exits fails, and the next event finds a new one', async () => {
  expect((await act('exit')).payload.errorType).toBe('Runtime.ExitError');
  expect((await act('count')).payload.count).toBe(1);
});

test('a function that needs more memory than it has is ended', async () => {
  const { payload } = await act('memory');
  expect(payload.errorType).toMatch(/^(Runtime\.ExitError|Sandbox\.Timedout)$/);
});

test('a worker that is killed mid-flight fails its event', async () => {
  const answer = act('sleep', { ms: 1500 });
  await until(
    () => fn.workers,
    (workers) => workers > 0,
  );
  await new Promise((resolve) => setTimeout(resolve, 150));
  await fn.kill();
  expect((await answer).payload.errorType).toBe('Runtime.ExitError');
});

test('events run one at a time in a worker, in at most four workers', async () => {
  const answers = await Promise.all(Array.from({ length: 6 }, () => act('sleep', { ms: 150 })));
  expect(answers.every(({ functionError }) => functionError === undefined)).toBe(true);
  expect(fn.workers).toBe(4);
  expect(new Set(answers.map(({ payload }) => payload.threadId)).size).toBeLessThanOrEqual(4);
});

test('a worker is used again', async () => {
  const first = (await act('count')).payload;
  const second = (await act('count')).payload;
  expect(second).toEqual({ threadId: first.threadId, count: first.count + 1 });
});

test('what a function prints is in its log', async () => {
  await act('log', { text: 'poetry' });
  const file = join(runtime.stateDir, 'logs', `${fn.name}.log`);
  await until(
    () => readFileSync(file, 'utf8'),
    (text) => text.includes('a line of poetry'),
  );
});
