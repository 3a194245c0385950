/** What fails inside an execution: an error name that Retry and Catch match, and a cause for people. */

/** An error of a state, as `{ Error, Cause }` of the States Language. */
export class StateError extends Error {
  readonly error: string;
  readonly errorCause: string;
  constructor(error: string, errorCause: string) {
    super(`${error}: ${errorCause}`);
    this.name = 'StateError';
    this.error = error;
    this.errorCause = errorCause;
  }
}

/** Whether a name in `ErrorEquals` matches an error. `States.Runtime` is matched by nothing, `States.DataLimitExceeded` by no wildcard. */
export function matches(names: readonly string[], error: string): boolean {
  if (error === 'States.Runtime') return false;
  const wild = error !== 'States.DataLimitExceeded';
  const timeout = error === 'States.Timeout' || error === 'States.HeartbeatTimeout';
  return names.some(
    (name) =>
      name === error ||
      (name === 'States.ALL' && wild) ||
      (name === 'States.TaskFailed' && wild && !timeout) ||
      (name === 'States.Timeout' && timeout),
  );
}
