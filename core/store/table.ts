/** The table: reads, and the one transaction through which everything changes. The only importer of lib-dynamodb. */
import {
  ConditionalCheckFailedException,
  type DynamoDBClient,
  TransactionCanceledException,
} from '@aws-sdk/client-dynamodb';
import {
  BatchGetCommand,
  DeleteCommand,
  DynamoDBDocumentClient,
  GetCommand,
  PutCommand,
  QueryCommand,
  ScanCommand,
  TransactWriteCommand,
  type TransactWriteCommandInput,
  UpdateCommand,
} from '@aws-sdk/lib-dynamodb';
import { unmarshall } from '@aws-sdk/util-dynamodb';
import { AppError } from '../contract/errors.ts';
import type { Item } from './items.ts';
import type { Key } from './keys.ts';

export type TransactItem = NonNullable<TransactWriteCommandInput['TransactItems']>[number];

/** One write of a transaction and what its failed condition means; `onFailed` is given the item that stood in the way. */
export interface Step {
  readonly item: TransactItem;
  readonly onFailed: (standing: Record<string, unknown> | undefined) => Error;
}

export interface Page<T> {
  readonly items: T[];
  readonly next: Record<string, unknown> | undefined;
}

interface Query {
  readonly index?: 'gsi1' | 'gsi2' | 'gsi3';
  readonly pk: string;
  /** Sort keys up to and with this one. */
  readonly upTo?: string;
  readonly beginsWith?: string;
  readonly newestFirst?: boolean;
  readonly limit?: number;
  readonly from?: Record<string, unknown> | undefined;
}

export interface TableOptions {
  readonly client: DynamoDBClient;
  readonly name: string;
  /** 0 ≤ x < 1; jitter. */
  readonly random: () => number;
  readonly sleep: (milliseconds: number) => Promise<void>;
}

/** BatchGetItem takes this many keys. */
const BATCH = 100;

/** Tries of a transaction that met another one or throttling, and the longest wait between two (aws.md finding 11). */
const TRIES = 7;
const LONGEST_WAIT_MS = 800;

const passing = new Set([
  'TransactionConflict',
  'ThrottlingError',
  'ProvisionedThroughputExceeded',
  'TransactionInProgress',
]);
const passingErrors = new Set([
  'TransactionConflictException',
  'ThrottlingException',
  'ProvisionedThroughputExceededException',
  'TransactionInProgressException',
  'InternalServerError',
  'RequestLimitExceeded',
]);

