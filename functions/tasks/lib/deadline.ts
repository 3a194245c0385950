/** When the tasks that look give up, so that the workflow records the reason itself before the operation's deadline (DESIGN §3 workflows). */
import { plus } from '#core/domain/clock.ts';
import type { OperationState } from '#core/domain/operation.ts';
import { Permanent } from '../../lib/task-error.ts';

/** The part of an operation's time after which nothing is waited for any more. */
const PATIENCE = 0.8;

/** Throws `Permanent` when `what` was waited for over four fifths of the operation's time. */
export const withinOperation = (operation: OperationState, now: string, what: string): void => {
  const whole = Date.parse(operation.deadlineAt) - Date.parse(operation.createdAt);
  const end = plus(operation.createdAt, (whole / 1000) * PATIENCE);
  if (now >= end) throw new Permanent('provider.deadline', `${what} by ${end}`);
};

/** Throws `Permanent` when `what` was waited for longer than `seconds` after the operation's start. */
export const withinSeconds = (operation: OperationState, seconds: number, now: string, what: string): void => {
  const end = plus(operation.startedAt ?? operation.createdAt, seconds);
  if (now >= end) throw new Permanent('provider.deadline', `${what} by ${end}`);
};
