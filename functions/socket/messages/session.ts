/** Whether the session that asked for a socket has ended meanwhile: the one end of a person's right to it (ADR 40). */
import type { Deps } from '../../lib/deps.ts';

/** `since` is when the session was last known to be good: a sign-out of everything counts from then on. A consistent read. */
export const isOver = async (
  { store }: Pick<Deps, 'store'>,
  of: { readonly account: string; readonly session?: string | undefined },
  since: string,
): Promise<boolean> => {
  const { account, signedOut } = await store.people.session(of.account, of.session);
  return account === null || signedOut || (account.signedOutAt !== undefined && account.signedOutAt >= since);
};
