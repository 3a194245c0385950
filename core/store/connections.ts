/** Open sockets and what they listen to: ephemeral items, gone with the socket or by their time to live. */

import { AppError } from '../contract/errors.ts';
import { epochSeconds, plus } from '../domain/clock.ts';
import { Stale, untilFresh } from './commit.ts';
import { fromItem, type Item } from './items.ts';
import { keys, lists } from './keys.ts';
import type { Table, TransactItem } from './table.ts';

/** A little over the longest life of a socket (2 h): garbage collection only. */
export const SOCKET_SECONDS = 7500;
/** Teams that one socket may listen to. */
export const SUBSCRIPTION_LIMIT = 20;

export interface PersonConnection {
  readonly id: string;
  readonly kind: 'account';
  readonly account: string;
  readonly personalTeam: string;
  /** `origin_jti` of the session whose ticket opened it: its end is the socket's. */
  readonly session?: string | undefined;
  readonly teams: readonly string[];
  readonly connectedAt: string;
}

export interface AgentConnection {
  readonly id: string;
  readonly kind: 'agent';
  readonly cluster: string;
  /** Hash of the token it was opened with; checked again at every message. */
  readonly tokenHash: string;
  readonly tokenKind: 'install' | 'agent';
  readonly link: number;
  readonly connectedAt: string;
}

export type Connection = PersonConnection | AgentConnection;

const socketsUnder = async (table: Table, pk: string): Promise<Item[]> => {
  const found: Item[] = [];
  let from: Record<string, unknown> | undefined;
  do {
    const { items, next } = await table.query({ pk, beginsWith: 'SOCKET#', from });
    found.push(...items);
    from = next;
  } while (from !== undefined);
  return found;
};

const gone = () => new AppError('conflict', { detail: 'the connection has ended' });

/**
 * Changes what a connection listens to, with the subscription that it is about. Two messages of a socket may be handled at once (DESIGN §4): the
 * change is of the teams that were read, and decided again when they are others by now.
 */
const listening = (
  table: Table,
  read: PersonConnection,
  change: (now: PersonConnection) => { readonly teams: readonly string[]; readonly item: TransactItem } | null,
): Promise<void> => {
  let now: PersonConnection | undefined = read;
  return untilFresh(async () => {
    const connection = now ?? (await connectionAt(table, read.id));
    now = undefined;
    if (connection?.kind !== 'account') throw gone();
    const changed = change(connection);
    if (changed === null) return;
    await table.transact([
      {
        item: {
          Update: {
            TableName: table.name,
            Key: keys.connection(read.id),
            UpdateExpression: 'SET teams = :next',
            ConditionExpression: 'teams = :read',
            ExpressionAttributeValues: { ':next': changed.teams, ':read': connection.teams },
            ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
          },
        },
        onFailed: (standing) => (standing === undefined ? gone() : new Stale('the connection')),
      },
      { item: changed.item, onFailed: gone },
    ]);
  });
};

const connectionAt = async (table: Table, id: string): Promise<Connection | null> => {
  const item = await table.get(keys.connection(id));
  return item === null ? null : fromItem<Connection>(item);
};

export const connectionsIn = (table: Table) => ({
  get: (id: string): Promise<Connection | null> => connectionAt(table, id),

  open: async (connection: Connection): Promise<void> => {
    const ttl = epochSeconds(plus(connection.connectedAt, SOCKET_SECONDS));
    const item = { ...keys.connection(connection.id), entity: 'Connection', ttl, ...connection };
    if (connection.kind === 'agent')
      return void (await table.put({
        ...item,
        gsi1pk: lists.connectionsOf(connection.cluster),
        gsi1sk: connection.id,
      }));
    const { id, account, session } = connection;
    // Under the account too, where a consistent query finds it: no index could.
    await Promise.all([
      table.put({ ...keys.socket(account, id), entity: 'Socket', ttl, connection: id, session }),
      table.put(item),
    ]);
  },

  /** Removes the connection and all that it listens to; answers what it was. */
  close: async (id: string): Promise<Connection | null> => {
    const item = await table.remove(keys.connection(id));
    if (item === null) return null;
    const connection = fromItem<Connection>(item);
    if (connection.kind === 'account') {
      for (const team of connection.teams) await table.remove(keys.subscription(team, id));
      await table.remove(keys.socket(connection.account, id));
    }
    return connection;
  },

  /** Listen to a team: the connection knows its teams, so that closing it leaves nothing behind. */
  subscribe: (connection: PersonConnection, team: string): Promise<void> =>
    listening(table, connection, ({ id, teams, connectedAt }) => {
      if (teams.includes(team)) return null;
      if (teams.length >= SUBSCRIPTION_LIMIT)
        throw new AppError('request.invalid', { detail: `a socket listens to at most ${SUBSCRIPTION_LIMIT} teams` });
      const Item = {
        ...keys.subscription(team, id),
        entity: 'Subscription',
        team,
        connection: id,
        ttl: epochSeconds(plus(connectedAt, SOCKET_SECONDS)),
      };
      return { teams: [...teams, team], item: { Put: { TableName: table.name, Item } } };
    }),

  unsubscribe: (connection: PersonConnection, team: string): Promise<void> =>
    listening(table, connection, ({ id, teams }) =>
      teams.includes(team)
        ? {
            teams: teams.filter((each) => each !== team),
            item: { Delete: { TableName: table.name, Key: keys.subscription(team, id) } },
          }
        : null,
    ),

  /** Sockets that listen to a team; a consistent read, so that nobody who was told `subscribed` misses an event. */
  listeners: async (team: string): Promise<string[]> =>
    (await socketsUnder(table, `TEAM#${team}`)).map((item) => String(item.connection)),

  /** Sockets of a person: of one session, or all. A consistent read: none that was opened before is missed. */
  ofAccount: async (account: string, session?: string): Promise<string[]> =>
    (await socketsUnder(table, `ACCOUNT#${account}`))
      .filter((item) => session === undefined || item.session === session)
      .map((item) => String(item.connection)),

  /** Does anybody watch the team? */
  isWatched: async (team: string): Promise<boolean> =>
    (await table.query({ pk: `TEAM#${team}`, beginsWith: 'SOCKET#', limit: 1 })).items.length > 0,

  /** Removes one listener that answered 410. */
  dropListener: async (team: string, connection: string): Promise<void> => {
    await table.remove(keys.subscription(team, connection));
  },

  ofCluster: async (cluster: string): Promise<AgentConnection[]> =>
    (await table.query({ index: 'gsi1', pk: lists.connectionsOf(cluster) })).items.map((item) =>
      fromItem<AgentConnection>(item),
    ),
});
