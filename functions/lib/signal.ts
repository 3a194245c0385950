/** Signals a waiting workflow when its condition holds: level-triggered, after a consistent read of token and condition (DESIGN §3 task; aws.md finding 6). */
import { holds } from '#core/domain/link.ts';
import type { Deps } from './deps.ts';

export interface SignalDeps extends Pick<Deps, 'store' | 'log'> {
  /** Answers the task; false when its token has ended, which is final. */
  readonly succeed: (taskToken: string, output: unknown) => Promise<boolean>;
}

/** Looks at one operation's wait. Harmless to repeat. */
export const signalIfHolding = async ({ store, log, succeed }: SignalDeps, operationId: string): Promise<void> => {
  const waiting = await store.clusters.await(operationId);
  if (waiting === null) return;
  const cluster = await store.clusters.cluster(waiting.cluster);
  if (cluster === null || !holds(waiting.awaited, cluster)) return;
  const taken = await succeed(waiting.taskToken, { awaited: waiting.awaited });
  log.info('a wait is over', { operation: operationId, awaited: waiting.awaited, taken });
  await store.clusters.endAwait(waiting);
};
