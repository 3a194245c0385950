/** After the key was rotated or replaced: everything that is kept sealed is sealed anew, with data keys of the present one. */
import { isForgotten, resealed } from '#core/domain/secret-change.ts';
import { untilFresh } from '#core/store/commit.ts';
import type { Deps } from '#functions/lib/deps.ts';
import { type Sealing, secretContext } from '#functions/lib/sealing.ts';

interface RekeyDeps extends Pick<Deps, 'store' | 'now' | 'newId'> {
  /** Opens what any key sealed, seals with the present one. */
  readonly sealing: Sealing;
}

/**
 * Answers how many secrets were sealed anew. May be repeated; a secret that gets a new value meanwhile is looked at again. Sealed answers
 * of requests and credentials on their way are left to end by themselves, within minutes.
 */
export const rekey = async ({ store, sealing, now, newId }: RekeyDeps): Promise<number> => {
  let count = 0;
  for (const { holder, name } of await store.secrets.all())
    await untilFresh(async () => {
      const secret = await store.secrets.get(holder, name);
      if (secret === null || isForgotten(secret)) return;
      const sealed: Record<string, string> = {};
      for (const [number, text] of Object.entries(secret.sealed)) {
        const context = secretContext(holder, name, Number(number));
        sealed[number] = await sealing.seal(await sealing.open(text, context), context);
      }
      await store.commit(resealed(secret, sealed), { now: now(), newId });
      count += 1;
    });
  return count;
};
