/** The sweeper's duty for dev pods: groups whose seats are not as asked, secrets whose new version has not reached their pods (DESIGN §2: it is the guarantee). */
import type { GroupState } from '#core/domain/group-state.ts';
import type { SecretState } from '#core/domain/secret.ts';
import type { Deps } from '../../lib/deps.ts';
import { type GroupDeps, reconcileGroup } from '../../lib/groups.ts';
import { renewSecrets } from '../../lib/secret-renewal.ts';

export type SeatDeps = Deps & GroupDeps;

/** Each on its own, so that one that cannot be made right keeps none of the others. */
export const sweepSeats = async (deps: SeatDeps): Promise<void> => {
  const now = deps.now();
  for (const { id } of await deps.store.clusters.due<GroupState>('group', now)) await reconcileGroup(deps, id);
  for (const secret of await deps.store.clusters.due<SecretState>('secret', now)) await renewSecrets(deps, secret);
};
