/** Executions over the API: names, stops, tokens, history, restarts. */
import {
  DescribeStateMachineCommand,
  GetExecutionHistoryCommand,
  ListExecutionsCommand,
  SendTaskFailureCommand,
  SendTaskHeartbeatCommand,
  SendTaskSuccessCommand,
  StartExecutionCommand,
  StopExecutionCommand,
} from '@aws-sdk/client-sfn';
import { describe, expect, test } from 'vitest';
import { FUNCTION, workbench } from './workbench.ts';

const wait = { W: { Type: 'Wait', Seconds: 60, End: true } };
const awaitToken = (rest: object = {}) => ({
  A: {
    Type: 'Task',
    Resource: 'arn:aws:states:::lambda:invoke.waitForTaskToken',
    Parameters: { FunctionName: `${FUNCTION}store`, Payload: { 'token.$': '$$.Task.Token' } },
    End: true,
    ...rest,
  },
});
/** A bench whose `store` function keeps the token it is given. */
async function tokenBench(rest: object = {}, stateDir?: string) {
  const tokens: string[] = [];
  const store = (payload: unknown) => {
    tokens.push((payload as { token: string }).token);
    return 'stored';
  };
  const bench = await workbench({ states: awaitToken(rest), functions: { store }, ...(stateDir && { stateDir }) });
  return Object.assign(bench, {
    tokens,
    token: async (nth = 1) =>
      (
        await bench.until(
          () => tokens,
          (it) => it.length >= nth,
        )
      )[nth - 1]!,
  });
}

describe('names', () => {
  test('the same name and input while open is the same execution', async () => {
    await using bench = await workbench({ states: wait });

    expect(await bench.start({ operationId: 'a' }, 'opn_a')).toBe(await bench.start({ operationId: 'a' }, 'opn_a'));
  });

  test('the same name with another input is ExecutionAlreadyExists', async () => {
    await using bench = await workbench({ states: wait });
    await bench.start({ operationId: 'a' }, 'opn_a');

    await expect(bench.start({ operationId: 'b' }, 'opn_a')).rejects.toMatchObject({ name: 'ExecutionAlreadyExists' });
  });

  test('the name of a closed execution stays taken, also after a restart', async () => {
    const first = await workbench({ states: { A: { Type: 'Succeed' } } });
    await first.ended(await first.start({}, 'opn_a'));
    await expect(first.start({}, 'opn_a')).rejects.toMatchObject({ name: 'ExecutionAlreadyExists' });
    await first[Symbol.asyncDispose]();
    await using again = await workbench({ states: { A: { Type: 'Succeed' } }, stateDir: first.dir });

    await expect(again.start({}, 'opn_a')).rejects.toMatchObject({ name: 'ExecutionAlreadyExists' });
  });

  test.each([
    ['a name with a space', { name: 'a b' }, 'InvalidName'],
    ['an input that is no JSON', { input: '{' }, 'InvalidExecutionInput'],
    [
      'an unknown state machine',
      { stateMachineArn: 'arn:aws:states:us-east-1:000000000000:stateMachine:none' },
      'StateMachineDoesNotExist',
    ],
  ])('%s is refused', async (_, change, name) => {
    await using bench = await workbench({ states: wait });
    const start = bench.client.send(
      new StartExecutionCommand({ stateMachineArn: bench.stateMachineArn, name: 'x', ...change }),
    );

    await expect(start).rejects.toMatchObject({ name });
  });
});

describe('stopping', () => {
  test('a stopped execution is ABORTED at once, with error and cause, and runs no further state', async () => {
    await using bench = await workbench({ states: wait });
    const executionArn = await bench.start();

    await bench.client.send(new StopExecutionCommand({ executionArn, error: 'superseded', cause: 'deleted' }));

    expect(await bench.describe(executionArn)).toMatchObject({
      status: 'ABORTED',
      error: 'superseded',
      cause: 'deleted',
      stopDate: expect.any(Date),
    });
  });

  test('a stopped execution ignores the answer of the function that was running', async () => {
    const { promise, resolve } = Promise.withResolvers<string>();
    const task = { Type: 'Task', Resource: `${FUNCTION}f`, End: true };
    await using bench = await workbench({ states: { A: task }, functions: { f: () => promise } });
    const executionArn = await bench.start();
    await bench.until(
      () => bench.calls.length,
      (count) => count === 1,
    );
    await bench.client.send(new StopExecutionCommand({ executionArn }));
    resolve('late');

    expect(await bench.describe(executionArn)).toMatchObject({ status: 'ABORTED' });
  });

  test('an unknown execution is ExecutionDoesNotExist', async () => {
    await using bench = await workbench({ states: wait });

    await expect(bench.describe('arn:aws:states:us-east-1:000000000000:execution:Machine:none')).rejects.toMatchObject({
      name: 'ExecutionDoesNotExist',
    });
  });
});

