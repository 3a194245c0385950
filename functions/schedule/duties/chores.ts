/** The items of a duty, each on its own: one that cannot be done keeps none of the others from it, and is still heard of. */
import type { Deps } from '../../lib/deps.ts';

export interface Chore {
  /** What it is about, as logs name it. */
  readonly id: string;
  readonly act: () => Promise<void>;
}

/** Does them in order. Throws at the end when one failed, naming those that did, so that the sweep counts as failed. */
export const doEach = async ({ log }: Pick<Deps, 'log'>, chores: readonly Chore[]): Promise<void> => {
  const failed: string[] = [];
  for (const { id, act } of chores) {
    try {
      await act();
    } catch (error) {
      failed.push(id);
      log.error('the sweeper could not do one thing', { about: id, error: error as Error });
    }
  }
  if (failed.length > 0) throw new Error(`${failed.length} of ${chores.length} failed: ${failed.join(', ')}`);
};
