/** Open sockets and what they listen to: ephemeral items, gone with the socket or by their time to live. */

import { AppError } from '../contract/errors.ts';
import { epochSeconds, plus } from '../domain/clock.ts';
import { fromItem, type Item } from './items.ts';
import { keys, lists } from './keys.ts';
import type { Step, Table } from './table.ts';

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

export const connectionsIn = (table: Table) => ({
  get: async (id: string): Promise<Connection | null> => {
    const item = await table.get(keys.connection(id));
    return item === null ? null : fromItem<Connection>(item);
  },

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
  subscribe: async (connection: PersonConnection, team: string): Promise<void> => {
    if (connection.teams.includes(team)) return;
    if (connection.teams.length >= SUBSCRIPTION_LIMIT)
      throw new AppError('request.invalid', { detail: `a socket listens to at most ${SUBSCRIPTION_LIMIT} teams` });
    const gone = () => new AppError('conflict', { detail: 'the connection has ended' });
    const steps: Step[] = [
      {
        item: {
          Update: {
            TableName: table.name,
            Key: keys.connection(connection.id),
            UpdateExpression: 'SET teams = list_append(teams, :team)',
            ConditionExpression: 'attribute_exists(pk)',
            ExpressionAttributeValues: { ':team': [team] },
          },
        },
        onFailed: gone,
      },
      {
        item: {
          Put: {
            TableName: table.name,
            Item: {
              ...keys.subscription(team, connection.id),
              entity: 'Subscription',
              team,
              connection: connection.id,
              ttl: epochSeconds(plus(connection.connectedAt, SOCKET_SECONDS)),
            },
          },
        },
        onFailed: gone,
      },
    ];
    await table.transact(steps);
  },

  unsubscribe: async (connection: PersonConnection, team: string): Promise<void> => {
    await table.remove(keys.subscription(team, connection.id));
    await table.update(keys.connection(connection.id), {
      expression: 'SET teams = :teams',
      values: { ':teams': connection.teams.filter((each) => each !== team) },
      condition: 'attribute_exists(pk)',
    });
  },

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
