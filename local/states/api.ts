/** The Step Functions API: JSON 1.0 calls in, the engine's answers out. */
import { randomUUID } from 'node:crypto';
import * as z from 'zod';
import { type ApiCall, type ApiReply, type AwsApi, AwsError, type Check } from '#local/types.ts';
import type { Engine } from './engine.ts';
import type { Json } from './path.ts';
import type { ExecutionRecord } from './records.ts';
import { MAX_PAYLOAD_BYTES } from './task.ts';
import { machineOf } from './tokens.ts';

const arn = z.string().min(1).max(256);
const status = z.enum(['RUNNING', 'SUCCEEDED', 'FAILED', 'TIMED_OUT', 'ABORTED']);
const taskToken = z.string().min(1).max(2048);
const page = { maxResults: z.int().min(0).max(1000).optional(), nextToken: z.string().optional() };

const inputs = {
  StartExecution: z.object({ stateMachineArn: arn, name: z.string().optional(), input: z.string().default('{}') }),
  DescribeExecution: z.object({ executionArn: arn }),
  StopExecution: z.object({
    executionArn: arn,
    error: z.string().max(256).optional(),
    cause: z.string().max(32_768).optional(),
  }),
  ListExecutions: z.object({ stateMachineArn: arn, statusFilter: status.optional(), ...page }),
  GetExecutionHistory: z.object({ executionArn: arn, reverseOrder: z.boolean().default(false), ...page }),
  DescribeStateMachine: z.object({ stateMachineArn: arn }),
  SendTaskSuccess: z.object({ taskToken, output: z.string() }),
  SendTaskFailure: z.object({
    taskToken,
    error: z.string().max(256).optional(),
    cause: z.string().max(32_768).optional(),
  }),
  SendTaskHeartbeat: z.object({ taskToken }),
};
type Inputs = { [K in keyof typeof inputs]: z.infer<(typeof inputs)[K]> };

/** Reads the input again with its type: `parse` has checked it. */
const inputOf = <K extends keyof Inputs>(call: ApiCall): Inputs[K] => call.input as Inputs[K];

const seconds = (ms: number): number => ms / 1000;

const json = (text: string, code: string): Json => {
  if (Buffer.byteLength(text) > MAX_PAYLOAD_BYTES) throw new AwsError(code, `larger than ${MAX_PAYLOAD_BYTES} bytes`);
  try {
    return JSON.parse(text) as Json;
  } catch {
    throw new AwsError(code, `${code.startsWith('Invalid') ? 'Invalid' : 'Bad'} JSON`);
  }
};

const described = (it: ExecutionRecord) => ({
  executionArn: it.arn,
  stateMachineArn: it.machineArn,
  name: it.name,
  status: it.status,
  startDate: seconds(it.startDate),
  ...(it.stopDate !== null && { stopDate: seconds(it.stopDate) }),
  ...(it.output !== null && { output: it.output }),
  ...(it.error !== null && { error: it.error }),
  ...(it.cause !== null && { cause: it.cause }),
});

/** A page of `all`; the token is the offset. */
function paged<T>(all: readonly T[], ask: { maxResults?: number | undefined; nextToken?: string | undefined }) {
  const from = Number(ask.nextToken ?? 0);
  if (!Number.isInteger(from) || from < 0) throw new AwsError('InvalidToken', 'nextToken is none that was given out');
  const to = from + (ask.maxResults || 100);
  return { items: all.slice(from, to), ...(to < all.length && { nextToken: String(to) }) };
}

const NAME = /^[^\s<>{}[\]?*"#%\\^|~`$&,;:/\p{Cc}]{1,80}$/u;

/** `TaskStateEntered` → the field that GetExecutionHistory puts its details in. */
const detailsField = (type: string): string =>
  type.endsWith('StateEntered')
    ? 'stateEnteredEventDetails'
    : type.endsWith('StateExited')
      ? 'stateExitedEventDetails'
      : `${type[0]!.toLowerCase()}${type.slice(1)}EventDetails`;

const text = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value));

