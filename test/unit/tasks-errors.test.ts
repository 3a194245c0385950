import { describe, expect, it } from 'vitest';
import { AppError } from '#core/contract/errors.ts';
import type { OperationState } from '#core/domain/operation.ts';
import { Stale } from '#core/store/commit.ts';
import { Permanent, Retryable, superseded, toTaskError } from '#functions/lib/task-error.ts';
import { failureOf } from '#functions/tasks/lib/failure.ts';

const aws = (name: string, httpStatusCode: number): Error =>
  Object.assign(new Error('said'), { name, $metadata: { httpStatusCode } });
const network = (code: string): Error =>
  Object.assign(new TypeError('fetch failed'), { cause: Object.assign(new Error('x'), { code }) });

describe('what leaves a task', () => {
  it.each([
    [aws('ThrottlingException', 400), 'Retryable', 'provider.busy'],
    [aws('RequestLimitExceeded', 503), 'Retryable', 'provider.busy'],
    [aws('Whatever', 429), 'Retryable', 'provider.busy'],
    [aws('InternalError', 500), 'Retryable', 'provider.busy'],
    [aws('AccessDeniedException', 400), 'Permanent', 'provider.denied'],
    [aws('UnauthorizedOperation', 403), 'Permanent', 'provider.denied'],
    [aws('InvalidParameterException', 400), 'Permanent', 'provider.refused'],
    [network('ECONNREFUSED'), 'Retryable', 'provider.unreachable'],
    [Object.assign(new Error('x'), { code: 'ECONNRESET' }), 'Retryable', 'provider.unreachable'],
    [Object.assign(new Error('x'), { name: 'TimeoutError' }), 'Retryable', 'provider.unreachable'],
    [new AppError('retry', { detail: 'the table was busy' }), 'Retryable', 'retry'],
    [new Stale('Cluster clu_1'), 'Retryable', 'conflict'],
    [new AppError('operation.superseded'), 'Permanent', 'operation.superseded'],
    [new TypeError('x is not a function'), 'Retryable', 'task.failed'],
    ['a string', 'Retryable', 'task.failed'],
  ])('%s is %s with the code %s', (error, name, code) => {
    const thrown = toTaskError(error);
    expect(thrown.name).toBe(name);
    expect(thrown.message.startsWith(`${code}: `)).toBe(true);
  });

  it('is itself when it is one of the two already', () => {
    const mine = new Permanent('provider.failed', 'no');
    expect(toTaskError(mine)).toBe(mine);
    expect(superseded('opn_1').message).toContain('operation.superseded');
  });

  it('quotes no token, whoever put it into the message, and nothing of what nobody knows', () => {
    const token = `rsi_${'a'.repeat(43)}`;
    expect(new Retryable('x', `could not send ${token} to k8s-aws-v1.${'b'.repeat(50)}`).message).toBe(
      'x: could not send rsi_… to k8s-aws-v1.…',
    );
    expect(toTaskError(new Error('password=hunter2')).message).not.toContain('hunter2');
  });
});

describe('the recorded failure', () => {
  const inStep = (name?: string): OperationState =>
    ({
      steps: name === undefined ? [] : [{ name, startedAt: '2026-11-21T12:00:00.000Z' }],
    }) as unknown as OperationState;
  const cause = (errorMessage: string) => JSON.stringify({ errorType: 'Permanent', errorMessage, trace: ['at x'] });

  it('has the task’s code and words, the step, and what to do', () => {
    expect(
      failureOf(
        { Error: 'Permanent', Cause: cause('provider.denied: may not: eks:CreateCluster') },
        inStep('EnsureCluster'),
      ),
    ).toEqual({
      code: 'provider.denied',
      message: 'may not: eks:CreateCluster',
      step: 'EnsureCluster',
      help: expect.stringContaining('administrator'),
    });
  });

  it.each([
    ['States.Timeout', 'AwaitAgent', 'agent.no_hello'],
    ['States.Timeout', 'ObserveCluster', 'task.timeout'],
    ['Runtime.ExitError', 'EnsureCluster', 'task.failed'],
    ['Lambda.Unknown', undefined, 'task.failed'],
  ])('of %s in %s is %s', (error, step, code) => {
    const failure = failureOf({ Error: error, Cause: 'no JSON' }, inStep(step));
    expect(failure.code).toBe(code);
    expect(failure.help).not.toBe('');
    expect(failure.step).toBe(step);
  });

  it('shows no stack and no words of what crashed', () => {
    const failure = failureOf({ Error: 'TypeError', Cause: cause('secret things') }, inStep('InstallAgent'));
    expect(JSON.stringify(failure)).not.toContain('secret things');
    expect(JSON.stringify(failure)).not.toContain('at x');
  });

  it('bears a cause that is missing or no error of ours', () => {
    expect(failureOf({ Error: 'Permanent' }, inStep()).code).toBe('task.failed');
    expect(failureOf({ Error: 'Retryable', Cause: '{"errorMessage":7}' }, inStep()).code).toBe('task.failed');
  });
});
