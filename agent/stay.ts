/** Stays connected: dials, dials again with full jitter, and opens the next socket before the gateway cuts the one there is. */
import { type Clock, fullJitter } from './clock.ts';
import type { Dial } from './dial.ts';
import { type Link, LinkError } from './link.ts';
import { type Log, reason } from './log.ts';
import type { Vitals } from './vitals.ts';

/** API Gateway ends a socket after 2 h: the next one is opened at 110 min, up to 5 min earlier. */
const REPLACE_MS = 110 * 60_000;
const REPLACE_JITTER_MS = 5 * 60_000;
/** After a refusal that time alone does not cure. */
const REFUSED_MS = 5 * 60_000;
/** While refused: how often a newly installed token is looked for. */
const LOOK_MS = 15_000;
/** A link that lasted this long was a good one: the next attempt starts at the shortest back-off. */
const LASTED_MS = 60_000;
/** Attempt whose jitter (≤ 4 s) spreads agents that are all told to reconnect at once. */
const SPREAD = 2;

const REFUSALS: ReadonlySet<string> = new Set([
  'Unauthorized',
  'CloneDetected',
  'ProtocolUnsupported',
  'Revoked',
  'Invalid',
]);
const isRefusal = (error: unknown): error is LinkError => error instanceof LinkError && REFUSALS.has(error.code);

export interface StayOptions {
  readonly dial: Dial;
  /** What the Secret holds, as one comparable text: while refused, a change is a reason to dial at once. */
  readonly installed: () => Promise<string>;
  /** A link is the one in use from now on. */
  readonly adopt: (link: Link) => void;
  readonly vitals: Vitals;
  readonly clock: Clock;
  readonly log: Log;
  readonly signal: AbortSignal;
}

export interface Stay {
  /** Ends when the signal aborts and the socket is closed; never throws. */
  readonly done: Promise<void>;
  /** Opens a new socket, then closes the present one. `preferNext`: with the next token. */
  replace(preferNext: boolean): void;
}

export const stayConnected = (options: StayOptions): Stay => {
  const { dial, installed, adopt, vitals, clock, log, signal } = options;
  let renewal = new AbortController();
  let preferNext = false;

  const waitRefused = async () => {
    const before = await installed().catch(() => '');
    const until = clock.now() + REFUSED_MS;
    while (!signal.aborted && clock.now() < until) {
      await clock.sleep(LOOK_MS, signal);
      const now = await installed().catch(() => before);
      if (now !== before) return;
    }
  };

  /** The link that follows `link`, or nothing when it ended first. */
  const successor = async (link: Link): Promise<Link | undefined> => {
    let pause = REPLACE_MS - clock.random() * REPLACE_JITTER_MS;
    for (let attempt = 0; ; attempt++) {
      await clock.sleep(pause, AbortSignal.any([link.signal, signal, renewal.signal]));
      if (signal.aborted || link.signal.aborted) return undefined;
      if (renewal.signal.aborted) {
        renewal = new AbortController();
        await clock.sleep(fullJitter(SPREAD, clock.random), AbortSignal.any([link.signal, signal]));
        if (signal.aborted || link.signal.aborted) return undefined;
      }
      try {
        return await dial(preferNext);
      } catch (error) {
        log('warn', 'the next socket was not opened; the present one stays', { reason: reason(error) });
        pause = isRefusal(error) ? REFUSED_MS : fullJitter(attempt, clock.random);
      } finally {
        preferNext = false;
      }
    }
  };

  /** Uses a link and those that follow it without a gap, until one ends. */
  const use = async (first: Link) => {
    let link = first;
    for (;;) {
      vitals.acknowledged(link.ack);
      vitals.linked(true);
      log('info', 'connected', { link: link.ack.link, cluster: link.ack.clusterId, paceSeconds: link.ack.paceSeconds });
      adopt(link);
      const next = await successor(link);
      if (!next) break;
      void link.close('replaced');
      link = next;
    }
    vitals.linked(false);
    await link.close('stopping');
  };

  const stay = async () => {
    let attempt = 0;
    while (!signal.aborted) {
      try {
        const link = await dial(false);
        const since = clock.now();
        await use(link);
        if (clock.now() - since > LASTED_MS) attempt = 0;
      } catch (error) {
        if (signal.aborted) return;
        const refused = isRefusal(error);
        log(refused ? 'error' : 'warn', 'not connected', {
          reason: reason(error),
          ...(refused && { code: error.code }),
        });
        if (refused) {
          vitals.refused();
          await waitRefused();
          attempt = 0;
          continue;
        }
      }
      await clock.sleep(fullJitter(attempt++, clock.random), signal);
    }
  };

  return {
    done: stay(),
    replace: (next) => {
      preferNext ||= next;
      renewal.abort();
    },
  };
};
