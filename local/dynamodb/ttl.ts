/** Deletes expired items, as DynamoDB does and DynamoDB Local does not; the stream then says that the service did it. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Checkpoints } from '#local/lambda/event-source/checkpoints.ts';
import { AwsError } from '#local/types.ts';
import type { Dynamo } from './client.ts';
import type { Nudge } from './nudge.ts';
import type { LocalTable } from './table.ts';

/** DynamoDB's own JSON of an item. */
export type Item = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

/** The identity that stream records of such deletes carry. */
export const TTL_IDENTITY = { type: 'Service', principalId: 'dynamodb.amazonaws.com' } as const;

/** An item's key as text, the same from a record's Keys and from the item. */
export const keyText = (keys: readonly string[], item: Item): string => JSON.stringify(keys.map((name) => item[name]));

export interface TtlOptions {
  readonly table: LocalTable;
  readonly dynamo: Dynamo;
  readonly checkpoints: Checkpoints;
  readonly nudge: Nudge;
  readonly periodMs: number;
  log(line: string): void;
}

/** Starts the emulator for a table with a TTL attribute; answers how to stop it. */
export function startTtl({ table, dynamo, checkpoints, nudge, periodMs, log }: TtlOptions): () => Promise<void> {
  const stop = new AbortController();
  const { signal } = stop;
  const attribute = table.ttlAttribute!;

  /** Deletes the item unless its expiry was moved since it was read. */
  async function expire(item: Item): Promise<void> {
    const expiry = String(item[attribute]!.N);
    checkpoints.markExpired(table.name, keyText(table.keys, item), expiry);
    try {
      await dynamo.call('DeleteItem', {
        TableName: table.name,
        Key: Object.fromEntries(table.keys.map((name) => [name, item[name]])),
        ConditionExpression: '#ttl = :expiry',
        ExpressionAttributeNames: { '#ttl': attribute },
        ExpressionAttributeValues: { ':expiry': { N: expiry } },
      });
      nudge.now();
    } catch (error) {
      if (!(error instanceof AwsError && error.code === 'ConditionalCheckFailedException')) throw error;
    }
  }

  async function pass(): Promise<void> {
    let from: unknown;
    do {
      const page = await dynamo.call('Scan', {
        TableName: table.name,
        FilterExpression: '#ttl < :now',
        ExpressionAttributeNames: { '#ttl': attribute },
        ExpressionAttributeValues: { ':now': { N: String(Math.floor(Date.now() / 1000)) } },
        ...(from !== undefined && { ExclusiveStartKey: from }),
      });
      for (const item of page.Items as Item[]) if (!signal.aborted) await expire(item);
      from = page.LastEvaluatedKey;
    } while (from && !signal.aborted);
  }

  const run = async (): Promise<void> => {
    while (!signal.aborted) {
      await pass().catch((error: Error) => {
        if (!signal.aborted) log(`time to live of ${table.name}: ${error.message}`);
      });
      await delay(periodMs, undefined, { signal }).catch(() => {});
    }
  };
  const running = run();
  return async () => {
    stop.abort();
    await running;
  };
}
