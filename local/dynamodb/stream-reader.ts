/** Reads a table's stream for one event source mapping: every shard in order, parents first, from the checkpoint on. */
import { setTimeout as delay } from 'node:timers/promises';
import type { DynamoDBRecord } from 'aws-lambda';
import type { Checkpoints } from '#local/lambda/event-source/checkpoints.ts';
import { AwsError, REGION } from '#local/types.ts';
import type { Dynamo } from './client.ts';
import { toTheirArn } from './names.ts';
import type { Nudge } from './nudge.ts';

export interface ReaderOptions {
  /** Names the checkpoints. */
  readonly mapping: string;
  readonly streamArn: string;
  readonly startingPosition: 'TRIM_HORIZON' | 'LATEST';
  readonly batchSize: number;
  readonly dynamo: Dynamo;
  readonly checkpoints: Checkpoints;
  readonly nudge: Nudge;
  /** Resolves when the records are done with; only then the checkpoint moves. */
  handle(records: readonly StreamedRecord[], shardId: string): Promise<void>;
  log(line: string): void;
}

/** A record as Lambda hands it on; numbers and keys are always there. */
export type StreamedRecord = DynamoDBRecord & {
  readonly dynamodb: NonNullable<DynamoDBRecord['dynamodb']> & {
    readonly SequenceNumber: string;
    readonly ApproximateCreationDateTime: number;
  };
};

interface Shard {
  readonly ShardId: string;
  readonly ParentShardId?: string;
}

/** Writes wake us, and their records may come a moment later: looks that find nothing are the further apart the longer nothing was written. */
const FIRST_LOOK_MS = 20;
const IDLE_MS = 1000;
const DISCOVER_MS = 2000;

const isOneOf = (error: unknown, ...codes: readonly string[]): boolean =>
  error instanceof AwsError && codes.includes(error.code);

/** DynamoDB Local writes an empty map in a stream as `{}`, without its type: no other value does that. */
function typed(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  const { M, L } = value as { M?: Record<string, unknown>; L?: unknown[] };
  if (M !== undefined) return { M: image(M) };
  if (L !== undefined) return { L: L.map(typed) };
  return Object.keys(value).length === 0 ? { M: {} } : value;
}

const image = (attributes: object): Record<string, never> =>
  Object.fromEntries(Object.entries(attributes).map(([name, value]) => [name, typed(value)])) as Record<string, never>;

/** DynamoDB Local names another region and cuts creation times to the minute: the latest second that it can have been is given instead. */
export function toOurs(record: StreamedRecord, streamArn: string): StreamedRecord {
  const { dynamodb } = record;
  const at = Math.min(Math.floor(Date.now() / 1000), dynamodb.ApproximateCreationDateTime + 59);
  return {
    ...record,
    awsRegion: REGION,
    eventSourceARN: streamArn,
    dynamodb: {
      ...dynamodb,
      ...(dynamodb.NewImage && { NewImage: image(dynamodb.NewImage) }),
      ...(dynamodb.OldImage && { OldImage: image(dynamodb.OldImage) }),
      ApproximateCreationDateTime: at,
    },
  };
}

/** Starts reading; answers how to stop, which resolves when no batch is under way. */
export function startReader(options: ReaderOptions): () => Promise<void> {
  const { mapping, streamArn, batchSize, dynamo, checkpoints, nudge, log } = options;
  const stop = new AbortController();
  const { signal } = stop;
  const theirArn = toTheirArn(streamArn);
  const reading = new Map<string, Promise<void>>();
  const finished = new Set<string>();
  let first = true;

  async function describe(): Promise<Shard[]> {
    const shards: Shard[] = [];
    let from: string | undefined;
    do {
      const { StreamDescription } = await dynamo.stream('DescribeStream', {
        StreamArn: theirArn,
        ...(from && { ExclusiveStartShardId: from }),
      });
      shards.push(...StreamDescription.Shards);
      from = StreamDescription.LastEvaluatedShardId;
    } while (from);
    return shards;
  }

  async function iterator(shardId: string, fromStart: boolean): Promise<string> {
    const last = fromStart ? undefined : checkpoints.last(mapping, shardId);
    const type = last ? 'AFTER_SEQUENCE_NUMBER' : first && !fromStart ? options.startingPosition : 'TRIM_HORIZON';
    const ask = {
      StreamArn: theirArn,
      ShardId: shardId,
      ShardIteratorType: type,
      ...(last && { SequenceNumber: last }),
    };
    return (await dynamo.stream('GetShardIterator', ask)).ShardIterator;
  }

  async function readShard(shardId: string, start: string): Promise<void> {
    let at: string | undefined = start;
    let waitMs = FIRST_LOOK_MS;
    while (at && !signal.aborted) {
      const seen = nudge.count;
      let page: { Records: StreamedRecord[]; NextShardIterator?: string };
      try {
        page = await dynamo.stream('GetRecords', { ShardIterator: at, Limit: batchSize });
      } catch (error) {
        // The checkpoint is older than what the stream keeps: what is left is read from its beginning.
        if (isOneOf(error, 'TrimmedDataAccessException')) at = await iterator(shardId, true);
        else if (isOneOf(error, 'ExpiredIteratorException')) at = await iterator(shardId, false);
        else throw error;
        continue;
      }
      const records = page.Records.map((record) => toOurs(record, streamArn));
      if (records.length > 0) {
        await options.handle(records, shardId);
        checkpoints.save(mapping, shardId, records.at(-1)!.dynamodb.SequenceNumber);
      }
      at = page.NextShardIterator;
      if (records.length === 0) await nudge.wait(seen, waitMs, signal);
      waitMs = records.length > 0 || nudge.count !== seen ? FIRST_LOOK_MS : Math.min(waitMs * 2, IDLE_MS);
    }
    if (!signal.aborted) finished.add(shardId);
  }

  async function run(): Promise<void> {
    while (!signal.aborted) {
      try {
        const shards = await describe();
        const known = new Set(shards.map(({ ShardId }) => ShardId));
        for (const { ShardId, ParentShardId } of shards) {
          const parentOpen = ParentShardId !== undefined && known.has(ParentShardId) && !finished.has(ParentShardId);
          if (reading.has(ShardId) || finished.has(ShardId) || parentOpen) continue;
          const start = await iterator(ShardId, false);
          const task = readShard(ShardId, start)
            .catch((error: Error) => {
              // E.g. an iterator of a shard that is gone: the next discovery finds out.
              if (!signal.aborted) log(`${mapping}: ${error.message}; looking at the shards again`);
            })
            .finally(() => reading.delete(ShardId));
          reading.set(ShardId, task);
        }
        first = false;
      } catch (error) {
        if (!signal.aborted) log(`${mapping}: ${(error as Error).message}; trying again`);
      }
      await delay(DISCOVER_MS, undefined, { signal }).catch(() => {});
    }
    await Promise.all(reading.values());
  }

  const running = run();
  return async () => {
    stop.abort();
    await running;
  };
}
