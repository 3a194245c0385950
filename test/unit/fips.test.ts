import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CognitoIdentityProviderClient, ForgotPasswordCommand } from '@aws-sdk/client-cognito-identity-provider';
import { DescribeTableCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { DescribeVolumesCommand, EC2Client } from '@aws-sdk/client-ec2';
import { EKSClient, ListClustersCommand } from '@aws-sdk/client-eks';
import { KMSClient, ListKeysCommand } from '@aws-sdk/client-kms';
import { ListStateMachinesCommand, SFNClient } from '@aws-sdk/client-sfn';
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import { describe, expect, it } from 'vitest';
import { type FipsService, fips } from '#functions/lib/fips.ts';

/** The host that a client would have called. */
const hostOf = async (service: FipsService, region: string, env: Record<string, string>): Promise<string> => {
  let host = '';
  const config = {
    region,
    credentials: { accessKeyId: 'a', secretAccessKey: 'b' },
    maxAttempts: 1,
    requestHandler: {
      handle: async (request: { readonly hostname: string }) => {
        host = request.hostname;
        throw new Error('not sent');
      },
    },
    ...fips(service, { AWS_REGION: region, ...env }),
  } as never;
  const calls: Record<FipsService, () => Promise<unknown>> = {
    'cognito-idp': () =>
      new CognitoIdentityProviderClient(config).send(new ForgotPasswordCommand({ ClientId: 'c', Username: 'u' })),
    dynamodb: () => new DynamoDBClient(config).send(new DescribeTableCommand({ TableName: 't' })),
    ec2: () => new EC2Client(config).send(new DescribeVolumesCommand({})),
    eks: () => new EKSClient(config).send(new ListClustersCommand({})),
    kms: () => new KMSClient(config).send(new ListKeysCommand({})),
    states: () => new SFNClient(config).send(new ListStateMachinesCommand({})),
    sts: () => new STSClient(config).send(new GetCallerIdentityCommand({})),
  };
  await calls[service]().catch(() => {});
  return host;
};

describe('a deployment that asks for FIPS', () => {
  it.each<[FipsService, string]>([
    ['cognito-idp', 'cognito-idp-fips.us-east-1.amazonaws.com'],
    ['dynamodb', 'dynamodb-fips.us-east-1.amazonaws.com'],
    ['ec2', 'ec2-fips.us-east-1.amazonaws.com'],
    ['eks', 'fips.eks.us-east-1.amazonaws.com'],
    ['kms', 'kms-fips.us-east-1.amazonaws.com'],
    ['states', 'states-fips.us-east-1.amazonaws.com'],
    ['sts', 'sts-fips.us-east-1.amazonaws.com'],
  ])('calls %s at %s', async (service, host) => {
    expect(await hostOf(service, 'us-east-1', { FIPS: 'true' })).toBe(host);
  });

  it('calls a service that has no such endpoint in the region where it is', async () => {
    const host = (service: FipsService) => hostOf(service, 'eu-west-1', { FIPS: 'true' });
    expect(await host('dynamodb')).toBe('dynamodb.eu-west-1.amazonaws.com');
    expect(await host('sts')).toBe('sts.eu-west-1.amazonaws.com');
    expect(await host('kms')).toBe('kms-fips.eu-west-1.amazonaws.com');
  });

  it('calls an address of its own as it is, since such a client could not be made', () => {
    expect(fips('dynamodb', { AWS_REGION: 'us-east-1', FIPS: 'true', AWS_ENDPOINT_URL: 'http://127.0.0.1:1' })).toEqual(
      {},
    );
  });
});

it('no other deployment calls a FIPS endpoint', async () => {
  expect(await hostOf('kms', 'us-east-1', { FIPS: 'false' })).toBe('kms.us-east-1.amazonaws.com');
  expect(await hostOf('kms', 'us-east-1', {})).toBe('kms.us-east-1.amazonaws.com');
});

it('every client of a function is made with it, but the one whose address is its own', () => {
  const root = join(import.meta.dirname, '../../functions');
  const made = readdirSync(root, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .flatMap((file) => readFileSync(join(root, file), 'utf8').match(/new \w+Client\(.*/g) ?? []);
  expect(made.length).toBeGreaterThan(6);
  expect(made.filter((line) => !/Client\(fips\('[\w-]+'\)\)/.test(line))).toEqual([
    expect.stringMatching(/^new ApiGatewayManagementApiClient\(\{ endpoint: callbackUrl, /),
  ]);
});
