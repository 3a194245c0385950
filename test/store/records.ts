/** The records of a table's stream in DynamoDB Local, as Lambda hands them over. */
import type { DynamoDBRecord } from 'aws-lambda';
import { connectDynamo, type Dynamo } from '#local/dynamodb/client.ts';
import { toOurs } from '#local/dynamodb/stream-reader.ts';

/** Reads one table's stream from its beginning. */
export interface Records {
  /** All that came since it was asked last, in order. */
  readonly next: () => Promise<DynamoDBRecord[]>;
  readonly close: () => void;
}

const MARK = 'MARK';

export const readRecords = async (endpoint: string, table: string): Promise<Records> => {
  const dynamo: Dynamo = connectDynamo({ url: endpoint, accessKeyId: 'test' });
  const { Table } = await dynamo.call('DescribeTable', { TableName: table });
  const StreamArn: string = Table.LatestStreamArn;
  const { StreamDescription } = await dynamo.stream('DescribeStream', { StreamArn });
  const [{ ShardId }] = StreamDescription.Shards;
  let at: string = (await dynamo.stream('GetShardIterator', { StreamArn, ShardId, ShardIteratorType: 'TRIM_HORIZON' }))
    .ShardIterator;
  let marks = 0;
  return {
    next: async () => {
      // The mark is the last of what there is to be read.
      const mark = String(++marks);
      await dynamo.call('PutItem', { TableName: table, Item: { pk: { S: MARK }, sk: { S: mark } } });
      const found: DynamoDBRecord[] = [];
      for (;;) {
        const page = await dynamo.stream('GetRecords', { ShardIterator: at });
        at = page.NextShardIterator;
        for (const record of page.Records) {
          const { pk, sk } = record.dynamodb.Keys;
          if (pk.S !== MARK) found.push(toOurs(record, StreamArn));
          else if (sk.S === mark) return found;
        }
      }
    },
    close: () => dynamo.close(),
  };
};
