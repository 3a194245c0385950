/** The AWS account that the environment's credentials are for. Only reads. */

import { DescribeAvailabilityZonesCommand, EC2Client } from '@aws-sdk/client-ec2';
import { GetRoleCommand, IAMClient, NoSuchEntityException } from '@aws-sdk/client-iam';
import { GetServiceQuotaCommand, ServiceQuotasClient } from '@aws-sdk/client-service-quotas';
import { Sha256Node } from '@smithy/core/checksum';
import { SignatureV4 } from '@smithy/signature-v4';
import type { Account } from './aws.ts';

/** Where the CDK's bootstrap stack writes its version. */
const BOOTSTRAP_PARAMETER = '/cdk-bootstrap/hnb659fds/version';

/** One signed call instead of a client for it. */
const readParameter = async (client: EC2Client, region: string, name: string): Promise<string | undefined> => {
  const host = `ssm.${region}.amazonaws.com`;
  const signer = new SignatureV4({
    service: 'ssm',
    region,
    credentials: client.config.credentials,
    sha256: Sha256Node,
  });
  const body = JSON.stringify({ Name: name });
  const { headers } = await signer.sign({
    method: 'POST',
    protocol: 'https:',
    hostname: host,
    path: '/',
    headers: { host, 'content-type': 'application/x-amz-json-1.1', 'x-amz-target': 'AmazonSSM.GetParameter' },
    body,
  });
  const response = await fetch(`https://${host}/`, { method: 'POST', headers, body });
  const answer = (await response.json()) as { Parameter?: { Value: string }; __type?: string; message?: string };
  if (answer.__type?.endsWith('ParameterNotFound')) return undefined;
  if (!response.ok) throw new Error(`GetParameter answered ${response.status} ${answer.__type}: ${answer.message}`);
  return answer.Parameter?.Value;
};

/** Finds region and credentials as every AWS tool does. Throws where no region is set. */
export const liveAccount = async (): Promise<Account> => {
  const ec2 = new EC2Client({});
  const region = await ec2.config.region();
  const iam = new IAMClient({});
  const quotas = new ServiceQuotasClient({});
  return {
    region,
    zones: async () => {
      const { AvailabilityZones = [] } = await ec2.send(
        new DescribeAvailabilityZonesCommand({ Filters: [{ Name: 'zone-type', Values: ['availability-zone'] }] }),
      );
      return AvailabilityZones.filter(({ State }) => State === 'available')
        .map(({ ZoneName = '', ZoneId = '' }) => ({ name: ZoneName, id: ZoneId }))
        .toSorted((a, b) => a.name.localeCompare(b.name));
    },
    quota: async (ServiceCode, QuotaCode) =>
      (await quotas.send(new GetServiceQuotaCommand({ ServiceCode, QuotaCode }))).Quota?.Value ?? 0,
    bootstrapVersion: async () => {
      const value = await readParameter(ec2, region, BOOTSTRAP_PARAMETER);
      return value === undefined ? undefined : Number(value);
    },
    hasRole: async (RoleName) => {
      try {
        await iam.send(new GetRoleCommand({ RoleName }));
        return true;
      } catch (error) {
        if (error instanceof NoSuchEntityException) return false;
        throw error;
      }
    },
  };
};
