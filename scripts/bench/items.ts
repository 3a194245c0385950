/** Items put into the product's table by the handful, where a bench wants many of them and not the way that they come there. */
import { BatchWriteItemCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { marshall } from '@aws-sdk/util-dynamodb';
import type { Product } from './product.ts';

/** BatchWriteItem's limit. */
const AT_ONCE = 25;

export interface Items {
  put(items: readonly object[]): Promise<void>;
  close(): void;
}

/** As the operator, past all rules. */
export const openItems = ({ runtime }: Product): Items => {
  const { accessKeyId, secretAccessKey, sessionToken } = runtime.operator;
  const client = new DynamoDBClient({
    endpoint: runtime.awsEndpoint,
    region: 'us-east-1',
    credentials: { accessKeyId, secretAccessKey, sessionToken },
  });
  const table = runtime.outputs.TableName ?? '';
  return {
    async put(items) {
      for (let at = 0; at < items.length; at += AT_ONCE) {
        const requests = items.slice(at, at + AT_ONCE).map((item) => ({
          PutRequest: { Item: marshall(item, { removeUndefinedValues: true }) },
        }));
        await client.send(new BatchWriteItemCommand({ RequestItems: { [table]: requests } }));
      }
    },
    close: () => client.destroy(),
  };
};
