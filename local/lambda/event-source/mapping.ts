/** Event source mappings on a table's stream: filter, batch, invoke, and what happens to records that no try gets through. */
import { randomUUID } from 'node:crypto';
import type { Dynamo } from '#local/dynamodb/client.ts';
import type { Nudge } from '#local/dynamodb/nudge.ts';
import { type StreamedRecord, startReader } from '#local/dynamodb/stream-reader.ts';
import type { LocalTable } from '#local/dynamodb/table.ts';
import { type Item, keyText, TTL_IDENTITY } from '#local/dynamodb/ttl.ts';
import type { ObjectStore } from '#local/s3/store.ts';
import type { LocalFunction } from '../functions.ts';
import { type BatchPolicy, runBatch } from './batch.ts';
import type { Checkpoints } from './checkpoints.ts';
import type { Pattern } from './pattern.ts';

/** A mapping as its resource declares it. */
export interface MappingDeclaration {
  readonly id: string;
  readonly logicalId: string;
  readonly function: LocalFunction;
  readonly table: LocalTable;
  readonly startingPosition: 'TRIM_HORIZON' | 'LATEST';
  readonly batchSize: number;
  /** Empty: every record. Else one must fit. */
  readonly filters: readonly Pattern[];
  readonly policy: BatchPolicy;
  /** Bucket for records that are given up. */
  readonly failureBucket: string | undefined;
}

export interface MappingDeps {
  readonly dynamo: Dynamo;
  readonly checkpoints: Checkpoints;
  readonly nudge: Nudge;
  readonly objects: ObjectStore;
  readonly retryDelayMs: number;
  log(line: string): void;
}

/** A switch for tests: a mapping that is off keeps its place. */
export interface RunningMapping {
  readonly logicalId: string;
  stop(): Promise<void>;
}

/** Deletes by the TTL emulator carry the service's identity. */
function identified(
  record: StreamedRecord,
  { name, keys, ttlAttribute }: LocalTable,
  checkpoints: Checkpoints,
): StreamedRecord {
  const { Keys, OldImage } = record.dynamodb as { Keys?: Item; OldImage?: Item };
  const expiry = ttlAttribute && OldImage?.[ttlAttribute]?.N;
  if (record.eventName !== 'REMOVE' || !Keys || !expiry) return record;
  return checkpoints.isExpired(name, keyText(keys, Keys), String(expiry))
    ? { ...record, userIdentity: TTL_IDENTITY }
    : record;
}

/** `aws/lambda/MAPPING/SHARD/2026/11/21/2026-11-21T11.22.52-UUID`: where Lambda puts what it gives up. */
function failureKey(mapping: string, shard: string, now: Date): string {
  const iso = now.toISOString();
  const [day, clock] = [iso.slice(0, 10), iso.slice(11, 19).replaceAll(':', '.')];
  return `aws/lambda/${mapping}/${shard}/${day.replaceAll('-', '/')}/${day}T${clock}-${randomUUID()}`;
}

export function startMapping(declaration: MappingDeclaration, deps: MappingDeps): RunningMapping {
  const { id, logicalId, function: target, table, policy, filters, failureBucket } = declaration;
  const { checkpoints, objects, log } = deps;
  const stop = new AbortController();

  const handle = async (all: readonly StreamedRecord[], shardId: string): Promise<void> => {
    const records = all
      .map((record) => identified(record, table, checkpoints))
      .filter((record) => filters.length === 0 || filters.some((fits) => fits(record)));
    if (records.length === 0) return;
    await runBatch(
      {
        policy,
        signal: stop.signal,
        now: Date.now,
        backoffMs: deps.retryDelayMs,
        invoke: (some) => target.invoke({ Records: some }),
        async giveUp(some, condition, last, attempts) {
          log(
            `${logicalId}: ${some.length} stream records given up (${condition}): ${JSON.stringify(last.payload)?.slice(0, 300)}`,
          );
          if (!failureBucket) return;
          const body = {
            requestContext: {
              requestId: randomUUID(),
              functionArn: target.arn,
              condition,
              approximateInvokeCount: attempts,
            },
            responseContext: { statusCode: 200, executedVersion: '$LATEST', functionError: last.functionError ?? null },
            version: '1.0',
            timestamp: new Date().toISOString(),
            DDBStreamBatchInfo: {
              shardId,
              startSequenceNumber: some[0]!.dynamodb.SequenceNumber,
              endSequenceNumber: some.at(-1)!.dynamodb.SequenceNumber,
              approximateArrivalOfFirstRecord: new Date(
                some[0]!.dynamodb.ApproximateCreationDateTime * 1000,
              ).toISOString(),
              approximateArrivalOfLastRecord: new Date(
                some.at(-1)!.dynamodb.ApproximateCreationDateTime * 1000,
              ).toISOString(),
              batchSize: some.length,
              streamArn: table.streamArn,
            },
            payload: JSON.stringify({ Records: some }),
          };
          objects.put(failureBucket, failureKey(id, shardId, new Date()), {
            body: Buffer.from(JSON.stringify(body)),
            contentType: 'application/json',
            metadata: {},
          });
        },
      },
      records,
    );
  };
  const stopReader = startReader({
    mapping: id,
    streamArn: table.streamArn!,
    startingPosition: declaration.startingPosition,
    batchSize: declaration.batchSize,
    dynamo: deps.dynamo,
    checkpoints,
    nudge: deps.nudge,
    handle,
    log,
  });
  return {
    logicalId,
    async stop() {
      stop.abort();
      await stopReader();
    },
  };
}
