/** The sweeper's duty for dev pods: groups whose seats are not as asked, secrets whose new version has not reached their pods (DESIGN §2: it is the guarantee). */
import type { GroupState } from '#core/domain/group-state.ts';
import type { SecretState } from '#core/domain/secret.ts';
import type { Deps } from '../../lib/deps.ts';
import { type GroupDeps, reconcileGroup } from '../../lib/groups.ts';
import { renewSecrets } from '../../lib/secret-renewal.ts';
import { doEach } from './chores.ts';

export type SeatDeps = Deps & GroupDeps;

export const sweepSeats = async (deps: SeatDeps): Promise<void> => {
  const now = deps.now();
  const groups = await deps.store.clusters.due<GroupState>('group', now);
  const secrets = await deps.store.clusters.due<SecretState>('secret', now);
  await doEach(deps, [
    ...groups.map(({ id }) => ({
      id,
      act: async () => {
        await reconcileGroup(deps, id);
      },
    })),
    ...secrets.map((secret) => ({
      id: secret.id,
      act: async () => {
        await renewSecrets(deps, secret);
      },
    })),
  ]);
};
