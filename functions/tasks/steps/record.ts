/** The tasks that end an operation: Ready, Deleted, or Failed with the reason. */
import * as z from 'zod';
import { decideCluster } from '#core/domain/cluster.ts';
import { isConnected } from '#core/domain/cluster-origin.ts';
import { type Decision, joined, type SeatLimits } from '#core/domain/decision.ts';
import { leftUnseen } from '#core/domain/link.ts';
import type { OperationState } from '#core/domain/operation.ts';
import { type AgentTokenState, revokeToken } from '#core/domain/token.ts';
import { decideWorkspace } from '#core/domain/workspace.ts';
import type { WorkspaceState } from '#core/domain/workspace-state.ts';
import { untilFresh } from '#core/store/commit.ts';
import type { Deps } from '../../lib/deps.ts';
import { task } from '../../lib/task.ts';
import { failureOf } from '../lib/failure.ts';
import { recordSeatFailure } from './seat.ts';

/** A repeat after the answer was lost. */
const ifSucceeded = (operation: OperationState): null | undefined =>
  operation.state === 'Succeeded' ? null : undefined;

const created = z.object({ endpoint: z.string().nullable(), certificateAuthority: z.string().nullable() });

export const recordCreated = task<object, z.infer<typeof created>, null>({
  input: created,
  output: z.null(),
  ended: ifSucceeded,
  run: async ({ input, operation, command }) => {
    await command({
      type: 'created',
      operation: operation.id,
      endpoint: input.endpoint ?? undefined,
      certificateAuthority: input.certificateAuthority ?? undefined,
    });
    return null;
  },
});

/** Seats that were still on the cluster went with it: each is ended before the cluster is, so that none is left without one. */
const loseSeats = async (
  deps: Deps & { readonly limits: SeatLimits },
  seats: readonly WorkspaceState[],
): Promise<void> => {
  for (const { id } of seats) {
    await untilFresh(async () => {
      const subject = await deps.store.workspaces.subject(id);
      if (subject.workspace === null || subject.workspace.phase === 'Deleted') return;
      const at = { now: deps.now(), newId: deps.newId };
      await deps.store.commit(decideWorkspace(subject, { type: 'lost', limits: deps.limits }, at), at);
    });
  }
};

/** Tokens ended in one transaction, which takes a hundred items: each is two, the item and its line in the audit log. */
const TOKENS_AT_ONCE = 40;

/** The cluster's tokens end with it, in the same transaction; were there more than it takes, the first of them a moment before. */
export const recordDeleted = task<{ readonly limits: SeatLimits }, unknown, null>({
  output: z.null(),
  ended: ifSucceeded,
  run: async ({ deps, operation, cluster, commit }) => {
    const seats = cluster.takesWorkspaces
      ? (await deps.store.workspaces.ofCluster(cluster.id)).filter(({ phase }) => phase !== 'Deleted')
      : [];
    // Before they are lost: a repeat would not find them any more.
    if (isConnected(cluster)) await commit((subject) => leftUnseen(subject.cluster ?? cluster, seats, deps.now()));
    await loseSeats(deps, seats);
    const revoked = (tokens: readonly AgentTokenState[]): Decision =>
      joined(...tokens.map((token) => revokeToken(token, 'system', deps.now())));
    const left = (await deps.store.tokens.ofCluster(cluster.id)).filter((token) => token.revokedAt === undefined);
    while (left.length > TOKENS_AT_ONCE) {
      const some = left.splice(0, TOKENS_AT_ONCE);
      await commit(() => revoked(some));
    }
    await commit((subject) => {
      const at = { now: deps.now(), newId: deps.newId };
      return joined(decideCluster(subject, { type: 'deleted', operation: operation.id }, at), revoked(left));
    });
    return null;
  },
});

const failed = z.object({ error: z.object({ Error: z.string(), Cause: z.string().optional() }) });
const recorded = z.strictObject({ superseded: z.boolean() });

const recordClusterFailure = task<object, z.infer<typeof failed>, z.infer<typeof recorded>>({
  input: failed,
  output: recorded,
  // Nothing is written over an operation that has ended: it failed already (then so does the execution), succeeded, or was superseded.
  ended: (operation) => ({ superseded: operation.state !== 'Failed' }),
  run: async ({ input, operation, command }) => {
    await command({ type: 'fail', operation: operation.id, error: failureOf(input.error, operation) });
    return { superseded: false };
  },
});

/** Of whatever the operation is about. */
export const recordFailure = (deps: Deps) => {
  const ofCluster = recordClusterFailure(deps);
  const ofSeat = recordSeatFailure(deps);
  return async (event: unknown): Promise<z.infer<typeof recorded>> => {
    const { operationId } = (event ?? {}) as { readonly operationId?: unknown };
    const operation = typeof operationId === 'string' ? await deps.store.clusters.operation(operationId) : null;
    return operation?.resource.type === 'workspace' ? ofSeat(event) : ofCluster(event);
  };
};
