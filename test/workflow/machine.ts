/** Runs a state machine of `state-machines/` with functions given as plain values, waits and back-offs without waiting. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { OperationKind } from '#core/contract/operation.ts';
import { timings } from '#core/contract/timings.ts';
import { type Definition, parseDefinition, type State } from '#local/states/definition.ts';
import { StateError } from '#local/states/error.ts';
import { type Host, interpret } from '#local/states/interpreter.ts';
import type { Json } from '#local/states/path.ts';
import { createTaskTokens, type TaskTokens } from '#local/states/tokens.ts';

export type Machine = OperationKind;
export const MACHINES: readonly Machine[] = OperationKind.options;

const ARN = 'arn:aws:lambda:us-east-1:000000000000:function:';
const MACHINE_ARN = 'arn:aws:states:us-east-1:000000000000:stateMachine:test';

/** The file as it is kept. */
export const templateOf = (machine: Machine): string =>
  readFileSync(join(import.meta.dirname, '../../state-machines', `${machine}.asl.json`), 'utf8');

/** The definition as Step Functions gets it, with the cloud's timings. */
export const definitionText = (machine: Machine): string =>
  templateOf(machine).replaceAll(/\$\{(\w+)\}/g, (_, name: string) => {
    const timing = timings[name.replace(/Seconds$/, '') as keyof typeof timings];
    return timing === undefined ? `${ARN}${name}` : String(timing.seconds);
  });

/** The same without waiting: retries follow at once, an awaited answer that does not come is given up after so many seconds. */
const hurried = (machine: Machine, patience: number): Definition => {
  const definition = parseDefinition(definitionText(machine));
  const states = Object.entries(definition.States).map(([name, state]): [string, State] => {
    if (state.Type === 'Wait') return [name, { ...state, Seconds: 0 }];
    if (state.Type !== 'Task') return [name, state];
    const waits = state.Resource.endsWith('waitForTaskToken');
    const { TimeoutSecondsPath: path, ...task } = state;
    return [
      name,
      {
        ...task,
        ...(path === undefined || waits ? {} : { TimeoutSecondsPath: path }),
        TimeoutSeconds: waits ? patience : state.TimeoutSeconds,
        Retry: state.Retry.map((retry) => ({ ...retry, IntervalSeconds: 0 })),
      },
    ];
  });
  return { ...definition, States: Object.fromEntries(states) };
};

/** A function as a task: `payload` in, answer out, or an error whose name Step Functions sees. */
export type TaskFunction = (payload: Json) => Promise<Json> | Json;

export interface Outcome {
  readonly status: 'SUCCEEDED' | 'FAILED' | 'ABORTED';
  readonly visited: readonly string[];
  /** `From → To` in the order taken. */
  readonly moves: readonly string[];
}

export interface RunOptions {
  readonly machine: Machine;
  readonly functions: Readonly<Record<string, TaskFunction>>;
  readonly operationId: string;
  readonly tokens?: TaskTokens;
  /** Told of every state as it is entered, with the seconds that it would have waited. */
  readonly onState?: (name: string, waitSeconds: number) => void | Promise<void>;
  readonly signal?: AbortSignal;
  /** Seconds until an awaited answer is given up; by default a moment, for answers that never come. */
  readonly patience?: number | undefined;
}

const A_MOMENT = 0.4;
const definitions = new Map<string, { readonly hurried: Definition; readonly real: Definition }>();
const definitionOf = (machine: Machine, patience: number) => {
  const key = `${machine} ${patience}`;
  const known = definitions.get(key) ?? {
    hurried: hurried(machine, patience),
    real: parseDefinition(definitionText(machine)),
  };
  definitions.set(key, known);
  return known;
};

/** One execution, to its end. */
export const run = async ({
  machine,
  functions,
  operationId,
  tokens,
  onState,
  signal,
  patience = A_MOMENT,
}: RunOptions): Promise<Outcome> => {
  const { hurried: definition, real } = definitionOf(machine, patience);
  const open = tokens ?? createTaskTokens();
  const visited: string[] = [];
  const host: Host = {
    openTask: () => open.open(MACHINE_ARN),
    record: ({ type, state }) => {
      if (!type.endsWith('StateEntered') || state === undefined) return;
      visited.push(state);
      const it = real.States[state];
      void onState?.(state, it?.Type === 'Wait' ? (it.Seconds ?? 0) : 0);
    },
    invoke: async (arn, payload) => {
      const name = arn.slice(ARN.length);
      const called = functions[name];
      if (called === undefined)
        throw new StateError('Lambda.ResourceNotFoundException', `there is no function ${name}`);
      try {
        return await called(payload);
      } catch (error) {
        const { name: errorType, message: errorMessage } = error as Error;
        throw new StateError(errorType, JSON.stringify({ errorType, errorMessage, trace: [] }));
      }
    },
  };
  const moves = () => visited.slice(1).map((to, at) => `${visited[at]} → ${to}`);
  const context = { Execution: { Id: 'test', Name: operationId }, StateMachine: { Id: MACHINE_ARN, Name: machine } };
  try {
    await interpret({ definition, input: { operationId }, context }, host, signal ?? new AbortController().signal);
    return { status: 'SUCCEEDED', visited, moves: moves() };
  } catch (error) {
    if (error instanceof StateError) return { status: 'FAILED', visited, moves: moves() };
    if (signal?.aborted) return { status: 'ABORTED', visited, moves: moves() };
    throw error;
  }
};

/** An error as our tasks throw them. */
export const thrown = (name: string, message: string): Error => Object.assign(new Error(message), { name });
