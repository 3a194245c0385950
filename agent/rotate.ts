/** A new agent token each day: made here, written to the Secret, announced by its hash, then used (DESIGN §6). */
import type { Clock } from './clock.ts';
import type { Link } from './link.ts';
import { type Log, reason } from './log.ts';
import { sha256, type TokenStore } from './tokens.ts';

const AGE_MS = 24 * 3_600_000;
const LOOK_MS = 3_600_000;

export interface RotateOptions {
  readonly tokens: TokenStore;
  readonly link: () => Link | undefined;
  /** Connects again, with the next token first. */
  readonly replace: (preferNext: true) => void;
  readonly clock: Clock;
  readonly log: Log;
  readonly signal: AbortSignal;
}

/** Runs until the signal aborts; never throws. A rotation that fails leaves the present token and is tried again an hour later. */
export const rotateDaily = async ({ tokens, link, replace, clock, log, signal }: RotateOptions): Promise<void> => {
  const rotate = async () => {
    const known = await tokens.read();
    const age = clock.wall().getTime() - (known.since?.getTime() ?? 0);
    const present = link();
    if (!present || known.current === undefined || age < AGE_MS) return;
    const next = known.next ?? (await tokens.makeNext());
    await present.ask('token.rotate', { nextTokenHash: sha256(next) });
    log('info', 'the token is rotated');
    replace(true);
  };
  while (!signal.aborted) {
    await clock.sleep(LOOK_MS, signal);
    if (signal.aborted) return;
    await rotate().catch((error: unknown) => log('warn', 'the token was not rotated', { reason: reason(error) }));
  }
};
