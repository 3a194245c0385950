/** Reads of accounts, sessions, teams and members; tickets, signed-out sessions and rate counters, which are no entities. */
import type { Role } from '../contract/account.ts';
import { AppError } from '../contract/errors.ts';
import type { AccountState, MemberState, TeamState } from '../domain/account.ts';
import { epochSeconds, plus } from '../domain/clock.ts';
import type { ClusterState } from '../domain/cluster-state.ts';
import type { Lease } from '../domain/link.ts';
import type { ClusterRead } from './clusters.ts';
import { SOCKET_SECONDS } from './connections.ts';
import { asEntity, fromItem, type Item } from './items.ts';
import { keys, lists, sha256 } from './keys.ts';
import type { Step, Table } from './table.ts';

/** Seconds that a signed-out session is remembered: as long as one of its sockets might be open, which is longer than its access tokens live. */
const SIGNOUT_SECONDS = SOCKET_SECONDS;
/** Seconds that a socket ticket may be used (DESIGN §4). */
export const TICKET_SECONDS = 60;

/** Who holds a ticket: what `$connect` needs to know of the person. */
export interface Ticket {
  readonly account: string;
  readonly personalTeam: string;
  /** `origin_jti` of the session that asked for it. */
  readonly session?: string | undefined;
  readonly issuedAt: string;
  readonly expiresAt: string;
}
type Holder = Omit<Ticket, 'issuedAt' | 'expiresAt'>;

/** An item that says who was signed out: one session, or all of the account. */
export interface Signout {
  readonly account: string;
  readonly session?: string;
}

const signoutItem = (of: Signout, now: string): Item => ({
  ...keys.signout(of.session ?? of.account),
  entity: 'Signout',
  ttl: epochSeconds(plus(now, SIGNOUT_SECONDS)),
  ...of,
});

const ticketOf = (of: Holder, now: string): Ticket => ({
  ...of,
  issuedAt: now,
  expiresAt: plus(now, TICKET_SECONDS),
});
const ticketItem = (ticket: string, kept: Ticket): Item => ({
  ...keys.ticket(sha256(ticket)),
  entity: 'Ticket',
  ttl: epochSeconds(kept.expiresAt),
  ...kept,
});

export const peopleIn = (table: Table) => ({
  account: async (id: string): Promise<AccountState | null> => {
    const item = await table.get(keys.account(id));
    return item === null ? null : fromItem<AccountState>(item);
  },

  /** The account and whether this session has signed out, in one consistent read; with it, if asked for, a cluster and its lease. */
  session: async (
    account: string,
    originJti: string | undefined,
    cluster?: string,
  ): Promise<{ account: AccountState | null; signedOut: boolean; named?: ClusterRead }> => {
    const person = [keys.account(account), ...(originJti === undefined ? [] : [keys.signout(originJti)])];
    const named = cluster === undefined ? [] : [keys.cluster(cluster), keys.lease(cluster)];
    const items = await table.batchGet([...person, ...named]);
    const [found, out] = items.slice(0, person.length);
    const [read, held] = items.slice(person.length);
    return {
      account: asEntity<AccountState>(found),
      signedOut: asEntity(out) !== null,
      ...(cluster === undefined
        ? {}
        : { named: { cluster: asEntity<ClusterState>(read), lease: asEntity<Lease>(held) } }),
    };
  },

  byEmail: async (email: string): Promise<AccountState | null> => {
    const pointer = await table.get(keys.email(email));
    if (pointer === null) return null;
    const item = await table.get(keys.account(String(pointer.account)));
    return item === null ? null : fromItem<AccountState>(item);
  },

  /** The account's role in a team, or null. */
  role: async (team: string, account: string): Promise<Role | null> => {
    const item = await table.get(keys.member(team, account));
    return item === null ? null : fromItem<MemberState>(item).role;
  },

  /** The account's teams with its role in each. */
  teams: async (account: string): Promise<{ team: TeamState; role: Role }[]> => {
    const { items } = await table.query({ index: 'gsi1', pk: lists.teamsOf(account) });
    const members = items.map((item) => fromItem<MemberState>(item));
    if (members.length === 0) return [];
    const teams = await table.batchGet(members.map((member) => keys.team(member.team)));
    return teams.flatMap((team, at) =>
      team === null ? [] : [{ team: fromItem<TeamState>(team), role: (members[at] as MemberState).role }],
    );
  },

  /** Every access token of this session is refused from now on; its sockets are closed by whoever reads the stream. */
  signOut: async (account: string, session: string, now: string): Promise<void> => {
    await table.put(signoutItem({ account, session }, now));
  },

  /** The same for every session that began before. The account says so first: who sees the item finds no ticket that is still taken. */
  signOutAll: async (account: string, now: string): Promise<void> => {
    await table.update(keys.account(account), {
      expression: 'SET signedOutAt = :now',
      values: { ':now': now },
      condition: 'attribute_exists(pk)',
    });
    await table.put(signoutItem({ account }, now));
  },

  /** Keeps a ticket by its hash; the value itself is never stored. */
  addTicket: async (ticket: string, of: Holder, now: string): Promise<Ticket> => {
    const kept = ticketOf(of, now);
    await table.put(ticketItem(ticket, kept));
    return kept;
  },

  /** The same, as part of a transaction. */
  ticketStep: (ticket: string, of: Holder, now: string): Step => ({
    item: {
      Put: {
        TableName: table.name,
        Item: { ...ticketItem(ticket, ticketOf(of, now)) },
        ConditionExpression: 'attribute_not_exists(pk)',
      },
    },
    onFailed: () => new AppError('conflict', { detail: 'the ticket exists' }),
  }),

  /** Uses a ticket up; null when it is unknown, used or expired. */
  takeTicket: async (ticket: string, now: string): Promise<Ticket | null> => {
    const item = await table.remove(keys.ticket(sha256(ticket)), {
      expression: 'attribute_exists(pk) AND expiresAt > :now',
      values: { ':now': now },
    });
    return item === null ? null : fromItem<Ticket>(item);
  },

  /** Counts an attempt of `subject` in its window; answers how many there were with this one. */
  count: async (subject: string, windowSeconds: number, now: string): Promise<number> => {
    const window = Math.floor(epochSeconds(now) / windowSeconds);
    const item = await table.update(keys.rate(sha256(subject), window), {
      expression: 'ADD attempts :one SET #ttl = :ttl, entity = :entity',
      names: { '#ttl': 'ttl' },
      values: { ':one': 1, ':ttl': (window + 2) * windowSeconds, ':entity': 'Rate' },
    });
    return Number(item?.attempts ?? 1);
  },
});
