/** Task tokens: which tasks wait, and what a signal to one of them does. */
import { randomBytes } from 'node:crypto';
import { AwsError } from '#local/types.ts';
import { StateError } from './error.ts';
import type { Json } from './path.ts';
import type { OpenTask } from './task.ts';

/** The task tokens of this run of the runtime; those of an earlier run are unknown (`TaskDoesNotExist`). */
export interface TaskTokens {
  /** Opens a task of a state machine. */
  open(machineArn: string): OpenTask;
  succeed(token: string, output: Json): void;
  fail(token: string, error: string, cause: string): void;
  beat(token: string): void;
}

const PREFIX = 'local.';

/** The state machine that a token belongs to (what IAM checks); throws `InvalidToken` for what was never a token. */
export function machineOf(token: string): string {
  const [machine, nonce] = token.startsWith(PREFIX) ? token.slice(PREFIX.length).split('.') : [];
  if (!machine || !nonce) throw new AwsError('InvalidToken', 'Invalid Token: the given text is no task token');
  return Buffer.from(machine, 'base64url').toString();
}

interface Waiting {
  lastBeat: number;
  resolve(output: Json): void;
  reject(error: StateError): void;
}

/** Keeps tokens in memory: an execution that runs again after a restart opens new ones. */
export function createTaskTokens(): TaskTokens {
  const waiting = new Map<string, Waiting>();
  const closed = new Set<string>();

  const take = (token: string): Waiting => {
    machineOf(token);
    const found = waiting.get(token);
    if (found) return found;
    if (closed.has(token)) throw new AwsError('TaskTimedOut', 'Task Timed Out: Provided task does not exist anymore');
    throw new AwsError(
      'TaskDoesNotExist',
      'Task does not exist: its execution was started again or the token is from elsewhere',
    );
  };
  const close = (token: string): void => {
    if (waiting.delete(token)) closed.add(token);
  };
  return {
    open(machineArn) {
      const token = `${PREFIX}${Buffer.from(machineArn).toString('base64url')}.${randomBytes(24).toString('base64url')}`;
      const { promise, resolve, reject } = Promise.withResolvers<Json>();
      const entry: Waiting = { lastBeat: Date.now(), resolve, reject };
      waiting.set(token, entry);
      return { token, outcome: promise, lastBeat: () => entry.lastBeat, close: () => close(token) };
    },
    succeed(token, output) {
      take(token).resolve(output);
      close(token);
    },
    fail(token, error, cause) {
      take(token).reject(new StateError(error, cause));
      close(token);
    },
    beat(token) {
      take(token).lastBeat = Date.now();
    },
  };
}
