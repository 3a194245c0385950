/** The tasks that wait by task token: the token is an item, and whoever sees the awaited condition signals it (DESIGN §3 task; aws.md 6). */
import * as z from 'zod';
import type { Awaited } from '#core/domain/link.ts';
import { task } from '../../lib/task.ts';

/** Step Functions' tokens have at most 2,048 characters. */
const input = z.object({ taskToken: z.string().min(1).max(2048) });
type Input = z.infer<typeof input>;

const waitFor = (step: string, awaited: Awaited, first?: 'drain') =>
  task<object, Input, null>({
    step,
    input,
    output: z.null(),
    run: async ({ deps, input: { taskToken }, cluster, operation, command }) => {
      if (first !== undefined) await command({ type: first, operation: operation.id });
      await deps.store.clusters.putAwait(
        { operation: operation.id, resource: { type: 'cluster', id: cluster.id }, awaited, taskToken },
        deps.now(),
      );
      return null;
    },
  });

export const awaitAgent = waitFor('AwaitAgent', 'agent-connected');

/** Asks the agent to take away what outlives the cluster. */
export const drain = waitFor('Drain', 'drained', 'drain');
