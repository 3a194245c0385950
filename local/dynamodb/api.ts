/** The DynamoDB API: checked against IAM, then answered by DynamoDB Local. */
import { type ApiRequest, type AwsApi, AwsError } from '#local/types.ts';
import { dynamoChecks, WRITES } from './checks.ts';
import type { Dynamo } from './client.ts';
import { tableName, toOurArns } from './names.ts';

const PREFIX = 'DynamoDB_20120810.';

/** Tables may be named by ARN in AWS, not in DynamoDB Local: `TableName` and the keys of `RequestItems` lose theirs. */
const withoutArns = (body: string): string =>
  body.replace(
    /("TableName"\s*:\s*)?"(arn:aws:dynamodb:[^"]*:table\/[^"]*)"(?=(\s*:)?)/g,
    (whole, named: string | undefined, arn: string, key: string | undefined) =>
      named !== undefined || key !== undefined ? `${named ?? ''}${JSON.stringify(tableName(arn))}` : whole,
  );

/** The API over a running DynamoDB Local. `onWrite` is told after each successful write. */
export function dynamoApi(dynamo: Dynamo, onWrite: () => void): AwsApi {
  return {
    service: 'dynamodb',
    parse(request: ApiRequest) {
      const operation = request.headers['x-amz-target']?.replace(PREFIX, '') ?? '';
      if (!Object.hasOwn(dynamoChecks, operation))
        throw new AwsError(
          'UnknownOperationException',
          `DynamoDB here answers ${Object.keys(dynamoChecks).join(', ')}; given: "${operation}"`,
        );
      try {
        return { operation, input: JSON.parse(request.body.toString()) as Record<string, unknown> };
      } catch {
        throw new AwsError('SerializationException', 'the body is not JSON');
      }
    },
    checks: (call) => dynamoChecks[call.operation]!(call),
    async run({ operation }, _caller, { body }) {
      const named = body.includes('"arn:aws:dynamodb:');
      const reply = await dynamo.forward(`${PREFIX}${operation}`, named ? withoutArns(body.toString()) : body);
      if (reply.status < 400 && WRITES.has(operation)) onWrite();
      return operation === 'DescribeTable' ? { ...reply, body: toOurArns(String(reply.body)) } : reply;
    },
    fail: (error) => ({
      status: error.status,
      headers: { 'content-type': 'application/x-amz-json-1.0' },
      body: JSON.stringify({
        __type: `com.amazonaws.dynamodb.v20120810#${error.code}`,
        message: error.message,
        ...error.fields,
      }),
    }),
  };
}
