/** The States Language as the local Step Functions runs it. */
import { describe, expect, test } from 'vitest';
import { retryDelay } from '#local/states/interpreter.ts';
import { FUNCTION, namedError, workbench } from './workbench.ts';

const call = (name: string, rest: object = { End: true }) => ({
  Type: 'Task',
  Resource: `${FUNCTION}${name}`,
  ...rest,
});

describe('data', () => {
  test('a task gets the input and its answer becomes the output', async () => {
    await using bench = await workbench({ states: { A: call('echo') }, functions: { echo: (it) => ({ got: it }) } });

    expect((await bench.run({ operationId: 'opn_1' })).output).toEqual({ got: { operationId: 'opn_1' } });
  });

  test('InputPath, Parameters, ResultSelector, ResultPath and OutputPath shape the data in that order', async () => {
    const task = call('size', {
      InputPath: '$.cluster',
      Parameters: {
        'name.$': '$.name',
        'execution.$': '$$.Execution.Name',
        'state.$': '$$.State.Name',
        fixed: [1, { 'n.$': '$.nodes[0]' }],
      },
      ResultSelector: { 'count.$': '$.n' },
      ResultPath: '$.seen.size',
      OutputPath: '$.seen',
      End: true,
    });
    await using bench = await workbench({ states: { A: task }, functions: { size: () => ({ n: 3, more: true }) } });

    const done = await bench.run({ cluster: { name: 'blue', nodes: ['n1'] } });

    expect(bench.calls[0]!.payload).toEqual({ name: 'blue', execution: 'run-1', state: 'A', fixed: [1, { n: 'n1' }] });
    expect(done.output).toEqual({ size: { count: 3 } });
  });

  test('ResultPath null keeps the input', async () => {
    await using bench = await workbench({
      states: { A: call('x', { ResultPath: null, End: true }) },
      functions: { x: () => 'lost' },
    });

    expect((await bench.run({ keep: 1 })).output).toEqual({ keep: 1 });
  });

  test('lambda:invoke answers an envelope with the payload', async () => {
    const task = {
      Type: 'Task',
      Resource: 'arn:aws:states:::lambda:invoke',
      Parameters: { FunctionName: 'f', Payload: { 'id.$': '$.id' } },
      OutputPath: '$.Payload',
      End: true,
    };
    await using bench = await workbench({ states: { A: task }, functions: { f: (it) => it } });

    expect((await bench.run({ id: 7 })).output).toEqual({ id: 7 });
  });

  test('a path that finds nothing fails the execution past every Catch', async () => {
    const task = call('f', {
      Parameters: { 'a.$': '$.missing' },
      Catch: [{ ErrorEquals: ['States.ALL'], Next: 'B' }],
      Next: 'B',
    });
    await using bench = await workbench({ states: { A: task, B: { Type: 'Succeed' } } });

    expect(await bench.run({})).toMatchObject({
      status: 'FAILED',
      error: 'States.Runtime',
      cause: expect.stringContaining("'$.missing'"),
    });
  });
});

describe('choices and waits', () => {
  const choose = (choices: object[], rest: object = { Default: 'No' }) => ({
    Ask: { Type: 'Choice', Choices: choices, ...rest },
    Yes: { Type: 'Pass', Result: 'yes', End: true },
    No: { Type: 'Pass', Result: 'no', End: true },
  });
  test.each([
    [{ Variable: '$.s', StringEquals: 'ACTIVE' }, { s: 'ACTIVE' }, 'yes'],
    [{ Variable: '$.s', StringEquals: 'ACTIVE' }, { s: 7 }, 'no'],
    [{ Variable: '$.s', StringMatches: 'a*c' }, { s: 'abbc' }, 'yes'],
    [{ Variable: '$.s', StringMatches: 'a.c' }, { s: 'abc' }, 'no'],
    [{ Variable: '$.s', StringMatches: 'a\\*c' }, { s: 'abc' }, 'no'],
    [{ Variable: '$.n', NumericGreaterThanEquals: 3 }, { n: 3 }, 'yes'],
    [{ Variable: '$.n', NumericLessThanPath: '$.m' }, { n: 3, m: 3 }, 'no'],
    [{ Variable: '$.b', BooleanEquals: true }, { b: true }, 'yes'],
    [{ Variable: '$.t', TimestampLessThan: '2026-01-01T00:00:00Z' }, { t: '2026-01-01T00:30:00+01:00' }, 'yes'],
    [{ Variable: '$.x', IsPresent: false }, {}, 'yes'],
    [{ Not: { Variable: '$.x', IsNull: true } }, { x: null }, 'no'],
    [
      {
        And: [
          { Variable: '$.a', IsPresent: true },
          { Variable: '$.a', IsString: true },
        ],
      },
      { a: 'x' },
      'yes',
    ],
    [
      {
        Or: [
          { Variable: '$.a', IsNumeric: true },
          { Variable: '$.a', IsBoolean: true },
        ],
      },
      { a: 'x' },
      'no',
    ],
  ])('%j on %j goes to %s', async (rule, input, wanted) => {
    await using bench = await workbench({ states: choose([{ ...rule, Next: 'Yes' }]) });

    expect((await bench.run(input)).output).toBe(wanted);
  });

  test('without a rule that holds and without Default the execution fails', async () => {
    await using bench = await workbench({
      states: { ...choose([{ Variable: '$.n', NumericEquals: 1, Next: 'Yes' }], { Default: undefined }) },
    });

    expect(await bench.run({ n: 2 })).toMatchObject({ status: 'FAILED', error: 'States.NoChoiceMatched' });
  });

  test('a Wait takes its seconds from the input', async () => {
    await using bench = await workbench({ states: { W: { Type: 'Wait', SecondsPath: '$.s', End: true } } });

    const done = await bench.run({ s: 1 });

    const took = done.stopDate!.getTime() - done.startDate!.getTime();
    expect(took).toBeGreaterThanOrEqual(990);
    expect(took).toBeLessThan(2500);
  });

  test.each([
    ['SecondsPath', '$.s'],
    ['TimestampPath', '$.s'],
  ])('a Wait whose %s finds something else fails', async (field, path) => {
    await using bench = await workbench({ states: { W: { Type: 'Wait', [field]: path, End: true } } });

    expect(await bench.run({ s: 'soon' })).toMatchObject({ status: 'FAILED', error: 'States.Runtime' });
  });

  test('a Wait until a past time does not wait', async () => {
    await using bench = await workbench({
      states: { W: { Type: 'Wait', Timestamp: '2020-01-01T00:00:00Z', End: true } },
    });

    expect((await bench.run()).status).toBe('SUCCEEDED');
  });
});

