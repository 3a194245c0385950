/** Short-lived credentials for people: the role that their team role grants, entered under their account's id (DESIGN §4 EKS). */
import { AssumeRoleCommand, STSClient } from '@aws-sdk/client-sts';
import { infrastructureName } from '#core/domain/names.ts';
import { eksToken } from './eks-token.ts';
import { fips } from './fips.ts';

export interface Credential {
  readonly token: string;
  /** RFC 3339. */
  readonly expiresAt: string;
}

/** Makes a credential of one cluster for one account. */
export type Mint = (of: {
  readonly cluster: string;
  readonly role: 'viewer' | 'editor' | 'admin';
  readonly account: string;
}) => Promise<Credential>;

/** STS's shortest session; the token made from it ends earlier. */
const SESSION_SECONDS = 900;

export const eksMint = (
  roles: Readonly<Record<'viewer' | 'editor' | 'admin', string>>,
  {
    now,
    client = new STSClient(fips('sts')),
    stsUrl = process.env.AWS_ENDPOINT_URL,
  }: { now: () => string; client?: STSClient; stsUrl?: string | undefined },
): Mint => {
  return async ({ cluster, role, account }) => {
    const { Credentials } = await client.send(
      new AssumeRoleCommand({ RoleArn: roles[role], RoleSessionName: account, DurationSeconds: SESSION_SECONDS }),
    );
    if (Credentials?.AccessKeyId === undefined || Credentials.SecretAccessKey === undefined)
      throw new Error('STS answered no credentials');
    return eksToken({
      cluster: infrastructureName(cluster),
      region: await client.config.region(),
      credentials: {
        accessKeyId: Credentials.AccessKeyId,
        secretAccessKey: Credentials.SecretAccessKey,
        sessionToken: Credentials.SessionToken,
      },
      stsUrl,
      now: now(),
    });
  };
};
