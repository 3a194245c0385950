/** Runs one execution of a state machine: from state to state until an end, with Retry and Catch. */
import { holds } from './choice.ts';
import type { Definition, Retrier, State } from './definition.ts';
import { matches, StateError } from './error.ts';
import { fill, type Json, pick, place, type Scope } from './path.ts';
import { sleep } from './sleep.ts';
import { attempt, type TaskHost } from './task.ts';

/** Something that happened in an execution; `type` as in GetExecutionHistory. */
export interface HistoryEvent {
  readonly type: string;
  readonly state?: string;
  readonly detail?: { readonly [key: string]: Json };
}

/** What an execution needs from outside. */
export interface Host extends TaskHost {
  record(event: HistoryEvent): void;
}

/** An execution to run: the context object's `Execution` and `StateMachine`, and what to run. */
export interface Run {
  readonly definition: Definition;
  readonly input: Json;
  readonly context: { readonly [key: string]: Json };
}

interface Step {
  readonly output: Json;
  readonly next: string | undefined;
}

/** Milliseconds to wait before the retry that follows `tries` earlier ones. */
export function retryDelay(retrier: Retrier, tries: number, random: () => number = Math.random): number {
  const seconds = Math.min(
    retrier.IntervalSeconds * retrier.BackoffRate ** tries,
    retrier.MaxDelaySeconds ?? Number.POSITIVE_INFINITY,
  );
  return (retrier.JitterStrategy === 'FULL' ? random() : 1) * seconds * 1000;
}

const through = (path: string | null | undefined, scope: Scope, field: string): Json =>
  path === null ? {} : path === undefined ? scope.input : pick(path, scope, field);

const merge = (path: string | null | undefined, raw: Json, result: Json): Json =>
  path === null ? raw : place(path ?? '$', raw, result);

type Retryable = Extract<State, { Type: 'Task' }>;

async function runTask(
  name: string,
  state: Retryable,
  raw: Json,
  context: Run['context'],
  host: Host,
  signal: AbortSignal,
): Promise<Step> {
  const tries = new Map<Retrier, number>();
  const entered = new Date().toISOString();
  for (let retries = 0; ; retries++) {
    const scope = (input: Json): Scope => ({
      input,
      context: { ...context, State: { Name: name, EnteredTime: entered, RetryCount: retries } },
    });
    try {
      const input = through(state.InputPath, scope(raw), 'InputPath');
      const result = await attempt(state, input, scope(input), host, signal);
      const selected = state.ResultSelector === undefined ? result : fill(state.ResultSelector as Json, scope(result));
      return {
        output: through(state.OutputPath, scope(merge(state.ResultPath, raw, selected)), 'OutputPath'),
        next: state.Next,
      };
    } catch (error) {
      if (!(error instanceof StateError)) throw error;
      host.record({ type: 'TaskFailed', state: name, detail: { error: error.error, cause: error.errorCause } });
      const retrier = state.Retry.find((one) => matches(one.ErrorEquals, error.error));
      const tried = retrier ? (tries.get(retrier) ?? 0) : 0;
      if (retrier && tried < retrier.MaxAttempts) {
        tries.set(retrier, tried + 1);
        await sleep(retryDelay(retrier, tried), signal);
        continue;
      }
      const catcher = state.Catch.find((one) => matches(one.ErrorEquals, error.error));
      if (!catcher) throw error;
      return {
        output: merge(catcher.ResultPath, raw, { Error: error.error, Cause: error.errorCause }),
        next: catcher.Next,
      };
    }
  }
}

function waitMs(state: Extract<State, { Type: 'Wait' }>, scope: Scope): number {
  const until = state.Timestamp ?? (state.TimestampPath && String(pick(state.TimestampPath, scope, 'TimestampPath')));
  if (until !== undefined) {
    const ms = Date.parse(until) - Date.now();
    if (Number.isNaN(ms))
      throw new StateError('States.Runtime', `TimestampPath gave "${until}"; allowed is an RFC 3339 time`);
    return ms;
  }
  const seconds = state.Seconds ?? pick(state.SecondsPath!, scope, 'SecondsPath');
  if (typeof seconds !== 'number' || seconds < 0)
    throw new StateError(
      'States.Runtime',
      `SecondsPath gave ${JSON.stringify(seconds)}; allowed is a number of seconds from 0`,
    );
  return seconds * 1000;
}

async function step(name: string, state: State, raw: Json, run: Run, host: Host, signal: AbortSignal): Promise<Step> {
  if (state.Type === 'Task') return runTask(name, state, raw, run.context, host, signal);
  const context = { ...run.context, State: { Name: name, EnteredTime: new Date().toISOString(), RetryCount: 0 } };
  if (state.Type === 'Fail') {
    const scope = { input: raw, context };
    throw new StateError(
      state.ErrorPath ? String(pick(state.ErrorPath, scope, 'ErrorPath')) : (state.Error ?? ''),
      state.CausePath ? String(pick(state.CausePath, scope, 'CausePath')) : (state.Cause ?? ''),
    );
  }
  const input = through(state.InputPath, { input: raw, context }, 'InputPath');
  const scope = { input, context };
  const leave = (value: Json): Json => through(state.OutputPath, { input: value, context }, 'OutputPath');
  switch (state.Type) {
    case 'Pass': {
      const given = state.Parameters === undefined ? input : fill(state.Parameters as Json, scope);
      return {
        output: leave(merge(state.ResultPath, raw, (state.Result as Json | undefined) ?? given)),
        next: state.Next,
      };
    }
    case 'Wait':
      await sleep(waitMs(state, scope), signal);
      return { output: leave(input), next: state.Next };
    case 'Choice': {
      const next = state.Choices.find((one) => holds(one, scope))?.Next ?? state.Default;
      if (next === undefined)
        throw new StateError('States.NoChoiceMatched', `no rule of ${name} holds and it has no Default`);
      return { output: leave(input), next };
    }
    case 'Succeed':
      return { output: leave(input), next: undefined };
  }
}

/** Runs to the end and answers the output. Rejects with a StateError (the execution failed) or the signal's reason (it was ended from outside). */
export async function interpret(run: Run, host: Host, signal: AbortSignal): Promise<Json> {
  let name: string | undefined = run.definition.StartAt;
  let data = run.input;
  while (name !== undefined) {
    signal.throwIfAborted();
    const state: State = run.definition.States[name]!;
    host.record({ type: `${state.Type}StateEntered`, state: name, detail: { input: data } });
    const done: Step = await step(name, state, data, run, host, signal);
    signal.throwIfAborted();
    if (state.Type !== 'Fail')
      host.record({ type: `${state.Type}StateExited`, state: name, detail: { output: done.output } });
    data = done.output;
    name = done.next;
  }
  return data;
}
