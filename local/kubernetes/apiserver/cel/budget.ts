/** A bound on what one expression may cost, so that loops in loops over long lists cannot hold up the server. */
import { CelError } from './error.ts';

/** Items that one evaluation may visit, in all its loops together. */
const MOST = 1_000_000;

let left = MOST;

/** At the start of an evaluation. Nothing in one waits, so two never share a budget; a variable of a policy has its own. */
export const newBudget = (): void => {
  left = MOST;
};

/** Throws CelError when the evaluation has become too expensive. */
export function spend(items: number): void {
  left -= items;
  if (left < 0) throw new CelError('operation cancelled: actual cost limit exceeded');
}
