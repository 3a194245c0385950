/** Reads of accounts, sessions, teams and members; tickets, signed-out sessions and rate counters, which are no entities. */
import type { Role } from '../contract/account.ts';
import { AppError } from '../contract/errors.ts';
import type { AccountState, MemberState, TeamState } from '../domain/account.ts';
import { epochSeconds, plus } from '../domain/clock.ts';
import type { ClusterState } from '../domain/cluster-state.ts';
import type { Lease } from '../domain/link.ts';
import type { ClusterRead } from './clusters.ts';
import { asEntity, fromItem, type Item } from './items.ts';
import { keys, lists, sha256 } from './keys.ts';
import type { Step, Table } from './table.ts';

/** Seconds that a signed-out session is remembered: an access token's life (DESIGN §4). */
const SIGNOUT_SECONDS = 900;
/** Seconds that a socket ticket may be used (DESIGN §4). */
export const TICKET_SECONDS = 60;

/** Who holds a ticket: what `$connect` needs to know of the person. */
export interface Ticket {
  readonly account: string;
  readonly personalTeam: string;
  readonly expiresAt: string;
}

const ticketOf = (of: Omit<Ticket, 'expiresAt'>, now: string): Ticket => ({
  ...of,
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

  /** Every access token of this session is refused from now on. */
  signOut: async (originJti: string, now: string): Promise<void> => {
    await table.put({ ...keys.signout(originJti), entity: 'Signout', ttl: epochSeconds(plus(now, SIGNOUT_SECONDS)) });
  },

  /** Keeps a ticket by its hash; the value itself is never stored. */
  addTicket: async (ticket: string, of: Omit<Ticket, 'expiresAt'>, now: string): Promise<Ticket> => {
    const kept = ticketOf(of, now);
    await table.put(ticketItem(ticket, kept));
    return kept;
  },

  /** The same, as part of a transaction. */
  ticketStep: (ticket: string, of: Omit<Ticket, 'expiresAt'>, now: string): Step => ({
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
