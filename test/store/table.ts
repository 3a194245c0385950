/** A table as the template declares it, in the Amazon DynamoDB Local of the project, in memory: for tests of the store and of what writes through it. */
import { randomUUID } from 'node:crypto';
import { CreateTableCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { inject } from 'vitest';

export interface TestTable {
  readonly client: DynamoDBClient;
  readonly name: string;
  readonly endpoint: string;
  /** A further, empty table; with a stream only where one is read, as DynamoDB Local writes the more slowly the more records it keeps. */
  readonly another: (of?: { readonly stream: boolean }) => Promise<string>;
  readonly stop: () => Promise<void>;
}

const INDEXES = ['gsi1', 'gsi2', 'gsi3'] as const;

const createTable = async (client: DynamoDBClient, name: string, stream: boolean): Promise<void> => {
  const string = (AttributeName: string) => ({ AttributeName, AttributeType: 'S' as const });
  await client.send(
    new CreateTableCommand({
      TableName: name,
      BillingMode: 'PAY_PER_REQUEST',
      AttributeDefinitions: ['pk', 'sk', ...INDEXES.flatMap((index) => [`${index}pk`, `${index}sk`])].map(string),
      KeySchema: [
        { AttributeName: 'pk', KeyType: 'HASH' },
        { AttributeName: 'sk', KeyType: 'RANGE' },
      ],
      GlobalSecondaryIndexes: INDEXES.map((index) => ({
        IndexName: index,
        KeySchema: [
          { AttributeName: `${index}pk`, KeyType: 'HASH' },
          { AttributeName: `${index}sk`, KeyType: 'RANGE' },
        ],
        Projection: { ProjectionType: 'ALL' },
      })),
      ...(stream && { StreamSpecification: { StreamEnabled: true, StreamViewType: 'NEW_AND_OLD_IMAGES' } }),
    }),
  );
};

const connect = (endpoint: string): DynamoDBClient =>
  new DynamoDBClient({
    endpoint,
    region: 'us-east-1',
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
    maxAttempts: 1,
  });

/** An empty table in the DynamoDB Local of the project. */
export const startTable = async (): Promise<TestTable> => {
  const endpoint = inject('dynamodb');
  const client = connect(endpoint);
  const another: TestTable['another'] = async ({ stream } = { stream: false }) => {
    const name = `test-${randomUUID()}`;
    await createTable(client, name, stream);
    return name;
  };
  return {
    client,
    name: await another(),
    endpoint,
    another,
    stop: async () => client.destroy(),
  };
};
