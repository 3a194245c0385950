/** What IAM is asked for each call of DynamoDB: the tables and indexes it touches, a transaction by its parts. */
import { type ApiCall, AwsError, type Check } from '#local/types.ts';
import { tableArn, tableName } from './names.ts';

interface Named {
  readonly TableName: string;
  readonly IndexName?: string;
}

const arnOf = ({ TableName, IndexName }: Named): string =>
  IndexName ? `${tableArn(tableName(TableName))}/index/${IndexName}` : tableArn(tableName(TableName));

const onTable = ({ operation, input }: ApiCall): Check[] => [
  { action: `dynamodb:${operation}`, resource: arnOf(input as unknown as Named) },
];

const onEachTable = ({ operation, input }: ApiCall): Check[] =>
  Object.keys((input.RequestItems ?? {}) as object).map((name) => ({
    action: `dynamodb:${operation}`,
    resource: arnOf({ TableName: name }),
  }));

/** TransactWriteItems has no action of its own: each part needs the one it would need alone. */
const PARTS: Readonly<Record<string, string>> = {
  Put: 'dynamodb:PutItem',
  Update: 'dynamodb:UpdateItem',
  Delete: 'dynamodb:DeleteItem',
  ConditionCheck: 'dynamodb:ConditionCheckItem',
  Get: 'dynamodb:GetItem',
};

const unique = (checks: readonly Check[]): Check[] => [
  ...new Map(checks.map((one) => [`${one.action} ${one.resource}`, one])).values(),
];

const onEachPart = ({ input }: ApiCall): Check[] =>
  unique(
    ((input.TransactItems ?? []) as Record<string, Named>[]).flatMap((item) =>
      Object.entries(item).map(([part, named]) => {
        const action = PARTS[part];
        if (!action) throw new AwsError('ValidationException', `TransactItems: unknown part ${part}`);
        return { action, resource: arnOf(named) };
      }),
    ),
  );

/** The operations answered here and what each asks of IAM. */
export const dynamoChecks: Readonly<Record<string, (call: ApiCall) => Check[]>> = {
  GetItem: onTable,
  PutItem: onTable,
  UpdateItem: onTable,
  DeleteItem: onTable,
  Query: onTable,
  Scan: onTable,
  DescribeTable: onTable,
  DescribeTimeToLive: onTable,
  BatchGetItem: onEachTable,
  BatchWriteItem: onEachTable,
  TransactWriteItems: onEachPart,
  TransactGetItems: onEachPart,
};

/** The operations that write, after which streams have something to say. */
export const WRITES: ReadonlySet<string> = new Set([
  'PutItem',
  'UpdateItem',
  'DeleteItem',
  'BatchWriteItem',
  'TransactWriteItems',
]);
