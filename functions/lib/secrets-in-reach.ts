/** The secrets that a seat may see: whose they are decides what is read of them at all. */

import type { SecretState } from '#core/domain/secret.ts';
import { type SecretChoice, secretsInReach } from '#core/domain/secret-choice.ts';
import type { Store } from '#core/store/store.ts';

/** Those that win first: the owner's where they let them in, then the team's. */
export const readInReach = async (
  { secrets }: Pick<Store, 'secrets'>,
  { team, owner }: { readonly team: string; readonly owner: string },
  choice: SecretChoice,
): Promise<readonly SecretState[]> => {
  const [own, shared] = await Promise.all([choice.personal ? secrets.list(owner) : [], secrets.list(team)]);
  return secretsInReach(choice, own, shared);
};
