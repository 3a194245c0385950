/** Which secrets a dev pod is given: a person's own win over the team's of the same name (seed-systems §4.3 H4; kubernetes.md finding 26). */
import { AppError } from '../contract/errors.ts';
import type { SeatSpec } from '../contract/seat.ts';
import { LOGIN_KEYS } from '../contract/secret.ts';
import { isPersonal, type SecretState } from './secret.ts';
import { isForgotten } from './secret-change.ts';

type SeatSecret = SeatSpec['secrets'][number];

/** What is settled when a seat is made, and outlives each version of a secret. */
export interface SecretChoice {
  /** Those that were asked for by name; without them, all that there are. */
  readonly names?: readonly string[] | undefined;
  /** Those that the template asks for in the environment, each harmless there (`isEnvironmentSafe`). */
  readonly environment: readonly string[];
  /**
   * Its owner let their own secrets in, by making the seat or choosing its secrets. A seat that somebody else made has the team's alone: who
   * chooses the image chooses who reads them (docs/adr/0042).
   */
  readonly personal: boolean;
}

/** Of a seat that nobody asked anything for. */
export const NO_CHOICE: SecretChoice = { environment: [], personal: false };

/** Seats take at most this many. */
export const SEAT_SECRET_LIMIT = 32;

/** The secrets that the seat may see, those that win first. */
export const secretsInReach = (
  { personal }: SecretChoice,
  own: readonly SecretState[],
  team: readonly SecretState[],
): readonly SecretState[] => [...(personal ? own : []), ...team.filter(({ name }) => name !== LOGIN_KEYS)];

/** Whose it is, as a spec says it. */
export const holderOf = (secret: SecretState): SeatSecret['holder'] => (isPersonal(secret) ? 'Owner' : 'Team');

/** The secret of each name: the person's own, else the team's. */
const effective = (inReach: readonly SecretState[]): ReadonlyMap<string, SecretState> =>
  new Map(
    inReach
      .filter((each) => !isForgotten(each))
      .map((each) => [each.name, each] as const)
      .reverse(),
  );

/**
 * Names and numbers for the spec: files, and variables as well where the template asks. `strict`: what was asked for and is not there is refused
 * with `secret.unknown`, and more than a pod takes with `secret.too_many`; otherwise (a renewal) it is left out, what programs look for last.
 */
export const chooseSecrets = (
  { names, environment }: SecretChoice,
  inReach: readonly SecretState[],
  strict: boolean,
): SeatSecret[] => {
  const available = effective(inReach);
  const missing = names?.find((name) => !available.has(name));
  if (strict && missing !== undefined)
    throw new AppError('secret.unknown', { detail: `there is no secret ${missing}`, allowed: [...available.keys()] });
  const isVariable = (name: string): boolean => environment.includes(name);
  const chosen = names ?? [...available.keys()].sort();
  if (strict && chosen.length > SEAT_SECRET_LIMIT)
    throw new AppError('secret.too_many', {
      detail: `there are ${chosen.length} secrets, and a dev pod takes ${SEAT_SECRET_LIMIT}`,
    });
  const taken = new Set([...new Set([...chosen.filter(isVariable), ...chosen])].slice(0, SEAT_SECRET_LIMIT));
  return chosen
    .filter((name) => taken.has(name))
    .flatMap((name): SeatSecret[] => {
      const secret = available.get(name);
      const as = isVariable(name) ? 'Env' : 'File';
      return secret ? [{ name, version: secret.latest, holder: holderOf(secret), as }] : [];
    });
};
