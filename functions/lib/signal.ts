/** Signals a waiting workflow when its condition holds: level-triggered, after a consistent read of token and condition (DESIGN §3 task; aws.md finding 6). */
import { type Awaited, holds } from '#core/domain/link.ts';
import { type Outcome, settled } from '#core/domain/workspace-settled.ts';
import type { AwaitItem } from '#core/store/clusters.ts';
import type { Deps } from './deps.ts';

export interface SignalDeps extends Pick<Deps, 'store' | 'log'> {
  /** Answers the task; false when its token has ended, which is final. */
  readonly succeed: (taskToken: string, output: unknown) => Promise<boolean>;
  /** Fails the task; false when its token has ended, which is final. */
  readonly failToken: (taskToken: string, error: string, cause: string) => Promise<boolean>;
}

const outcomeOf = async ({ store }: SignalDeps, { resource, awaited }: AwaitItem): Promise<Outcome> => {
  if (resource.type === 'workspace') {
    const workspace = await store.workspaces.workspace(resource.id);
    return workspace === null ? { state: 'open' } : settled(workspace);
  }
  const cluster = await store.clusters.cluster(resource.id);
  return { state: cluster !== null && holds(awaited as Awaited, cluster) ? 'done' : 'open' };
};

/** Looks at one operation's wait. Harmless to repeat. */
export const signalIfHolding = async (deps: SignalDeps, operationId: string): Promise<void> => {
  const { store, log, succeed, failToken } = deps;
  const waiting = await store.clusters.await(operationId);
  if (waiting === null) return;
  const outcome = await outcomeOf(deps, waiting);
  if (outcome.state === 'open') return;
  const taken =
    outcome.state === 'done'
      ? await succeed(waiting.taskToken, { awaited: waiting.awaited })
      : await failToken(
          waiting.taskToken,
          'Permanent',
          JSON.stringify({ errorMessage: `seat.${outcome.reason}: ${outcome.message}` }),
        );
  log.info('a wait is over', { operation: operationId, awaited: waiting.awaited, outcome: outcome.state, taken });
  await store.clusters.endAwait(waiting);
};
