/** AWS::DynamoDB::GlobalTable and AWS::DynamoDB::Table: a table of DynamoDB Local. */
import { ensureTable, type TableShape } from '#local/dynamodb/table.ts';
import { type Declared, type Physical, REGION, type ResourceHandler } from '#local/types.ts';
import { refuseOthers, type World } from './world.ts';

const READ = [
  'AttributeDefinitions',
  'BillingMode',
  'GlobalSecondaryIndexes',
  'KeySchema',
  'Replicas',
  'StreamSpecification',
  'TableName',
  'TimeToLiveSpecification',
];
/** Encryption, backups and protection: nothing a client sees. */
const WITHOUT_EFFECT = [
  'ContributorInsightsSpecification',
  'DeletionProtectionEnabled',
  'PointInTimeRecoverySpecification',
  'ProvisionedThroughput',
  'SSESpecification',
  'TableClass',
  'Tags',
  'WarmThroughput',
  'OnDemandThroughput',
  'WriteOnDemandThroughputSettings',
  'WriteProvisionedThroughputSettings',
];

async function create(world: World, resource: Declared): Promise<Physical> {
  refuseOthers(resource, READ, WITHOUT_EFFECT);
  const { logicalId, properties: it } = resource;
  const replicas: { Region: string }[] = it.Replicas ?? [];
  if (replicas.some(({ Region }) => Region !== REGION))
    throw new Error(
      `${logicalId}: replicas in other regions do not exist here, given ${replicas.map((one) => one.Region)}`,
    );
  const ttl = it.TimeToLiveSpecification;
  const shape: TableShape = {
    AttributeDefinitions: it.AttributeDefinitions,
    KeySchema: it.KeySchema,
    ...(it.GlobalSecondaryIndexes && {
      GlobalSecondaryIndexes: it.GlobalSecondaryIndexes.map(({ IndexName, KeySchema, Projection }: never) => ({
        IndexName,
        KeySchema,
        Projection,
      })),
    }),
    StreamViewType: it.StreamSpecification?.StreamViewType,
    ttlAttribute: ttl?.Enabled === false ? undefined : ttl?.AttributeName,
  };
  const table = await ensureTable(world.dynamo, it.TableName ?? `${world.stackName}-${logicalId}`, shape);
  world.tables.push(table);
  return {
    ref: table.name,
    attributes: { Arn: table.arn, TableId: table.name, ...(table.streamArn && { StreamArn: table.streamArn }) },
  };
}

export const dynamoTables = (world: World): ResourceHandler[] =>
  ['AWS::DynamoDB::GlobalTable', 'AWS::DynamoDB::Table'].map((type) => ({
    type,
    create: (resource) => create(world, resource),
  }));
