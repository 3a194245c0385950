/** Which secrets a dev pod is given: a person's own win over the team's of the same name (seed-systems §4.3 H4; kubernetes.md finding 26). */
import { AppError } from '../contract/errors.ts';
import { isEnvironmentSafe, type SeatSpec } from '../contract/seat.ts';
import type { SecretState } from './secret.ts';
import { isForgotten } from './secret-change.ts';

type SeatSecret = SeatSpec['secrets'][number];

/** A name with how it is delivered. */
export interface ChosenSecret {
  readonly name: string;
  readonly as: 'File' | 'Env';
}

/** Seats take at most this many. */
export const SEAT_SECRET_LIMIT = 32;

/** The secret of this name that the seat's owner has: their own, else the team's. */
export const effective = (
  own: readonly SecretState[],
  team: readonly SecretState[],
): ReadonlyMap<string, SecretState> =>
  new Map([...team, ...own].filter((each) => !isForgotten(each)).map((each) => [each.name, each]));

/**
 * Names and numbers for the spec. Without a choice all of them, as files. `strict`: a chosen one that is not there is refused with
 * `secret.unknown`; otherwise (a renewal after it was forgotten) it is left out. Throws `secret.not_environment`.
 */
export const chooseSecrets = (
  choice: readonly ChosenSecret[] | undefined,
  available: ReadonlyMap<string, SecretState>,
  strict: boolean,
): SeatSecret[] => {
  const chosen: readonly ChosenSecret[] =
    choice ?? [...available.keys()].sort().map((name) => ({ name, as: 'File' as const }));
  const known = chosen.filter(({ name }) => {
    if (available.has(name)) return true;
    if (strict)
      throw new AppError('secret.unknown', { detail: `there is no secret ${name}`, allowed: [...available.keys()] });
    return false;
  });
  for (const { name, as } of known)
    if (as === 'Env' && !isEnvironmentSafe(name))
      throw new AppError('secret.not_environment', { detail: `${name} may not be an environment variable` });
  return known
    .slice(0, SEAT_SECRET_LIMIT)
    .map(({ name, as }) => ({ name, version: (available.get(name) as SecretState).latest, as }));
};