describe('errors', () => {
  test('a matching Retry calls again, then the answer counts', async () => {
    const retry = [{ ErrorEquals: ['Retryable'], IntervalSeconds: 1, MaxAttempts: 2, BackoffRate: 1 }];
    const twice = (_: unknown, attempt: number) => {
      if (attempt < 2) throw namedError('Retryable');
      return attempt;
    };
    await using bench = await workbench({
      states: { A: call('f', { Retry: retry, End: true }) },
      functions: { f: twice },
    });

    expect((await bench.run()).output).toBe(2);
  });

  test('retries end and Catch takes over with error and cause', async () => {
    const task = call('f', {
      Retry: [{ ErrorEquals: ['Permanent'], MaxAttempts: 0 }],
      Catch: [
        { ErrorEquals: ['Other'], Next: 'Wrong' },
        { ErrorEquals: ['States.TaskFailed'], ResultPath: '$.error', Next: 'Record' },
      ],
      Next: 'Wrong',
    });
    await using bench = await workbench({
      states: { A: task, Record: { Type: 'Pass', End: true }, Wrong: { Type: 'Fail' } },
      functions: {
        f: () => {
          throw namedError('Permanent', 'no such zone');
        },
      },
    });

    const { output } = await bench.run({ operationId: 'opn_1' });

    expect(output).toEqual({ operationId: 'opn_1', error: { Error: 'Permanent', Cause: expect.any(String) } });
    expect(JSON.parse(output.error.Cause)).toEqual({ errorType: 'Permanent', errorMessage: 'no such zone' });
    expect(bench.calls).toHaveLength(1);
  });

  test('an error that nothing catches fails the execution with its name', async () => {
    await using bench = await workbench({
      states: { A: call('f') },
      functions: {
        f: () => {
          throw namedError('Boom');
        },
      },
    });

    expect(await bench.run()).toMatchObject({ status: 'FAILED', error: 'Boom' });
  });

  test('a Fail state names error and cause', async () => {
    await using bench = await workbench({ states: { A: { Type: 'Fail', Error: 'Gave.Up', CausePath: '$.why' } } });

    expect(await bench.run({ why: 'too late' })).toMatchObject({
      status: 'FAILED',
      error: 'Gave.Up',
      cause: 'too late',
    });
  });

  test('a task over its TimeoutSeconds is States.Timeout, which States.TaskFailed does not catch', async () => {
    const task = call('slow', {
      TimeoutSeconds: 1,
      Catch: [
        { ErrorEquals: ['States.TaskFailed'], Next: 'Wrong' },
        { ErrorEquals: ['States.Timeout'], Next: 'Right' },
      ],
      Next: 'Wrong',
    });
    await using bench = await workbench({
      states: { A: task, Right: { Type: 'Pass', Result: 'caught', End: true }, Wrong: { Type: 'Fail' } },
      functions: { slow: () => new Promise((resolve) => setTimeout(() => resolve(1), 2500).unref()) },
    });

    expect((await bench.run()).output).toBe('caught');
  });

  test('a machine over its TimeoutSeconds ends as TIMED_OUT past every Catch', async () => {
    await using bench = await workbench({ timeoutSeconds: 1, states: { W: { Type: 'Wait', Seconds: 30, End: true } } });

    expect((await bench.run()).status).toBe('TIMED_OUT');
  });

  test('the role of the machine must allow lambda:InvokeFunction on the function', async () => {
    await using bench = await workbench({
      states: { A: call('f') },
      functions: { f: () => 1 },
      allowed: (check) => check.action !== 'lambda:InvokeFunction',
    });

    expect(await bench.run()).toMatchObject({
      status: 'FAILED',
      error: 'Lambda.AWSLambdaException',
      cause: expect.stringContaining(`${FUNCTION}f`),
    });
    expect(bench.calls).toHaveLength(0);
  });

  test('retries back off by rate up to the maximum, with full jitter where asked', () => {
    const retrier = {
      ErrorEquals: ['X'],
      IntervalSeconds: 2,
      BackoffRate: 3,
      MaxAttempts: 9,
      MaxDelaySeconds: 20,
      JitterStrategy: 'NONE' as const,
    };

    expect([0, 1, 2, 3].map((tries) => retryDelay(retrier, tries))).toEqual([2000, 6000, 18_000, 20_000]);
    expect(retryDelay({ ...retrier, JitterStrategy: 'FULL' }, 1, () => 0.5)).toBe(3000);
  });
});
