/** The sweeper: level-triggered, every duty on its own, so that trouble in one leaves the others done (DESIGN §2: it is the guarantee). */
import type { Deps } from '../../lib/deps.ts';
import { type CloudDeps, isOrphanMinute, sweepOrphans, sweepVersions } from './clouds.ts';
import { type ExpiryDeps, sweepExpiries, sweepLeases } from './clusters.ts';
import { type OperationDeps, sweepOperations } from './operations.ts';
import { type SeatDeps, sweepSeats } from './seats.ts';

export type SweepDeps = Deps & OperationDeps & ExpiryDeps & CloudDeps & SeatDeps;

/** One sweep. Throws at the end when a duty failed, so that the failure is counted. */
export const sweep = (deps: SweepDeps) => async (): Promise<void> => {
  const duties: readonly (readonly [string, () => Promise<void>])[] = [
    ['operations', () => sweepOperations(deps)],
    ['seats', () => sweepSeats(deps)],
    ['expiries', () => sweepExpiries(deps)],
    ['leases', () => sweepLeases(deps)],
    ['versions', () => sweepVersions(deps)],
    ...(isOrphanMinute(deps.now()) ? [['orphans', () => sweepOrphans(deps)] as const] : []),
  ];
  const failed: string[] = [];
  for (const [name, duty] of duties) {
    try {
      await duty();
    } catch (error) {
      failed.push(name);
      deps.log.error('a duty of the sweeper failed', { duty: name, error: error as Error });
    }
  }
  if (failed.length > 0) throw new Error(`the sweeper failed at: ${failed.join(', ')}`);
};