export const createTable = ({ client, name, random, sleep }: TableOptions) => {
  const document = DynamoDBDocumentClient.from(client, { marshallOptions: { removeUndefinedValues: true } });

  /** Full jitter, longer each time. */
  const pause = (attempt: number): Promise<void> => sleep(random() * Math.min(LONGEST_WAIT_MS, 25 * 2 ** attempt));

  /** Runs `write`; a conflict or throttling is tried again with full jitter, then answered as 503: nothing was changed. */
  const persistent = async <T>(write: () => Promise<T>): Promise<T> => {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await write();
      } catch (error) {
        if (!isPassing(error)) throw error;
        if (attempt === TRIES) throw new AppError('retry', { detail: 'the table was busy', cause: error });
        await pause(attempt);
      }
    }
  };

  return {
    name,

    /** A consistent read. */
    get: async (key: Key): Promise<Item | null> =>
      ((await document.send(new GetCommand({ TableName: name, Key: { ...key }, ConsistentRead: true }))).Item as
        | Item
        | undefined) ?? null,

    /** Consistent reads of several items, a hundred a call; in the order asked, null for what is not there. */
    batchGet: async (wanted: readonly Key[]): Promise<(Item | null)[]> => {
      const found = new Map<string, Item>();
      let open = wanted.map((key) => ({ ...key }));
      for (let refused = 0; open.length > 0; ) {
        const answer = await document.send(
          new BatchGetCommand({ RequestItems: { [name]: { Keys: open.slice(0, BATCH), ConsistentRead: true } } }),
        );
        for (const item of (answer.Responses?.[name] ?? []) as Item[]) found.set(`${item.pk}\n${item.sk}`, item);
        const left = (answer.UnprocessedKeys?.[name]?.Keys ?? []) as { pk: string; sk: string }[];
        open = [...open.slice(BATCH), ...left];
        if (left.length === 0) continue;
        // What is left over was throttled: asked for again at once it would be again.
        refused += 1;
        if (refused === TRIES) throw new AppError('retry', { detail: 'the table was busy' });
        await pause(refused);
      }
      return wanted.map((key) => found.get(`${key.pk}\n${key.sk}`) ?? null);
    },

    /** One page. Reads of the base table are consistent, those of an index cannot be. */
    query: async ({ index, pk, upTo, beginsWith, newestFirst, limit, from }: Query): Promise<Page<Item>> => {
      const [pkName, skName] = index === undefined ? ['pk', 'sk'] : [`${index}pk`, `${index}sk`];
      const bound =
        upTo === undefined ? (beginsWith === undefined ? '' : ' AND begins_with(#sk, :sk)') : ' AND #sk <= :sk';
      const answer = await document.send(
        new QueryCommand({
          TableName: name,
          IndexName: index,
          KeyConditionExpression: `#pk = :pk${bound}`,
          ExpressionAttributeNames: { '#pk': pkName as string, ...(bound === '' ? {} : { '#sk': skName as string }) },
          ExpressionAttributeValues: { ':pk': pk, ...(bound === '' ? {} : { ':sk': upTo ?? beginsWith }) },
          ConsistentRead: index === undefined,
          ScanIndexForward: newestFirst !== true,
          Limit: limit,
          ExclusiveStartKey: from,
        }),
      );
      return { items: (answer.Items ?? []) as Item[], next: answer.LastEvaluatedKey };
    },

    /** Every item of one entity, by reading the whole table: for administration, never for a request. */
    scan: async (entity: string): Promise<Item[]> => {
      const found: Item[] = [];
      let from: Record<string, unknown> | undefined;
      do {
        const answer = await document.send(
          new ScanCommand({
            TableName: name,
            ConsistentRead: true,
            FilterExpression: 'entity = :entity',
            ExpressionAttributeValues: { ':entity': entity },
            ExclusiveStartKey: from,
          }),
        );
        found.push(...((answer.Items ?? []) as Item[]));
        from = answer.LastEvaluatedKey;
      } while (from !== undefined);
      return found;
    },

    /** All steps or none. A failed condition throws what its step says of it, the first in order. */
    transact: async (steps: readonly Step[]): Promise<void> => {
      if (steps.length === 0) return;
      const input: TransactWriteCommandInput = { TransactItems: steps.map((step) => step.item) };
      await persistent(async () => {
        try {
          await document.send(new TransactWriteCommand(input));
        } catch (error) {
          if (!(error instanceof TransactionCanceledException)) throw error;
          const reasons = error.CancellationReasons ?? [];
          const failed = reasons.findIndex((reason) => reason.Code === 'ConditionalCheckFailed');
          const step = steps[failed];
          if (step === undefined) throw error;
          const standing = reasons[failed]?.Item;
          // The document client leaves errors as DynamoDB wrote them.
          throw step.onFailed(standing === undefined ? undefined : unmarshall(standing));
        }
      });
    },

    /** A single conditional put; false when the condition failed. */
    put: async (
      item: Item,
      condition?: { readonly expression: string; readonly values?: Record<string, unknown> },
    ): Promise<boolean> =>
      await refusable(() =>
        persistent(() =>
          document.send(
            new PutCommand({
              TableName: name,
              Item: { ...item },
              ...(condition === undefined
                ? {}
                : { ConditionExpression: condition.expression, ExpressionAttributeValues: condition.values }),
            }),
          ),
        ),
      ).then((answer) => answer !== null),

    /** A single update; answers the new item, or null when the condition failed. */
    update: async (
      key: Key,
      change: {
        readonly expression: string;
        readonly names?: Record<string, string>;
        readonly values?: Record<string, unknown>;
        readonly condition?: string;
      },
    ): Promise<Item | null> => {
      const answer = await refusable(() =>
        persistent(() =>
          document.send(
            new UpdateCommand({
              TableName: name,
              Key: { ...key },
              UpdateExpression: change.expression,
              ExpressionAttributeNames: change.names,
              ExpressionAttributeValues: change.values,
              ConditionExpression: change.condition,
              ReturnValues: 'ALL_NEW',
            }),
          ),
        ),
      );
      return (answer?.Attributes as Item | undefined) ?? null;
    },

    /** Deletes; answers the item that was there, or null when there was none or the condition failed. */
    remove: async (
      key: Key,
      condition?: {
        readonly expression: string;
        readonly names?: Record<string, string>;
        readonly values?: Record<string, unknown>;
      },
    ): Promise<Item | null> => {
      const answer = await refusable(() =>
        persistent(() =>
          document.send(
            new DeleteCommand({
              TableName: name,
              Key: { ...key },
              ReturnValues: 'ALL_OLD',
              ...(condition === undefined
                ? {}
                : {
                    ConditionExpression: condition.expression,
                    ExpressionAttributeNames: condition.names,
                    ExpressionAttributeValues: condition.values,
                  }),
            }),
          ),
        ),
      );
      return (answer?.Attributes as Item | undefined) ?? null;
    },
  };
};

export type Table = ReturnType<typeof createTable>;

const isPassing = (error: unknown): boolean => {
  if (error instanceof TransactionCanceledException) {
    const codes = (error.CancellationReasons ?? [])
      .map((reason) => reason.Code ?? 'None')
      .filter((code) => code !== 'None');
    return codes.length > 0 && codes.every((code) => passing.has(code));
  }
  return error instanceof Error && passingErrors.has(error.name);
};

const refusable = async <T>(write: () => Promise<T>): Promise<T | null> => {
  try {
    return await write();
  } catch (error) {
    if (error instanceof ConditionalCheckFailedException) return null;
    throw error;
  }
};
