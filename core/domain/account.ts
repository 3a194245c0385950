/** Accounts, teams and memberships: making one account makes its personal team and its ownership, in one decision. */
import type * as z from 'zod';
import type { Account, Role } from '../contract/account.ts';
import { type Context, epochSeconds } from './clock.ts';
import { type Decision, write } from './decision.ts';

export interface AccountState {
  readonly entity: 'Account';
  readonly id: string;
  readonly version: number;
  readonly email: string;
  readonly state: 'Invited' | 'Active';
  readonly personalTeam: string;
  readonly createdAt: string;
  /** When all sessions of the person were ended. */
  readonly signedOutAt?: string;
}

export interface TeamState {
  readonly entity: 'Team';
  readonly id: string;
  readonly version: number;
  readonly name: string;
  readonly kind: 'personal' | 'shared';
  readonly createdAt: string;
}

export interface MemberState {
  readonly entity: 'Member';
  /** `<team>/<account>` */
  readonly id: string;
  readonly version: number;
  readonly team: string;
  readonly account: string;
  readonly role: Role;
  readonly createdAt: string;
}

/** What the API answers. */
export const toAccount = ({ id, email, state, personalTeam, createdAt }: AccountState): z.infer<typeof Account> => ({
  id,
  email,
  state,
  personalTeam,
  createdAt,
});

/** Was this session ended with all the others? `began` is the token's `auth_time`: whole seconds, so that who signs in again in the same second is in. */
export const endedWithAll = ({ signedOutAt }: Pick<AccountState, 'signedOutAt'>, began: number | undefined): boolean =>
  signedOutAt !== undefined && (began ?? 0) < epochSeconds(signedOutAt);

/** A new account with its personal team, which it owns. The claim keeps the email unique. */
export const registerAccount = (
  command: { readonly email: string; readonly actor: string },
  { now, newId }: Context,
): Decision & { readonly account: AccountState } => {
  const id = newId('acc');
  const team = newId('team');
  const account: AccountState = {
    entity: 'Account',
    id,
    version: 1,
    email: command.email,
    state: 'Invited',
    personalTeam: team,
    createdAt: now,
  };
  return {
    account,
    writes: [
      write(null, account),
      write<TeamState>(null, {
        entity: 'Team',
        id: team,
        version: 1,
        name: command.email,
        kind: 'personal',
        createdAt: now,
      }),
      write<MemberState>(null, {
        entity: 'Member',
        id: `${team}/${id}`,
        version: 1,
        team,
        account: id,
        role: 'owner',
        createdAt: now,
      }),
    ],
    claims: [{ claim: 'email', email: command.email, account: id, code: 'auth.email_taken' }],
    audit: [
      { team, actor: command.actor === '' ? `account:${id}` : command.actor, action: 'account.register', resource: id },
    ],
  };
};

/** The person has a password of their own now. Nothing is written when that was so before. */
export const activateAccount = (account: AccountState): Decision & { readonly account: AccountState } => {
  if (account.state === 'Active') return { account, writes: [], claims: [], audit: [] };
  const next: AccountState = { ...account, version: account.version + 1, state: 'Active' };
  return {
    account: next,
    writes: [{ before: account, next }],
    claims: [],
    audit: [
      { team: account.personalTeam, actor: `account:${account.id}`, action: 'account.confirm', resource: account.id },
    ],
  };
};

/** May this address register? (DESIGN §4: `closed`, `open`, `domains:a,b`). Answers the error code, or null. */
export const registrationRefusal = (
  mode: string,
  email: string,
): 'auth.registration_closed' | 'auth.domain_not_allowed' | null => {
  if (mode === 'open') return null;
  if (mode === 'closed') return 'auth.registration_closed';
  const domains = mode.slice('domains:'.length).split(',');
  return domains.includes(email.slice(email.lastIndexOf('@') + 1)) ? null : 'auth.domain_not_allowed';
};
