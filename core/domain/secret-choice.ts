/** Which secrets a dev pod is given: a person's own win over the team's of the same name (seed-systems §4.3 H4; kubernetes.md finding 26). */
import { AppError } from '../contract/errors.ts';
import type { SeatSpec } from '../contract/seat.ts';
import type { SecretState } from './secret.ts';
import { isForgotten } from './secret-change.ts';

type SeatSecret = SeatSpec['secrets'][number];

/** What is settled when a seat is made, and outlives each version of a secret. */
export interface SecretChoice {
  /** Those that were asked for by name; without them, all that there are. */
  readonly names?: readonly string[] | undefined;
  /** Those that the template asks for in the environment, each harmless there (`isEnvironmentSafe`). */
  readonly environment: readonly string[];
}

/** Of a seat that nobody asked anything for. */
export const ALL_AS_FILES: SecretChoice = { environment: [] };

/** Seats take at most this many. */
export const SEAT_SECRET_LIMIT = 32;

/** The secret of this name that the seat's owner has: their own, else the team's. */
export const effective = (
  own: readonly SecretState[],
  team: readonly SecretState[],
): ReadonlyMap<string, SecretState> =>
  new Map([...team, ...own].filter((each) => !isForgotten(each)).map((each) => [each.name, each]));

/**
 * Names and numbers for the spec: files, and variables as well where the template asks. `strict`: one that was asked for and is not there
 * is refused with `secret.unknown`; otherwise (a renewal after it was forgotten) it is left out.
 */
export const chooseSecrets = (
  { names, environment }: SecretChoice,
  available: ReadonlyMap<string, SecretState>,
  strict: boolean,
): SeatSecret[] => {
  const missing = names?.find((name) => !available.has(name));
  if (strict && missing !== undefined)
    throw new AppError('secret.unknown', { detail: `there is no secret ${missing}`, allowed: [...available.keys()] });
  return (names ?? [...available.keys()].sort())
    .flatMap((name): SeatSecret[] => {
      const secret = available.get(name);
      return secret ? [{ name, version: secret.latest, as: environment.includes(name) ? 'Env' : 'File' }] : [];
    })
    .slice(0, SEAT_SECRET_LIMIT);
};
