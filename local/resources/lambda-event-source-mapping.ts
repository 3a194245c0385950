/** AWS::Lambda::EventSourceMapping: a function that reads a table's stream. */
import { compilePattern } from '#local/lambda/event-source/pattern.ts';
import { stableId } from '#local/template/without-effect.ts';
import type { ResourceHandler } from '#local/types.ts';
import { refuseOthers, type World } from './world.ts';

const READ = [
  'BatchSize',
  'BisectBatchOnFunctionError',
  'DestinationConfig',
  'Enabled',
  'EventSourceArn',
  'FilterCriteria',
  'FunctionName',
  'FunctionResponseTypes',
  'MaximumBatchingWindowInSeconds',
  'MaximumRecordAgeInSeconds',
  'MaximumRetryAttempts',
  'ParallelizationFactor',
  'StartingPosition',
];
const STREAM_ACTIONS = ['DescribeStream', 'GetRecords', 'GetShardIterator'].map((name) => `dynamodb:${name}`);

export const lambdaEventSourceMapping = (world: World): ResourceHandler => ({
  type: 'AWS::Lambda::EventSourceMapping',
  create(resource) {
    refuseOthers(resource, READ, ['Tags', 'MetricsConfig']);
    const { logicalId, properties: it } = resource;
    const target = world.functions.get(it.FunctionName);
    const table = world.tables.find(({ streamArn }) => streamArn !== undefined && streamArn === it.EventSourceArn);
    if (!table) throw new Error(`${logicalId}: ${it.EventSourceArn} is no stream of a table of the template`);
    if ((it.ParallelizationFactor ?? 1) !== 1)
      throw new Error(`${logicalId}: ParallelizationFactor is 1 here, given ${it.ParallelizationFactor}`);
    const caller = world.iam.session(target.roleArn, target.name);
    for (const action of STREAM_ACTIONS) world.iam.authorize(caller, { action, resource: it.EventSourceArn });
    const destination: string | undefined = it.DestinationConfig?.OnFailure?.Destination;
    if (destination !== undefined && !destination.startsWith('arn:aws:s3:::'))
      throw new Error(`${logicalId}: failures go to S3 only, given ${destination}`);
    if (destination) world.iam.authorize(caller, { action: 's3:PutObject', resource: `${destination}/aws/lambda/x` });
    const id = stableId(`${world.stackName}/${logicalId}`, 32).replace(
      /^(.{8})(.{4})(.{4})(.{4})(.{12})$/,
      '$1-$2-$3-$4-$5',
    );
    if (it.Enabled !== false)
      world.mappings.push({
        id,
        logicalId,
        function: target,
        table,
        startingPosition: it.StartingPosition,
        batchSize: Number(it.BatchSize ?? 100),
        filters: (it.FilterCriteria?.Filters ?? []).map(({ Pattern }: { Pattern: string }) =>
          compilePattern(JSON.parse(Pattern)),
        ),
        policy: {
          bisect: it.BisectBatchOnFunctionError ?? false,
          reportFailures: (it.FunctionResponseTypes ?? []).includes('ReportBatchItemFailures'),
          retries: Number(it.MaximumRetryAttempts ?? -1),
          maxAgeSeconds: Number(it.MaximumRecordAgeInSeconds ?? -1),
        },
        failureBucket: destination?.slice('arn:aws:s3:::'.length),
      });
    return { ref: id, attributes: { Id: id } };
  },
});
