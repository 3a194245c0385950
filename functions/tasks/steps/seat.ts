/** The tasks of a dev pod's operations: wait for the agent's word, then record it (DESIGN §3: no polling, at most 6 transitions). */
import * as z from 'zod';
import type { OperationState } from '#core/domain/operation.ts';
import { type SeatTaskCall, seatTask } from '../../lib/task.ts';
import { seatFailureOf } from '../lib/seat-failure.ts';

/** Step Functions' tokens have at most 2,048 characters. */
const token = z.object({ taskToken: z.string().min(1).max(2048) });

/** The step that people see, by what the operation does. */
const STEP = {
  'workspace-start': 'AwaitRunning',
  'workspace-stop': 'AwaitStopped',
  'workspace-delete': 'AwaitGone',
} as const;

const stepOf = ({ kind }: OperationState): string => STEP[kind as keyof typeof STEP];

const enter = async ({ operation, command }: Pick<SeatTaskCall<object, unknown>, 'operation' | 'command'>) =>
  command({ type: 'step', operation: operation.id, step: stepOf(operation) });

/** Keeps the task token; whoever sees that the seat is as it was asked to be signals it. */
export const awaitSeat = seatTask<object, z.infer<typeof token>, null>({
  input: token,
  output: z.null(),
  run: async ({ deps, input: { taskToken }, workspace, operation, command }) => {
    await enter({ operation, command });
    await deps.store.clusters.putAwait(
      {
        operation: operation.id,
        resource: { type: 'workspace', id: workspace.id },
        awaited: 'seat-settled',
        taskToken,
      },
      deps.now(),
    );
    return null;
  },
});

export const recordSeatSuccess = seatTask<object, unknown, null>({
  output: z.null(),
  ended: (operation) => (operation.state === 'Succeeded' ? null : undefined),
  run: async ({ operation, command }) => {
    await command({ type: 'succeed', operation: operation.id });
    return null;
  },
});

const failed = z.object({ error: z.object({ Error: z.string(), Cause: z.string().optional() }) });
const recorded = z.strictObject({ superseded: z.boolean() });

export const recordSeatFailure = seatTask<object, z.infer<typeof failed>, z.infer<typeof recorded>>({
  input: failed,
  output: recorded,
  ended: (operation) => ({ superseded: operation.state !== 'Failed' }),
  run: async ({ deps, input, operation, workspace, command }) => {
    const { cluster, lease } = await deps.store.clusters.withLease(workspace.cluster);
    const error = seatFailureOf(input.error, operation, workspace, { cluster, lease, now: deps.now() });
    await command({ type: 'fail', operation: operation.id, error });
    return { superseded: false };
  },
});
