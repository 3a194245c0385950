/** The local Step Functions: state machines of the template, their executions, and what survives a restart. */
import { join } from 'node:path';
import type { Invoked } from '#local/plugin.ts';
import { ACCOUNT, AwsError, type Caller, REGION } from '#local/types.ts';
import type { Definition } from './definition.ts';
import { StateError } from './error.ts';
import { type Host, interpret } from './interpreter.ts';
import type { Json } from './path.ts';
import { type EventRecord, type ExecutionRecord, type ExecutionStatus, openRecords } from './records.ts';
import { sleep } from './sleep.ts';
import { createTaskTokens, type TaskTokens } from './tokens.ts';

/** A state machine of the template. */
export interface StateMachine {
  readonly arn: string;
  readonly name: string;
  readonly roleArn: string;
  readonly definition: Definition;
  readonly source: string;
  readonly createdAt: Date;
}

/** What the engine needs from the rest of the local AWS. */
export interface EngineDeps {
  /** Where records are kept; `states/` is made in it. */
  readonly stateDir: string;
  /** Calls a function as the state machine's role; rejects with an AwsError when IAM or Lambda refuses. */
  invokeFunction(functionArn: string, payload: Json, caller: Caller): Promise<Invoked>;
}

/** The engine; `start()` once all functions are up, `stop()` leaves open executions open. */
export interface Engine {
  readonly tokens: TaskTokens;
  define(machine: Omit<StateMachine, 'arn' | 'createdAt'>): StateMachine;
  machine(arn: string): StateMachine;
  /** Begins to run: open executions of an earlier run start again from StartAt with their name and input. */
  start(): void;
  /** As StartExecution: the same name and input while open answers the same execution. */
  startExecution(machineArn: string, name: string, input: string): ExecutionRecord;
  execution(arn: string): ExecutionRecord;
  stopExecution(arn: string, error: string | undefined, cause: string | undefined): ExecutionRecord;
  executions(machineArn: string, status?: ExecutionStatus): ExecutionRecord[];
  events(arn: string): EventRecord[];
  stop(): Promise<void>;
}

const arnOf = (kind: string, rest: string): string => `arn:aws:states:${REGION}:${ACCOUNT}:${kind}:${rest}`;

/** Why a run was ended from outside. */
class Ended extends Error {
  readonly status: 'ABORTED' | 'TIMED_OUT' | 'SHUTDOWN';
  constructor(status: Ended['status']) {
    super(status);
    this.status = status;
  }
}

const failure = (payload: Json): StateError => {
  const type =
    payload !== null && typeof payload === 'object' && !Array.isArray(payload) ? payload.errorType : undefined;
  return new StateError(typeof type === 'string' ? type : 'Lambda.Unknown', JSON.stringify(payload));
};

/** A call that Lambda refused, under the names that Step Functions gives (a missing permission is `Lambda.AWSLambdaException`). */
const refusal = (error: unknown): StateError => {
  const code = error instanceof AwsError ? error.code : 'ServiceException';
  return new StateError(
    `Lambda.${code.startsWith('AccessDenied') ? 'AWSLambdaException' : code}`,
    error instanceof Error ? error.message : String(error),
  );
};