describe('task tokens', () => {
  test('SendTaskSuccess gives the task its result', async () => {
    await using bench = await tokenBench();
    const arn = await bench.start();

    await bench.client.send(new SendTaskSuccessCommand({ taskToken: await bench.token(), output: '{"agent":"up"}' }));

    expect(await bench.ended(arn)).toMatchObject({ status: 'SUCCEEDED', output: '{"agent":"up"}' });
  });

  test('SendTaskFailure fails the task with the given error', async () => {
    await using bench = await tokenBench();
    const arn = await bench.start();

    await bench.client.send(
      new SendTaskFailureCommand({ taskToken: await bench.token(), error: 'AgentGone', cause: 'why' }),
    );

    expect(await bench.ended(arn)).toMatchObject({ status: 'FAILED', error: 'AgentGone', cause: 'why' });
  });

  test('a signal that comes before the function has returned is not lost', async () => {
    const early = Promise.withResolvers<void>();
    let token = '';
    const store = async (payload: unknown) => {
      token = (payload as { token: string }).token;
      await early.promise;
      return 1;
    };
    await using bench = await workbench({ states: awaitToken(), functions: { store } });
    const arn = await bench.start();
    await bench.until(() => token, Boolean);

    await bench.client.send(new SendTaskSuccessCommand({ taskToken: token, output: '1' }));
    early.resolve();

    expect((await bench.ended(arn)).status).toBe('SUCCEEDED');
  });

  test('a second signal is TaskTimedOut, an unknown token TaskDoesNotExist, any other text InvalidToken', async () => {
    await using bench = await tokenBench();
    const arn = await bench.start();
    const taskToken = await bench.token();
    const send = (token: string) => bench.client.send(new SendTaskSuccessCommand({ taskToken: token, output: '1' }));
    await send(taskToken);
    await bench.ended(arn);

    await expect(send(taskToken)).rejects.toMatchObject({ name: 'TaskTimedOut' });
    await expect(send(`${taskToken}x`)).rejects.toMatchObject({ name: 'TaskDoesNotExist' });
    await expect(send('nonsense')).rejects.toMatchObject({ name: 'InvalidToken' });
  });

  test('a token whose task ran out of time is TaskTimedOut', async () => {
    await using bench = await tokenBench({ TimeoutSeconds: 1 });
    const done = await bench.ended(await bench.start());

    expect(done).toMatchObject({ status: 'FAILED', error: 'States.Timeout' });
    const late = bench.client.send(new SendTaskSuccessCommand({ taskToken: await bench.token(), output: '1' }));
    await expect(late).rejects.toMatchObject({ name: 'TaskTimedOut' });
  });

  test('heartbeats keep a task alive, silence ends it as States.HeartbeatTimeout', async () => {
    await using bench = await tokenBench({ HeartbeatSeconds: 1 });
    const arn = await bench.start();
    const taskToken = await bench.token();
    for (let beat = 0; beat < 3; beat++) {
      await new Promise((resolve) => setTimeout(resolve, 500));
      await bench.client.send(new SendTaskHeartbeatCommand({ taskToken }));
    }

    expect((await bench.describe(arn)).status).toBe('RUNNING');
    expect(await bench.ended(arn)).toMatchObject({ status: 'FAILED', error: 'States.HeartbeatTimeout' });
  });
});

test('after a restart an open execution runs again from its start and its old token is unknown', async () => {
  const first = await tokenBench();
  const arn = await first.start({ operationId: 'opn_1' }, 'opn_1');
  const old = await first.token();
  await first[Symbol.asyncDispose]();
  await using again = await tokenBench({}, first.dir);
  const fresh = await again.token();

  await expect(again.client.send(new SendTaskSuccessCommand({ taskToken: old, output: '1' }))).rejects.toMatchObject({
    name: 'TaskDoesNotExist',
  });
  await again.client.send(new SendTaskSuccessCommand({ taskToken: fresh, output: '2' }));
  expect(await again.ended(arn)).toMatchObject({
    name: 'opn_1',
    status: 'SUCCEEDED',
    output: '2',
    input: '{"operationId":"opn_1"}',
  });
});

test('the history names the states entered and left, with times', async () => {
  await using bench = await workbench({ states: { A: { Type: 'Pass', Next: 'B' }, B: { Type: 'Succeed' } } });
  const { executionArn } = await bench.run();

  const { events } = await bench.client.send(new GetExecutionHistoryCommand({ executionArn: executionArn! }));

  expect(events!.map((it) => [it.type, it.stateEnteredEventDetails?.name ?? it.stateExitedEventDetails?.name])).toEqual(
    [
      ['ExecutionStarted', undefined],
      ['PassStateEntered', 'A'],
      ['PassStateExited', 'A'],
      ['SucceedStateEntered', 'B'],
      ['SucceedStateExited', 'B'],
      ['ExecutionSucceeded', undefined],
    ],
  );
  expect(Date.now() - events![0]!.timestamp!.getTime()).toBeLessThan(60_000);
});

test('executions are listed newest first, by status, in pages', async () => {
  await using bench = await workbench({ states: wait });
  const arns = [await bench.start(), await bench.start(), await bench.start()];
  await bench.client.send(new StopExecutionCommand({ executionArn: arns[0]! }));
  const list = (ask: object) =>
    bench.client.send(new ListExecutionsCommand({ stateMachineArn: bench.stateMachineArn, ...ask }));

  expect((await list({ statusFilter: 'RUNNING' })).executions!.map((it) => it.executionArn)).toEqual([
    arns[2],
    arns[1],
  ]);
  const page = await list({ maxResults: 2 });
  expect((await list({ nextToken: page.nextToken })).executions!.map((it) => it.executionArn)).toEqual([arns[0]]);
});

test('each call asks IAM for its action on the state machine or the execution', async () => {
  await using bench = await tokenBench();
  const executionArn = await bench.start();
  await bench.client.send(new DescribeStateMachineCommand({ stateMachineArn: bench.stateMachineArn }));
  await bench.client.send(new StopExecutionCommand({ executionArn }));
  const token = await bench.token();
  await bench.client.send(new SendTaskSuccessCommand({ taskToken: token, output: '1' })).catch(() => {});

  expect(bench.asked).toEqual([
    { action: 'states:StartExecution', resource: bench.stateMachineArn },
    { action: 'states:DescribeStateMachine', resource: bench.stateMachineArn },
    { action: 'states:StopExecution', resource: executionArn },
    { action: 'states:SendTaskSuccess', resource: bench.stateMachineArn },
  ]);
});
