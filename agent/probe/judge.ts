/** Tells from repeated looks at the two ports whether policies are enforced. */
import type { Clock } from '../clock.ts';

/** Which of the two ports let themselves be reached, at one moment. */
export interface Sight {
  readonly allowed: boolean;
  readonly denied: boolean;
}

/** Milliseconds. */
export interface JudgeLimits {
  /** Between two looks. */
  readonly lookMs: number;
  /** For both ports to be reached while the policy allows both: in strict mode a pod starts behind a closed door. */
  readonly openMs: number;
  /** For the policy to take effect: networks work it in seconds after the API took it. */
  readonly enforceMs: number;
}

export interface JudgeOptions {
  readonly look: () => Promise<Sight>;
  readonly limits: JudgeLimits;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** So many looks in a row must agree: a lost packet is no policy, and one team's pods must not lie open for it. */
const SURE = 3;

/** Looks until `enough` says so, or the time is over; answers the last look. Throws when the signal aborts. */
const lookUntil = async (
  { look, limits, clock, signal }: JudgeOptions,
  limitMs: number,
  enough: (sight: Sight) => boolean,
): Promise<Sight> => {
  const end = clock.now() + limitMs;
  for (;;) {
    const sight = await look();
    signal.throwIfAborted();
    if (enough(sight) || clock.now() >= end) return sight;
    await clock.sleep(limits.lookMs, signal);
  }
};

/** Waits until both ports are reached. Without that, a port that is not reached would prove nothing: throws an Error that says so. */
export const awaitOpen = async (options: JudgeOptions): Promise<void> => {
  const { openMs } = options.limits;
  const sight = await lookUntil(options, openMs, ({ allowed, denied }) => allowed && denied);
  if (sight.allowed && sight.denied) return;
  throw new Error(
    `the probe's pod was not reached within ${openMs / 1000} s on ports that its policy allows: another policy or the network keeps the agent from it`,
  );
};

/** With the second port denied by now: `true` when it falls silent while the first still answers, `false` when it can be reached to the end. Throws an Error where neither can be said. */
export const judge = async (options: JudgeOptions): Promise<'true' | 'false'> => {
  const { enforceMs } = options.limits;
  let shut = 0;
  const last = await lookUntil(options, enforceMs, ({ allowed, denied }) => {
    shut = allowed && !denied ? shut + 1 : 0;
    return shut >= SURE;
  });
  if (shut >= SURE) return 'true';
  if (last.denied) return 'false';
  throw new Error(
    `what the probe's policy allows was not reached any more ${enforceMs / 1000} s after it was narrowed`,
  );
};
