/** The AWS managed policies that templates here attach to roles of functions, as far as what they allow can be called here. */

const allow = (actions: readonly string[]): unknown => ({
  Version: '2012-10-17',
  Statement: [{ Effect: 'Allow', Action: actions, Resource: '*' }],
});

const logs = ['logs:CreateLogGroup', 'logs:CreateLogStream', 'logs:PutLogEvents'];

const policies: Readonly<Record<string, unknown>> = {
  'arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole': allow(logs),
  'arn:aws:iam::aws:policy/service-role/AWSLambdaDynamoDBExecutionRole': allow([
    'dynamodb:DescribeStream',
    'dynamodb:GetRecords',
    'dynamodb:GetShardIterator',
    'dynamodb:ListStreams',
    ...logs,
  ]),
  'arn:aws:iam::aws:policy/AWSXRayDaemonWriteAccess': allow(['xray:PutTraceSegments', 'xray:PutTelemetryRecords']),
};

/** The document of a managed policy, or nothing where it is not in the table. */
export const managedPolicy = (arn: string): unknown => (Object.hasOwn(policies, arn) ? policies[arn] : undefined);

export const managedPolicyArns: readonly string[] = Object.keys(policies);
