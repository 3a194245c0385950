import { describe, expect, it } from 'vitest';
import { ofType, type Resource, synthesize } from './synthesized.ts';

const { template } = synthesize();

const mappings = ofType(template, 'AWS::Lambda::EventSourceMapping');
const mappingOf = (name: string): Resource => {
  const [, found] = mappings.find(([, { Properties }]) => Properties.FunctionName.Ref.startsWith(name)) ?? [];
  if (found === undefined) throw new Error(`no mapping for ${name}`);
  return found;
};

interface Pattern {
  readonly eventName: readonly string[];
  readonly userIdentity?: unknown;
  readonly dynamodb: Record<string, { entity: { S: string[] } }>;
}
const patternsOf = (mapping: Resource): Pattern[] =>
  mapping.Properties.FilterCriteria.Filters.map(({ Pattern: pattern }: { Pattern: string }) => JSON.parse(pattern));

describe('the stream', () => {
  it('has two readers and never a third', () => {
    expect(mappings).toHaveLength(2);
  });

  it.each(['StreamPush', 'StreamEffects'])(
    'is read by %s with partial failures, bisection and one batch a shard',
    (name) => {
      expect(mappingOf(name).Properties).toMatchObject({
        EventSourceArn: { 'Fn::GetAtt': ['ControlTable', 'StreamArn'] },
        StartingPosition: 'TRIM_HORIZON',
        FunctionResponseTypes: ['ReportBatchItemFailures'],
        BisectBatchOnFunctionError: true,
        ParallelizationFactor: 1,
      });
    },
  );

  it('is dropped by push after 3 tries or a minute', () => {
    const { Properties } = mappingOf('StreamPush');
    expect(Properties).toMatchObject({ MaximumRetryAttempts: 3, MaximumRecordAgeInSeconds: 60 });
    expect(Properties.DestinationConfig).toBeUndefined();
  });

  it('is given up by effects after 10 tries or an hour, into a bucket', () => {
    const { Properties } = mappingOf('StreamEffects');
    expect(Properties).toMatchObject({ MaximumRetryAttempts: 10, MaximumRecordAgeInSeconds: 3600 });
    const destination = Properties.DestinationConfig.OnFailure.Destination['Fn::GetAtt'][0];
    expect(template.Resources[destination]?.Type).toBe('AWS::S3::Bucket');
  });

  it.each([
    ['StreamPush', ['Cluster', 'Workspace', 'Group', 'CredentialRequest', 'Token', 'Signout', 'Subscription']],
    ['StreamEffects', ['Operation', 'Await', 'Cluster', 'Workspace', 'Group', 'Secret']],
  ])('wakes %s for %j only: writes, and removals that were not by time to live', (name, entities) => {
    expect(patternsOf(mappingOf(name))).toEqual([
      { eventName: ['INSERT', 'MODIFY'], dynamodb: { NewImage: { entity: { S: entities } } } },
      {
        eventName: ['REMOVE'],
        userIdentity: { type: [{ exists: false }] },
        dynamodb: { OldImage: { entity: { S: entities } } },
      },
    ]);
  });

  it('is never woken by a heartbeat', () => {
    for (const [, mapping] of mappings)
      for (const { dynamodb } of patternsOf(mapping))
        expect(Object.values(dynamodb)[0]?.entity.S).not.toContain('Lease');
  });
});

describe('the table', () => {
  const table = template.Resources.ControlTable as Resource;

  it('is one on-demand table with both images in its stream, under a pinned name', () => {
    expect(table).toMatchObject({
      Type: 'AWS::DynamoDB::GlobalTable',
      DeletionPolicy: 'Retain',
      Properties: {
        BillingMode: 'PAY_PER_REQUEST',
        StreamSpecification: { StreamViewType: 'NEW_AND_OLD_IMAGES' },
        TimeToLiveSpecification: { AttributeName: 'ttl', Enabled: true },
      },
    });
    expect(table.Properties.Replicas).toMatchObject([
      { DeletionProtectionEnabled: true, PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true } },
    ]);
  });

  it('has three generic indexes from day one', () => {
    expect(
      table.Properties.GlobalSecondaryIndexes.map(
        (each: { IndexName: string; KeySchema: { AttributeName: string }[] }) => [
          each.IndexName,
          ...each.KeySchema.map(({ AttributeName }) => AttributeName),
        ],
      ),
    ).toEqual([1, 2, 3].map((n) => [`gsi${n}`, `gsi${n}pk`, `gsi${n}sk`]));
  });
});
