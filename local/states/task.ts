/** One attempt at a Task state: calls the function, waits for its token where asked, ends it when its time is over. */
import { ACCOUNT, REGION } from '#local/types.ts';
import type { TaskState } from './definition.ts';
import { StateError } from './error.ts';
import { fill, type Json, pick, type Scope } from './path.ts';
import { orAborted, sleep } from './sleep.ts';

/** A task token that waits to be signalled. */
export interface OpenTask {
  readonly token: string;
  /** What SendTaskSuccess gave; rejects with a StateError after SendTaskFailure. */
  readonly outcome: Promise<Json>;
  /** When SendTaskHeartbeat last came (epoch milliseconds); the opening counts as one. */
  lastBeat(): number;
  /** No longer waited for: signals answer TaskTimedOut from now on. */
  close(): void;
}

/** What a running execution needs from outside. */
export interface TaskHost {
  /** Calls a function; rejects with a StateError: the function's own error name, or `Lambda.…`. */
  invoke(functionArn: string, payload: Json, signal: AbortSignal): Promise<Json>;
  openTask(): OpenTask;
}

/** The largest input or output of a state, bytes (Step Functions' quota). */
export const MAX_PAYLOAD_BYTES = 262_144;

const arnOf = (name: string): string =>
  name.startsWith('arn:') ? name : `arn:aws:lambda:${REGION}:${ACCOUNT}:function:${name}`;

/** Throws `States.HeartbeatTimeout` once no heartbeat came for `seconds`. */
async function missBeat(task: OpenTask, seconds: number, signal: AbortSignal): Promise<never> {
  for (;;) {
    const left = task.lastBeat() + seconds * 1000 - Date.now();
    if (left <= 0) throw new StateError('States.HeartbeatTimeout', `no heartbeat for ${seconds} s`);
    await sleep(left, signal);
  }
}

async function call(state: TaskState, input: Json, scope: Scope, host: TaskHost, signal: AbortSignal): Promise<Json> {
  if (state.Resource.startsWith('arn:aws:lambda:')) {
    const payload = state.Parameters === undefined ? input : fill(state.Parameters as Json, scope);
    return host.invoke(state.Resource, payload, signal);
  }
  const waits = state.Resource.endsWith('.waitForTaskToken');
  const task = waits ? host.openTask() : undefined;
  task?.outcome.catch(() => {});
  try {
    const context = { ...(scope.context as object), ...(task && { Task: { Token: task.token } }) } as Json;
    const { FunctionName, Payload } = fill((state.Parameters ?? {}) as Json, { input: scope.input, context }) as Record<
      string,
      Json
    >;
    if (typeof FunctionName !== 'string')
      throw new StateError('States.Runtime', 'Parameters.FunctionName must be a string');
    const answer = host.invoke(arnOf(FunctionName), Payload ?? {}, signal);
    if (!task) return { ExecutedVersion: '$LATEST', StatusCode: 200, Payload: await answer };
    // The signal may come before the function has returned; only the function's failure ends the wait with it.
    const failed = answer.then(() => new Promise<never>(() => {}));
    const ends = [task.outcome, failed];
    if (state.HeartbeatSeconds !== undefined) ends.push(missBeat(task, state.HeartbeatSeconds, signal));
    return await orAborted(Promise.race(ends), signal);
  } finally {
    task?.close();
  }
}

/** Runs one attempt. Rejects with a StateError (`States.Timeout` after TimeoutSeconds), or the signal's reason. */
export async function attempt(
  state: TaskState,
  input: Json,
  scope: Scope,
  host: TaskHost,
  signal: AbortSignal,
): Promise<Json> {
  const seconds =
    state.TimeoutSecondsPath === undefined
      ? state.TimeoutSeconds
      : Number(pick(state.TimeoutSecondsPath, scope, 'TimeoutSecondsPath'));
  const over = new AbortController();
  const either = AbortSignal.any([signal, over.signal]);
  const timeout = sleep(seconds * 1000, either).then(
    () => over.abort(new StateError('States.Timeout', `the task did not end within ${seconds} s`)),
    () => {},
  );
  try {
    const result = await orAborted(call(state, input, scope, host, either), either);
    if (Buffer.byteLength(JSON.stringify(result ?? null)) > MAX_PAYLOAD_BYTES)
      throw new StateError('States.DataLimitExceeded', `the result is larger than ${MAX_PAYLOAD_BYTES} bytes`);
    return result ?? null;
  } finally {
    over.abort(new Error('done'));
    await timeout;
  }
}