/** Makes an engine over the records in `stateDir`. */
export function createEngine(deps: EngineDeps): Engine {
  const records = openRecords(join(deps.stateDir, 'states'));
  const tokens = createTaskTokens();
  const machines = new Map<string, StateMachine>();
  const running = new Map<string, { readonly controller: AbortController; readonly done: Promise<void> }>();
  let started = false;

  const machine = (arn: string): StateMachine => {
    const found = machines.get(arn);
    if (!found) throw new AwsError('StateMachineDoesNotExist', `State Machine Does Not Exist: '${arn}'`);
    return found;
  };
  const execution = (arn: string): ExecutionRecord => {
    const found = records.get(arn);
    if (!found) throw new AwsError('ExecutionDoesNotExist', `Execution Does Not Exist: '${arn}'`);
    return found;
  };

  const hostOf = (of: StateMachine, record: ExecutionRecord): Host => {
    const sessionName = record.name.slice(0, 64);
    const caller: Caller = {
      roleArn: of.roleArn,
      sessionName,
      principalArn: `arn:aws:sts::${ACCOUNT}:assumed-role/${of.roleArn.split('/').at(-1)}/${sessionName}`,
    };
    return {
      openTask: () => tokens.open(of.arn),
      record: (it) =>
        records.append(record.arn, {
          at: Date.now(),
          type: it.type,
          state: it.state ?? null,
          detail: it.detail ? JSON.stringify(it.detail) : null,
        }),
      async invoke(functionArn, payload) {
        const answer = await deps.invokeFunction(functionArn, payload, caller).catch((error: unknown) => {
          throw refusal(error);
        });
        if (answer.functionError) throw failure(answer.payload);
        return answer.payload;
      },
    };
  };

  async function run(of: StateMachine, record: ExecutionRecord, controller: AbortController): Promise<void> {
    const host = hostOf(of, record);
    const input = JSON.parse(record.input) as Json;
    const over = new AbortController();
    const limit = of.definition.TimeoutSeconds;
    if (limit !== undefined)
      sleep(record.startDate + limit * 1000 - Date.now(), over.signal).then(
        () => controller.abort(new Ended('TIMED_OUT')),
        () => {},
      );
    const context = {
      Execution: {
        Id: record.arn,
        Input: input,
        Name: record.name,
        RoleArn: of.roleArn,
        StartTime: new Date(record.startDate).toISOString(),
        RedriveCount: 0,
      },
      StateMachine: { Id: of.arn, Name: of.name },
    };
    try {
      const output = await interpret({ definition: of.definition, input, context }, host, controller.signal);
      if (records.end(record.arn, { status: 'SUCCEEDED', output: JSON.stringify(output) }, Date.now()))
        host.record({ type: 'ExecutionSucceeded', detail: { output } });
    } catch (thrown) {
      if (thrown instanceof Ended) {
        if (thrown.status === 'TIMED_OUT' && records.end(record.arn, { status: 'TIMED_OUT' }, Date.now()))
          host.record({ type: 'ExecutionTimedOut' });
        return;
      }
      const it = thrown instanceof StateError ? thrown : new StateError('States.Runtime', String(thrown));
      if (records.end(record.arn, { status: 'FAILED', error: it.error, cause: it.errorCause }, Date.now()))
        host.record({ type: 'ExecutionFailed', detail: { error: it.error, cause: it.errorCause } });
    } finally {
      over.abort(new Error('done'));
      running.delete(record.arn);
    }
  }

  const launch = (record: ExecutionRecord, event: string): void => {
    const of = machines.get(record.machineArn);
    if (!of || running.has(record.arn)) return;
    records.append(record.arn, {
      at: Date.now(),
      type: event,
      state: null,
      detail: JSON.stringify({ input: JSON.parse(record.input) }),
    });
    const controller = new AbortController();
    running.set(record.arn, { controller, done: Promise.resolve().then(() => run(of, record, controller)) });
  };

  return {
    tokens,
    machine,
    execution,
    define(it) {
      const made = { ...it, arn: arnOf('stateMachine', it.name), createdAt: new Date() };
      machines.set(made.arn, made);
      return made;
    },
    start() {
      started = true;
      for (const record of records.open()) launch(record, 'ExecutionRedriven');
    },
    startExecution(machineArn, name, input) {
      const of = machine(machineArn);
      const arn = arnOf('execution', `${of.name}:${name}`);
      const known = records.get(arn);
      if (known?.status === 'RUNNING' && known.input === input) return known;
      if (known) throw new AwsError('ExecutionAlreadyExists', `Execution Already Exists: '${arn}'`);
      records.add({ arn, machineArn, name, input, startDate: Date.now() });
      if (started) launch(execution(arn), 'ExecutionStarted');
      return execution(arn);
    },
    stopExecution(arn, error, cause) {
      execution(arn);
      if (records.end(arn, { status: 'ABORTED', error: error ?? null, cause: cause ?? null }, Date.now())) {
        const detail = { ...(error !== undefined && { error }), ...(cause !== undefined && { cause }) };
        records.append(arn, { at: Date.now(), type: 'ExecutionAborted', state: null, detail: JSON.stringify(detail) });
        running.get(arn)?.controller.abort(new Ended('ABORTED'));
      }
      return execution(arn);
    },
    executions: (machineArn, status) => records.list(machine(machineArn).arn, status),
    events(arn) {
      execution(arn);
      return records.events(arn);
    },
    async stop() {
      started = false;
      const runs = [...running.values()];
      for (const one of runs) one.controller.abort(new Ended('SHUTDOWN'));
      await Promise.allSettled(runs.map((one) => one.done));
      records.close();
    },
  };
}
