/** Makes a table of the template in DynamoDB Local, or finds the one of an earlier run and compares its shape. */
import { setTimeout as delay } from 'node:timers/promises';
import { AwsError } from '#local/types.ts';
import type { Dynamo } from './client.ts';
import { tableArn, toOurArns } from './names.ts';

/** A table as it was made. */
export interface LocalTable {
  readonly name: string;
  readonly arn: string;
  readonly streamArn: string | undefined;
  /** Attribute names of the primary key. */
  readonly keys: readonly string[];
  readonly ttlAttribute: string | undefined;
}

interface KeyPart {
  readonly AttributeName: string;
  readonly KeyType: string;
}

/** What of a table's properties DynamoDB Local keeps. */
export interface TableShape {
  readonly AttributeDefinitions: readonly { readonly AttributeName: string; readonly AttributeType: string }[];
  readonly KeySchema: readonly KeyPart[];
  readonly GlobalSecondaryIndexes?: readonly {
    readonly IndexName: string;
    readonly KeySchema: readonly KeyPart[];
    readonly Projection: unknown;
  }[];
  readonly StreamViewType?: string | undefined;
  readonly ttlAttribute?: string | undefined;
}

const indexesOf = (indexes: TableShape['GlobalSecondaryIndexes'] = []): string =>
  JSON.stringify(
    indexes
      .map(({ IndexName, KeySchema }) => [
        IndexName,
        ...KeySchema.map((part) => `${part.KeyType}=${part.AttributeName}`),
      ])
      .sort((a, b) => a[0]!.localeCompare(b[0]!)),
  );

async function describe(dynamo: Dynamo, name: string) {
  try {
    return (await dynamo.call('DescribeTable', { TableName: name })).Table;
  } catch (error) {
    if (error instanceof AwsError && error.code === 'ResourceNotFoundException') return undefined;
    throw error;
  }
}

/** Makes the table when it is not there; throws when it is there with other keys or indexes. */
export async function ensureTable(dynamo: Dynamo, name: string, shape: TableShape): Promise<LocalTable> {
  const { AttributeDefinitions, KeySchema, GlobalSecondaryIndexes, StreamViewType, ttlAttribute } = shape;
  let found = await describe(dynamo, name);
  if (!found) {
    await dynamo.call('CreateTable', {
      TableName: name,
      BillingMode: 'PAY_PER_REQUEST',
      AttributeDefinitions,
      KeySchema,
      ...(GlobalSecondaryIndexes && { GlobalSecondaryIndexes }),
      ...(StreamViewType && { StreamSpecification: { StreamEnabled: true, StreamViewType } }),
    });
    do found = await describe(dynamo, name);
    while (found?.TableStatus !== 'ACTIVE' && (await delay(25, true)));
  } else if (
    JSON.stringify(found.KeySchema) !== JSON.stringify(KeySchema) ||
    indexesOf(found.GlobalSecondaryIndexes) !== indexesOf(GlobalSecondaryIndexes)
  )
    throw new Error(
      `the table ${name} of an earlier run has other keys or indexes than the template says; start once with --fresh (its items are lost)`,
    );
  return {
    name,
    arn: tableArn(name),
    streamArn: found.LatestStreamArn && toOurArns(found.LatestStreamArn),
    keys: KeySchema.map(({ AttributeName }) => AttributeName),
    ttlAttribute,
  };
}
