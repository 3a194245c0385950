import { ExecutionAlreadyExists, ExecutionDoesNotExist } from '@aws-sdk/client-sfn';
import { describe, expect, it } from 'vitest';
import { workflows } from '#functions/lib/workflows.ts';

const MACHINE = 'arn:aws:states:eu-west-1:1:stateMachine:roadstead-cluster-create';
const EXECUTION = 'arn:aws:states:eu-west-1:1:execution:roadstead-cluster-create:opn_1';

const client = (answer: unknown) => {
  const sent: { name: string; input: unknown }[] = [];
  return {
    sent,
    send: async (command: object) => {
      sent.push({ name: command.constructor.name, input: (command as { input: unknown }).input });
      if (answer instanceof Error) throw answer;
      return answer;
    },
  };
};
const over = (fake: ReturnType<typeof client>) =>
  workflows(fake as never, {
    'cluster-create': MACHINE,
    'cluster-delete': MACHINE.replace('create', 'delete'),
    'workspace-start': MACHINE.replace('cluster-create', 'workspace-start'),
    'workspace-stop': MACHINE.replace('cluster-create', 'workspace-stop'),
    'workspace-delete': MACHINE.replace('cluster-create', 'workspace-delete'),
  });
const named = (name: string): Error => Object.assign(new Error('x'), { name });
const metadata = { $metadata: {}, message: 'x' };

describe('an execution', () => {
  it('has the operation’s id as name and nothing else as input', async () => {
    const fake = client({});
    await over(fake).start('cluster-create', 'opn_1');
    expect(fake.sent).toEqual([
      {
        name: 'StartExecutionCommand',
        input: { stateMachineArn: MACHINE, name: 'opn_1', input: '{"operationId":"opn_1"}' },
      },
    ]);
  });

  it('is not started twice: one that exists is fine, any other trouble is told', async () => {
    await expect(
      over(client(new ExecutionAlreadyExists(metadata))).start('cluster-create', 'opn_1'),
    ).resolves.toBeUndefined();
    await expect(over(client(named('ThrottlingException'))).start('cluster-create', 'opn_1')).rejects.toThrow();
  });

  it('is looked up by its name; null when there is none', async () => {
    const fake = client({ status: 'SUCCEEDED' });
    expect(await over(fake).describe('cluster-create', 'opn_1')).toEqual({ status: 'SUCCEEDED' });
    expect(fake.sent[0]?.input).toEqual({ executionArn: EXECUTION });
    expect(await over(client(new ExecutionDoesNotExist(metadata))).describe('cluster-create', 'opn_1')).toBeNull();
    await expect(over(client(named('ThrottlingException'))).describe('cluster-create', 'opn_1')).rejects.toThrow();
  });

  it('may be stopped when it never was', async () => {
    await expect(
      over(client(new ExecutionDoesNotExist(metadata))).stop('cluster-create', 'opn_1'),
    ).resolves.toBeUndefined();
    await expect(over(client(named('AccessDeniedException'))).stop('cluster-create', 'opn_1')).rejects.toThrow();
  });
});

describe('a task token', () => {
  it('is answered with JSON', async () => {
    const fake = client({});
    expect(await over(fake).succeed('token', { awaited: 'drained' })).toBe(true);
    expect(await over(fake).failToken('token', 'Permanent', 'x: y')).toBe(true);
    expect(fake.sent).toEqual([
      { name: 'SendTaskSuccessCommand', input: { taskToken: 'token', output: '{"awaited":"drained"}' } },
      { name: 'SendTaskFailureCommand', input: { taskToken: 'token', error: 'Permanent', cause: 'x: y' } },
    ]);
  });

  it.each(['TaskTimedOut', 'TaskDoesNotExist', 'InvalidToken'])(
    'that has ended (%s) is never tried again',
    async (name) => {
      expect(await over(client(named(name))).succeed('token', {})).toBe(false);
      expect(await over(client(named(name))).failToken('token', 'e', 'c')).toBe(false);
    },
  );

  it('keeps other trouble an error', async () => {
    await expect(over(client(named('ThrottlingException'))).succeed('token', {})).rejects.toThrow();
  });
});
