/** Making accounts: the table first, since it knows who has an address, then the user pool; each step may be repeated after a crash. */
import { AppError, isCode } from '#core/contract/errors.ts';
import { type AccountState, activateAccount, registerAccount } from '#core/domain/account.ts';
import type { Deps } from './deps.ts';
import type { Identity } from './identity.ts';

export interface RegistrationDeps extends Pick<Deps, 'store' | 'now' | 'newId'> {
  readonly identity: Identity;
}

const contextOf = ({ now, newId }: RegistrationDeps) => ({ now: now(), newId });

/** The account of an address, made if there is none. */
const ensureAccount = async (deps: RegistrationDeps, email: string, actor: string): Promise<AccountState> => {
  const known = await deps.store.people.byEmail(email);
  if (known !== null) return known;
  const decision = registerAccount({ email, actor }, contextOf(deps));
  try {
    await deps.store.commit(decision, contextOf(deps));
    return decision.account;
  } catch (error) {
    const meanwhile = isCode(error, 'auth.email_taken') ? await deps.store.people.byEmail(email) : null;
    if (meanwhile === null) throw error;
    return meanwhile;
  }
};

/** The person has shown that the account is theirs; harmless to repeat. */
export const activate = async (deps: RegistrationDeps, account: AccountState): Promise<AccountState> => {
  const decision = activateAccount(account);
  await deps.store.commit(decision, contextOf(deps));
  return decision.account;
};

/** Makes an account and has its code mailed; again for one that is not confirmed. An active account is left alone. `actor` is empty for the person. */
export const invite = async (deps: RegistrationDeps, email: string, actor: string): Promise<AccountState> => {
  const account = await ensureAccount(deps, email, actor);
  if (account.state === 'Invited') await deps.identity.invite(account.id, email);
  return account;
};

/** Makes an account that can sign in at once. Throws `auth.email_taken` for one that can already. */
export const registerOpen = async (deps: RegistrationDeps, email: string, password: string): Promise<AccountState> => {
  const account = await ensureAccount(deps, email, '');
  if (account.state === 'Active') throw new AppError('auth.email_taken');
  await deps.identity.create(account.id, email, password);
  return activate(deps, account);
};
