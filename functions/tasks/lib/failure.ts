/** What a state machine caught, as an error that a person can act on. */
import type { OperationError } from '#core/contract/operation.ts';
import type { OperationState } from '#core/domain/operation.ts';

/** As `Catch` puts it into the state: `Cause` is the Lambda error as JSON, or words of Step Functions. */
export interface Caught {
  readonly Error: string;
  readonly Cause?: string | undefined;
}

const RETRY = 'Retry the cluster; delete it if that fails again.';
const DELETE = 'Delete the cluster and create a new one.';

/** What to do, by code. */
const HELP: Readonly<Record<string, string>> = {
  'agent.no_hello':
    'The agent did not call. Check that nodes come up and that they reach the internet (quotas of the account, subnets), then retry the cluster.',
  'provider.busy': RETRY,
  'provider.unreachable': RETRY,
  'provider.deadline': RETRY,
  'provider.leftovers': 'Retry: what is still in use by something else may be free by then.',
  'provider.denied':
    'An administrator must give the deployment the permission named in the message; then retry the cluster.',
  'provider.refused':
    'Read what the provider says. When it names a limit or a zone, an administrator can change that; then retry or delete the cluster.',
  'provider.failed': 'Retry: what failed is taken away and made anew. Delete the cluster if that fails again.',
  'provider.name_taken': DELETE,
  'provider.misconfigured':
    'An administrator must deploy again: the deployment lacks the setting named in the message.',
  'kubernetes.unauthorized': RETRY,
  'kubernetes.refused': 'Read what the API server says, then retry or delete the cluster.',
  'task.timeout': RETRY,
};

/** `code: detail`, as our errors have it. */
const split = (message: string): { readonly code: string; readonly detail: string } | null => {
  const found = /^([a-z_]+(?:\.[a-z_]+)*): ([\s\S]*)$/.exec(message);
  return found === null ? null : { code: found[1] as string, detail: found[2] as string };
};

const messageOf = (cause: string): string => {
  try {
    const { errorMessage } = JSON.parse(cause) as { readonly errorMessage?: unknown };
    return typeof errorMessage === 'string' ? errorMessage : '';
  } catch {
    return '';
  }
};

const read = (caught: Caught, step: string | undefined): { readonly code: string; readonly detail: string } => {
  if (caught.Error === 'States.Timeout' || caught.Error === 'States.HeartbeatTimeout')
    return step === 'AwaitAgent'
      ? { code: 'agent.no_hello', detail: 'The agent did not say hello in time.' }
      : { code: 'task.timeout', detail: 'The step did not end in time.' };
  const ours =
    caught.Error === 'Retryable' || caught.Error === 'Permanent' ? split(messageOf(caught.Cause ?? '')) : null;
  // A crash says nothing that a person could use, and its stack is not for them.
  return ours ?? { code: 'task.failed', detail: `The step ended with ${caught.Error}.` };
};

export const failureOf = (caught: Caught, operation: OperationState): OperationError => {
  const step = operation.steps.at(-1)?.name;
  const { code, detail } = read(caught, step);
  return { code, message: detail, help: HELP[code] ?? RETRY, ...(step === undefined ? {} : { step }) };
};
