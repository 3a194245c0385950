/** The claims of dev pods: their place on a cluster, their team's quotas, and the list that agents sync by. Counters only grow within their limits. */
import { AppError, type ErrorCode } from '../contract/errors.ts';
import type { Claim } from '../domain/decision.ts';
import { amountText, missingIn } from '../domain/seat-amount.ts';
import { type Key, keys } from './keys.ts';
import { Stale } from './stale.ts';
import type { Step } from './table.ts';

type Of<C extends Claim['claim']> = Extract<Claim, { claim: C }>;

/** One counter: by how much it moves, and the most that it may be afterwards. */
interface Counter {
  readonly by: number;
  readonly most: number;
}

/** `ADD` to the counters; those that grow only within their limits. Reading a counter that was never written answers 0. */
const count = (
  table: string,
  key: Key,
  entity: string,
  counters: Readonly<Record<string, Counter>>,
  onFailed: Step['onFailed'],
  condition?: string,
): Step => {
  const moving = Object.entries(counters).filter(([, { by }]) => by !== 0);
  const bounded = moving.filter(([, { by, most }]) => by > 0 && Number.isFinite(most));
  const values: Record<string, unknown> = { ':entity': entity };
  for (const [name, { by }] of moving) values[`:by_${name}`] = by;
  for (const [name, { by, most }] of bounded) values[`:left_${name}`] = most - by;
  if (bounded.length > 0) values[':none'] = 0;
  const conditions = [
    ...bounded.map(
      ([name]) => `:left_${name} >= :none AND (attribute_not_exists(#${name}) OR #${name} <= :left_${name})`,
    ),
    ...(condition === undefined ? [] : [condition]),
  ];
  return {
    item: {
      Update: {
        TableName: table,
        Key: { ...key },
        UpdateExpression: `SET entity = :entity${moving.length === 0 ? '' : ` ADD ${moving.map(([name]) => `#${name} :by_${name}`).join(', ')}`}`,
        ...(moving.length === 0
          ? {}
          : { ExpressionAttributeNames: Object.fromEntries(moving.map(([name]) => [`#${name}`, name])) }),
        ExpressionAttributeValues: values,
        ...(conditions.length === 0 ? {} : { ConditionExpression: conditions.join(' AND ') }),
        ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
      },
    },
    onFailed,
  };
};

const amountIn = (item: Record<string, unknown> | undefined) => ({
  cpuMillis: Number(item?.cpuMillis ?? 0),
  memoryMiB: Number(item?.memoryMiB ?? 0),
  gpus: Number(item?.gpus ?? 0),
  pods: Number(item?.pods ?? 0),
});

/** Its part of the cluster. What takes room fails when it is closed or full, with what is missing. */
export const roomStep = ({ cluster, seats, amount, capacity }: Of<'room'>, table: string): Step =>
  count(
    table,
    keys.room(cluster),
    'Room',
    {
      seats: { by: seats, most: Number.POSITIVE_INFINITY },
      cpuMillis: { by: amount.cpuMillis, most: capacity?.cpuMillis ?? Number.POSITIVE_INFINITY },
      memoryMiB: { by: amount.memoryMiB, most: capacity?.memoryMiB ?? Number.POSITIVE_INFINITY },
      gpus: { by: amount.gpus, most: capacity?.gpus ?? Number.POSITIVE_INFINITY },
      pods: { by: amount.pods, most: capacity?.pods ?? Number.POSITIVE_INFINITY },
    },
    (standing) => {
      if (standing?.closed === true)
        return new AppError('placement.no_fit', { detail: `the cluster ${cluster} takes no more dev pods` });
      const missing = capacity === undefined ? [] : missingIn(capacity, amountIn(standing), amount);
      return new AppError('placement.no_fit', {
        detail: `the cluster ${cluster} lacks ${missing.join(', ')}; asked for ${amountText(amount)}`,
      });
    },
    capacity === undefined ? undefined : 'attribute_not_exists(closed)',
  );

/** The last word on a cluster: nobody is placed on it after this. */
export const closeStep = ({ cluster, force }: Of<'room-close'>, table: string): Step => ({
  item: {
    Update: {
      TableName: table,
      Key: { ...keys.room(cluster) },
      UpdateExpression: 'SET closed = :true, entity = :entity',
      ExpressionAttributeValues: { ':true': true, ':entity': 'Room', ...(force ? {} : { ':none': 0 }) },
      ...(force ? {} : { ConditionExpression: 'attribute_not_exists(seats) OR seats <= :none' }),
      ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
    },
  },
  onFailed: (standing) =>
    new AppError('cluster.has_workspaces', { detail: `${Number(standing?.seats ?? 0)} of them live there` }),
});

/** The team's quotas; each limit has its own code. */
export const teamSeatsStep = (claim: Of<'team-seats'>, table: string): Step => {
  const { limits } = claim;
  const counters: Readonly<Record<string, Counter>> = {
    workspaces: { by: claim.workspaces, most: limits.teamWorkspaces },
    cpuMillis: { by: claim.cpuMillis, most: limits.teamCpuMillis },
    memoryMiB: { by: claim.memoryMiB, most: limits.teamMemoryMiB },
    storageGiB: { by: claim.storageGiB, most: limits.teamStorageGiB },
  };
  const refusals: readonly (readonly [string, ErrorCode, (number: number) => string])[] = [
    ['workspaces', 'quota.team_workspaces', (n) => `${n} dev pods`],
    ['cpuMillis', 'quota.team_compute', (n) => `${n / 1000} vCPU`],
    ['memoryMiB', 'quota.team_compute', (n) => `${n} MiB of memory`],
    ['storageGiB', 'quota.team_storage', (n) => `${n} GiB of volumes`],
  ];
  return count(table, keys.teamSeats(claim.team), 'TeamSeats', counters, (standing) => {
    for (const [name, code, text] of refusals) {
      const { by, most } = counters[name] as Counter;
      const held = Number(standing?.[name] ?? 0);
      if (by > 0 && held + by > most)
        return new AppError(code, {
          detail: `asked for ${text(by)}; ${text(Math.max(0, most - held))} of ${text(most)} are free`,
        });
    }
    return new Stale('the quota of the team');
  });
};

/** The line that agents sync by. */
export const rowStep = ({ cluster, workspace, revision, tombstone, gone }: Of<'seat-row'>, table: string): Step => {
  const key = keys.seatRow(cluster, workspace);
  return {
    item:
      gone === true
        ? { Delete: { TableName: table, Key: { ...key } } }
        : {
            Put: {
              TableName: table,
              Item: {
                ...key,
                entity: 'SeatRow',
                id: workspace,
                revision,
                ...(tombstone === undefined ? {} : { tombstone }),
              },
            },
          },
    onFailed: () => new Stale(`the row of ${workspace}`),
  };
};
