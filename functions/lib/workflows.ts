/** Step Functions: starts, looks at, stops and signals executions. The only importer of its client (DESIGN §3). */
import {
  DescribeExecutionCommand,
  ExecutionAlreadyExists,
  ExecutionDoesNotExist,
  SendTaskFailureCommand,
  SendTaskSuccessCommand,
  SFNClient,
  StartExecutionCommand,
  StopExecutionCommand,
} from '@aws-sdk/client-sfn';
import type { OperationKind } from '#core/contract/operation.ts';
import { fips } from './fips.ts';

export interface Workflows {
  /** Starts the execution named by the operation; one that runs or has run already is fine: an operation has one execution, ever. */
  readonly start: (kind: OperationKind, operationId: string) => Promise<void>;
  /** What the execution named by the operation does; null when there is none. */
  readonly describe: (kind: OperationKind, operationId: string) => Promise<{ readonly status: string } | null>;
  /** Ends it; one that has ended or never was is fine. */
  readonly stop: (kind: OperationKind, operationId: string) => Promise<void>;
  /** Answers a waiting task; false when its token has ended, which is final. */
  readonly succeed: (taskToken: string, output: unknown) => Promise<boolean>;
  /** Fails a waiting task; false when its token has ended, which is final. */
  readonly failToken: (taskToken: string, error: string, cause: string) => Promise<boolean>;
}

/** ARNs of the state machines, by the kind of operation that they run. */
export type StateMachines = Readonly<Record<OperationKind, string>>;

/** What SendTask… answers about a token that nobody waits for any more (aws.md 6). */
const GONE = new Set(['TaskTimedOut', 'TaskDoesNotExist', 'InvalidToken']);

/** `arn:…:stateMachine:NAME` and an execution's name → `arn:…:execution:NAME:EXECUTION`. */
const executionArn = (machineArn: string, name: string): string =>
  `${machineArn.replace(':stateMachine:', ':execution:')}:${name}`;

const unlessGone = async (send: Promise<unknown>): Promise<boolean> => {
  try {
    await send;
    return true;
  } catch (error) {
    if (error instanceof Error && GONE.has(error.name)) return false;
    throw error;
  }
};

export const workflows = (client: Pick<SFNClient, 'send'>, machines: StateMachines): Workflows => ({
  start: async (kind, operationId) => {
    try {
      // Name and input are always the same for an operation, so that a repeated start is no second execution (aws.md 5).
      await client.send(
        new StartExecutionCommand({
          stateMachineArn: machines[kind],
          name: operationId,
          input: JSON.stringify({ operationId }),
        }),
      );
    } catch (error) {
      if (!(error instanceof ExecutionAlreadyExists)) throw error;
    }
  },
  describe: async (kind, operationId) => {
    try {
      const { status } = await client.send(
        new DescribeExecutionCommand({ executionArn: executionArn(machines[kind], operationId) }),
      );
      return { status: status ?? 'RUNNING' };
    } catch (error) {
      if (error instanceof ExecutionDoesNotExist) return null;
      throw error;
    }
  },
  stop: async (kind, operationId) => {
    try {
      await client.send(
        new StopExecutionCommand({
          executionArn: executionArn(machines[kind], operationId),
          error: 'Stopped',
          cause: 'Its operation has ended.',
        }),
      );
    } catch (error) {
      if (!(error instanceof ExecutionDoesNotExist)) throw error;
    }
  },
  succeed: (taskToken, output) =>
    unlessGone(client.send(new SendTaskSuccessCommand({ taskToken, output: JSON.stringify(output) }))),
  failToken: (taskToken, error, cause) =>
    unlessGone(client.send(new SendTaskFailureCommand({ taskToken, error, cause }))),
});

/** The state machines as the template names them. */
export const machinesOf = (env: {
  readonly CREATE_STATE_MACHINE_ARN: string;
  readonly DELETE_STATE_MACHINE_ARN: string;
  readonly START_SEAT_STATE_MACHINE_ARN: string;
  readonly STOP_SEAT_STATE_MACHINE_ARN: string;
  readonly DELETE_SEAT_STATE_MACHINE_ARN: string;
}): StateMachines => ({
  'cluster-create': env.CREATE_STATE_MACHINE_ARN,
  'cluster-delete': env.DELETE_STATE_MACHINE_ARN,
  'workspace-start': env.START_SEAT_STATE_MACHINE_ARN,
  'workspace-stop': env.STOP_SEAT_STATE_MACHINE_ARN,
  'workspace-delete': env.DELETE_SEAT_STATE_MACHINE_ARN,
});

export const liveWorkflows = (env: Parameters<typeof machinesOf>[0]): Workflows =>
  workflows(new SFNClient(fips('states')), machinesOf(env));
