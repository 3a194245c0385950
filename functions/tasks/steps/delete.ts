/** The tasks of `cluster-delete` that act: it must end with the agent alive or dead, after any crash (DESIGN §4 EKS). */
import * as z from 'zod';
import { isTrue } from '#core/domain/conditions.ts';
import { infrastructureName } from '#core/domain/names.ts';
import { task } from '../../lib/task.ts';
import type { Workflows } from '../../lib/workflows.ts';
import { withinOperation } from '../lib/deadline.ts';
import { type Leftovers, type Providers, providerOf } from '../providers/provider.ts';

interface WithProviders {
  readonly providers: Providers;
}

const older = z.strictObject({ ended: z.boolean(), drain: z.boolean() });

/** Stops the execution of the operation before this one, and tells when it has ended and whether there is somebody to drain. */
export const stopOlder = task<
  WithProviders & { readonly workflows: Pick<Workflows, 'describe' | 'stop'> },
  unknown,
  z.infer<typeof older>
>({
  step: 'StopOlder',
  output: older,
  run: async ({ deps, cluster, operation }) => {
    const { drainable, livesOn = false } = providerOf(deps.providers, cluster);
    const drain = drainable && (livesOn || isTrue(cluster.conditions, 'Connected'));
    const before =
      cluster.lastOperationId === undefined ? null : await deps.store.clusters.operation(cluster.lastOperationId);
    if (before === null || !(await runs(deps.workflows, before))) return { ended: true, drain };
    await deps.workflows.stop(before.kind, before.id);
    withinOperation(operation, deps.now(), `the execution of ${before.id} did not end`);
    // A function of the stopped execution may still be at work: only after one more poll can nothing be made behind our back.
    return { ended: false, drain };
  },
});

const runs = async (
  workflows: Pick<Workflows, 'describe'>,
  operation: { readonly kind: Parameters<Workflows['describe']>[0]; readonly id: string },
): Promise<boolean> => (await workflows.describe(operation.kind, operation.id))?.status === 'RUNNING';

const removal = z.strictObject({ state: z.enum(['blocked', 'going', 'gone']) });

export const deleteCluster = task<WithProviders, unknown, z.infer<typeof removal>>({
  step: 'DeleteCluster',
  output: removal,
  run: async ({ deps, cluster, operation }) => {
    const state = await providerOf(deps.providers, cluster).remove(infrastructureName(cluster.id));
    if (state === 'blocked') withinOperation(operation, deps.now(), 'the provider did not begin to delete the cluster');
    return { state };
  },
});

export const observeDeleted = task<WithProviders, unknown, z.infer<typeof removal>>({
  step: 'ObserveDeleted',
  output: removal,
  run: async ({ deps, cluster, operation }) => {
    const state = await providerOf(deps.providers, cluster).observeGone(infrastructureName(cluster.id));
    if (state !== 'gone') withinOperation(operation, deps.now(), 'the provider did not delete the cluster');
    return { state };
  },
});

const swept = z.strictObject({ left: z.int().min(0) });

export const sweepLeftovers = task<{ readonly leftovers: Leftovers }, unknown, z.infer<typeof swept>>({
  step: 'SweepLeftovers',
  output: swept,
  run: async ({ deps, cluster, operation }) => {
    const left = (await deps.leftovers.get(cluster.provider)?.(infrastructureName(cluster.id))) ?? 0;
    if (left > 0) withinOperation(operation, deps.now(), `${left} volumes or interfaces of the cluster were not gone`);
    return { left };
  },
});
