import { describe, expect, it } from 'vitest';
import { ofType, synthesize, type TemplateJson } from './synthesized.ts';

const { text, template, terminationProtection } = synthesize();

/** The template as a reviewer reads it: no metadata, no hashes of content, workflows line by line. */
const reviewed = (whole: TemplateJson): string => {
  const show = (key: string, value: unknown): unknown => {
    if (key === 'Metadata') return undefined;
    if (key === 'DefinitionString') return (value as string).split('\n');
    return typeof value === 'string' ? value.replaceAll(/\b[0-9a-f]{64}\b/g, 'HASH') : value;
  };
  return `${JSON.stringify(whole, show, 1)}\n`;
};

describe('the template', () => {
  it('is the one that was reviewed', async () => {
    await expect(reviewed(template)).toMatchFileSnapshot('__snapshots__/template.json.snap');
  });

  it('has at most 400 resources and 900 KB', () => {
    expect(Object.keys(template.Resources).length).toBeLessThanOrEqual(400);
    expect(Buffer.byteLength(text)).toBeLessThanOrEqual(900_000);
  });

  it('holds nothing that only the cloud could run: no custom resources, no function but ours', () => {
    const types = new Set(Object.values(template.Resources).map(({ Type }) => Type));
    expect([...types].filter((type) => !type.startsWith('AWS::') || type.startsWith('AWS::CloudFormation::'))).toEqual(
      [],
    );
    expect([...types].filter((type) => /Layer|CDK::Metadata/.test(type))).toEqual([]);
    for (const [, { Properties }] of ofType(template, 'AWS::Lambda::Function'))
      expect(Properties.Runtime).toBe('nodejs24.x');
  });

  it('cannot be deleted by mistake', () => {
    expect(terminationProtection).toBe(true);
  });

  it('keeps what people own when the stack goes: table, people, key, network, roles of clusters, buckets', () => {
    const kept = Object.entries(template.Resources)
      .filter(([, each]) => each.DeletionPolicy === 'Retain')
      .map(([, { Type }]) => Type);
    expect([...new Set(kept)].toSorted()).toEqual([
      'AWS::Cognito::UserPool',
      'AWS::Cognito::UserPoolClient',
      'AWS::DynamoDB::GlobalTable',
      'AWS::EC2::InternetGateway',
      'AWS::EC2::Route',
      'AWS::EC2::RouteTable',
      'AWS::EC2::Subnet',
      'AWS::EC2::SubnetRouteTableAssociation',
      'AWS::EC2::VPC',
      'AWS::EC2::VPCGatewayAttachment',
      'AWS::IAM::Role',
      'AWS::KMS::Key',
      'AWS::S3::Bucket',
    ]);
    for (const each of Object.values(template.Resources)) expect(each.UpdateReplacePolicy).toBe(each.DeletionPolicy);
  });

  it('gives every log group an end', () => {
    for (const [, { Properties }] of ofType(template, 'AWS::Logs::LogGroup'))
      expect(Properties.RetentionInDays).toBe(30);
  });

  it('names nothing that a second deployment in the same account could collide with', () => {
    const names = Object.values(template.Resources).flatMap(({ Type, Properties = {} }) =>
      ['TableName', 'BucketName', 'RoleName', 'FunctionName', 'UserPoolName', 'LogGroupName', 'TopicName']
        .filter((name) => typeof Properties[name] === 'string')
        .map((name) => `${Type} ${Properties[name]}`),
    );
    expect(names).toEqual([]);
  });

  it('tells where everything is', () => {
    expect(Object.keys(template.Outputs)).toEqual(
      expect.arrayContaining([
        'ApiUrl',
        'SocketUrl',
        'DashboardUrl',
        'DashboardBucket',
        'DistributionId',
        'UserPoolId',
        'ClientId',
        'TableName',
        'KeyArn',
        'FailureBucket',
        'AlarmTopic',
      ]),
    );
  });

  it('stays inside the free tier of what is paid for by the piece', () => {
    expect(ofType(template, 'AWS::Logs::MetricFilter').length).toBeLessThanOrEqual(10);
    expect(ofType(template, 'AWS::CloudWatch::Dashboard').length).toBe(1);
    expect(ofType(template, 'AWS::KMS::Key').length).toBe(1);
    for (const type of [
      'AWS::EC2::NatGateway',
      'AWS::EC2::VPCEndpoint',
      'AWS::SecretsManager::Secret',
      'AWS::EC2::FlowLog',
    ])
      expect(ofType(template, type)).toEqual([]);
  });
});