const operations: { [K in keyof Inputs]: (engine: Engine, input: Inputs[K]) => unknown } = {
  StartExecution(engine, { stateMachineArn, name = randomUUID(), input }) {
    if (!NAME.test(name))
      throw new AwsError(
        'InvalidName',
        `Invalid Name: '${name}': 1 to 80 characters without spaces, brackets, wildcards or control characters`,
      );
    json(input, 'InvalidExecutionInput');
    const it = engine.startExecution(stateMachineArn, name, input);
    return { executionArn: it.arn, startDate: seconds(it.startDate) };
  },
  DescribeExecution(engine, { executionArn }) {
    const it = engine.execution(executionArn);
    return { ...described(it), input: it.input, inputDetails: { included: true }, redriveCount: 0 };
  },
  StopExecution: (engine, { executionArn, error, cause }) => ({
    stopDate: seconds(engine.stopExecution(executionArn, error, cause).stopDate!),
  }),
  ListExecutions(engine, { stateMachineArn, statusFilter, ...ask }) {
    const { items, ...rest } = paged(engine.executions(stateMachineArn, statusFilter), ask);
    return {
      executions: items.map(({ output: _o, error: _e, cause: _c, ...it }) =>
        described({ ...it, output: null, error: null, cause: null }),
      ),
      ...rest,
    };
  },
  GetExecutionHistory(engine, { executionArn, reverseOrder, ...ask }) {
    const all = engine.events(executionArn);
    const { items, ...rest } = paged(reverseOrder ? all.toReversed() : all, ask);
    const events = items.map((it) => {
      const detail = Object.entries(JSON.parse(it.detail ?? '{}')).map(([key, value]) => [key, text(value)]);
      return {
        id: it.id,
        previousEventId: it.id - 1,
        timestamp: seconds(it.at),
        type: it.type,
        [detailsField(it.type)]: {
          ...(it.state && it.type !== 'TaskFailed' && { name: it.state }),
          ...Object.fromEntries(detail),
        },
      };
    });
    return { events, ...rest };
  },
  DescribeStateMachine(engine, { stateMachineArn }) {
    const it = engine.machine(stateMachineArn);
    return {
      stateMachineArn: it.arn,
      name: it.name,
      status: 'ACTIVE',
      type: 'STANDARD',
      definition: it.source,
      roleArn: it.roleArn,
      creationDate: seconds(it.createdAt.getTime()),
    };
  },
  SendTaskSuccess(engine, { taskToken, output }) {
    engine.tokens.succeed(taskToken, json(output, 'InvalidOutput'));
    return {};
  },
  SendTaskFailure(engine, { taskToken, error = '', cause = '' }) {
    engine.tokens.fail(taskToken, error, cause);
    return {};
  },
  SendTaskHeartbeat(engine, { taskToken }) {
    engine.tokens.beat(taskToken);
    return {};
  },
};

/** What IAM is asked for each call: the state machine, or the execution where one is named. */
function resourceOf(call: ApiCall): string {
  const { stateMachineArn, executionArn, taskToken } = call.input as {
    stateMachineArn?: string;
    executionArn?: string;
    taskToken?: string;
  };
  return stateMachineArn ?? executionArn ?? machineOf(taskToken!);
}

/** The API over an engine. */
export function statesApi(engine: Engine): AwsApi {
  return {
    service: 'states',
    parse(request) {
      const operation = request.headers['x-amz-target']?.replace(/^AWSStepFunctions\./, '') ?? '';
      if (!Object.hasOwn(inputs, operation))
        throw new AwsError(
          'UnknownOperationException',
          `Step Functions here answers ${Object.keys(inputs).join(', ')}; given: "${operation}"`,
        );
      const input = inputs[operation as keyof Inputs].safeParse(JSON.parse(request.body.toString() || '{}'));
      if (!input.success) throw new AwsError('ValidationException', z.prettifyError(input.error));
      return { operation, input: input.data };
    },
    checks: (call): Check[] => [{ action: `states:${call.operation}`, resource: resourceOf(call) }],
    async run(call): Promise<ApiReply> {
      const operation = operations[call.operation as keyof Inputs] as (engine: Engine, input: unknown) => unknown;
      return {
        status: 200,
        headers: { 'content-type': 'application/x-amz-json-1.0' },
        body: JSON.stringify(operation(engine, inputOf(call))),
      };
    },
    fail: (error) => ({
      status: error.status,
      headers: { 'content-type': 'application/x-amz-json-1.0', 'x-amzn-errortype': error.code },
      body: JSON.stringify({ __type: error.code, message: error.message, ...error.fields }),
    }),
  };
}
