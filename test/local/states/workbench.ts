/** A Step Functions engine with scripted functions, behind a bare endpoint. */
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DescribeExecutionCommand, SFNClient, StartExecutionCommand } from '@aws-sdk/client-sfn';
import type { Invoked, PluginContext } from '#local/plugin.ts';
import type { Json } from '#local/states/path.ts';
import { statesPlugin } from '#local/states/plugin.ts';
import { AwsError, type Caller, type Check } from '#local/types.ts';
import { credentials, serveApis } from './endpoint.ts';

export const FUNCTION = 'arn:aws:lambda:us-east-1:000000000000:function:';
export const ROLE = 'arn:aws:iam::000000000000:role/machine';

/** A scripted function: answers, or throws an error whose name is the error's. */
export type Script = (payload: Json, attempt: number) => Json | Promise<Json>;

export const namedError = (name: string, message = 'it went wrong'): Error =>
  Object.assign(new Error(message), { name });

interface Bench {
  readonly states: Record<string, unknown>;
  readonly functions?: Record<string, Script>;
  readonly startAt?: string;
  readonly timeoutSeconds?: number;
  readonly stateDir?: string;
  readonly allowed?: (check: Check) => boolean;
}

export async function workbench({ states, functions = {}, startAt, timeoutSeconds, stateDir, allowed }: Bench) {
  const dir = stateDir ?? mkdtempSync(join(tmpdir(), 'states-'));
  const calls: { name: string; payload: Json }[] = [];
  const plugin = await statesPlugin({
    stateDir: dir,
    async invokeFunction(arn: string, payload: Json, { principalArn, roleArn }: Caller): Promise<Invoked> {
      if (allowed && !allowed({ action: 'lambda:InvokeFunction', resource: arn }))
        throw new AwsError(
          'AccessDeniedException',
          `User: ${principalArn} is not authorized to perform: lambda:InvokeFunction on resource: ${arn}`,
          403,
        );
      if (roleArn !== ROLE) throw new Error(`called as ${roleArn}`);
      const name = arn.slice(FUNCTION.length);
      calls.push({ name, payload });
      try {
        return { payload: await functions[name]!(payload, calls.filter((one) => one.name === name).length) };
      } catch (error) {
        const { name: errorType, message: errorMessage } = error as Error;
        return { payload: { errorType, errorMessage }, functionError: 'Unhandled' };
      }
    },
  } as Pick<PluginContext, 'stateDir' | 'invokeFunction'> as PluginContext);
  const definition = { StartAt: startAt ?? Object.keys(states)[0], TimeoutSeconds: timeoutSeconds, States: states };
  const declare = async (properties: object) =>
    plugin.resources![0]!.create({ logicalId: 'Machine', type: 'AWS::StepFunctions::StateMachine', properties });
  const { ref: stateMachineArn } = await declare({ DefinitionString: JSON.stringify(definition), RoleArn: ROLE });
  await plugin.start!();
  const server = await serveApis(plugin.apis!, allowed);
  const client = new SFNClient({ endpoint: server.endpoint, region: 'us-east-1', credentials, maxAttempts: 1 });
  let count = 0;

  /** Waits until `done` holds; fails after five seconds. */
  const until = async <T>(look: () => T | Promise<T>, done: (value: T) => boolean): Promise<T> => {
    for (const end = Date.now() + 5000; ; ) {
      const value = await look();
      if (done(value)) return value;
      if (Date.now() > end) throw new Error(`still waiting: ${JSON.stringify(value)}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  };
  const describe = (executionArn: string) => client.send(new DescribeExecutionCommand({ executionArn }));
  const start = async (input: Json = {}, name = `run-${++count}`): Promise<string> =>
    (await client.send(new StartExecutionCommand({ stateMachineArn, name, input: JSON.stringify(input) })))
      .executionArn!;
  return {
    client,
    dir,
    declare,
    calls,
    asked: server.asked,
    stateMachineArn,
    until,
    describe,
    start,
    ended: (arn: string) =>
      until(
        () => describe(arn),
        (it) => it.status !== 'RUNNING',
      ),
    /** Starts and waits for the end; output parsed. */
    async run(input: Json = {}) {
      const arn = await start(input);
      const it = await until(
        () => describe(arn),
        (one) => one.status !== 'RUNNING',
      );
      return { ...it, output: it.output === undefined ? undefined : JSON.parse(it.output) };
    },
    [Symbol.asyncDispose]: async () => {
      await server[Symbol.asyncDispose]();
      await plugin.stop!();
    },
  };
}
