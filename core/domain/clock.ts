/** Arithmetic on the RFC 3339 instants that the whole product uses; the present always comes in as a parameter. */

/** `instant` moved by `seconds`. */
export const plus = (instant: string, seconds: number): string =>
  new Date(Date.parse(instant) + seconds * 1000).toISOString();

/** The earlier of two instants. */
export const earlier = (one: string, other: string): string => (one <= other ? one : other);

/** Whole seconds since the epoch, for DynamoDB's `ttl` attribute. */
export const epochSeconds = (instant: string): number => Math.floor(Date.parse(instant) / 1000);

/** What every decision is given: the present and a source of ids, so that rules stay pure. */
export interface Context {
  readonly now: string;
  /** `clu` → `clu_01k…` */
  readonly newId: (prefix: string) => string;
}
