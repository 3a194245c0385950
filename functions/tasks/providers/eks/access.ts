/** Who may enter an EKS cluster: our one role and the people's three, by access entries (DESIGN §4 EKS; aws.md 16, 17). */
import { AssociateAccessPolicyCommand, CreateAccessEntryCommand } from '@aws-sdk/client-eks';
import { AssumeRoleCommand } from '@aws-sdk/client-sts';
import { infrastructureName } from '#core/domain/names.ts';
import { eksToken } from '../../../lib/eks-token.ts';
import { Retryable } from '../../../lib/task-error.ts';
import type { KubernetesAccess, Provider } from '../provider.ts';
import { type EksParts, isNamed, needed } from './parts.ts';

interface Entry {
  readonly principalArn: string;
  readonly policy: string;
  /** Left to EKS for our own role. */
  readonly username?: string;
}

/** People's names in a cluster's audit log: `roadstead:acc_…`. EKS wants the colon before the session's name. */
const PERSON = 'roadstead:{{SessionName}}';

const entriesOf = ({ settings }: EksParts): readonly Entry[] => [
  { principalArn: needed(settings, 'accessRoleArn'), policy: 'AmazonEKSClusterAdminPolicy' },
  { principalArn: needed(settings, 'viewerRoleArn'), policy: 'AmazonEKSViewPolicy', username: PERSON },
  { principalArn: needed(settings, 'editorRoleArn'), policy: 'AmazonEKSEditPolicy', username: PERSON },
  // AmazonEKSAdminPolicy is for namespaces: it shows no nodes. Whoever administers the team owns the cluster whole.
  { principalArn: needed(settings, 'adminRoleArn'), policy: 'AmazonEKSClusterAdminPolicy', username: PERSON },
];

/** `arn:aws:…` → `aws`: also `aws-cn`, `aws-us-gov`. */
const partitionOf = (arn: string): string => arn.split(':')[1] ?? 'aws';

const grant = async ({ eks }: EksParts, clusterName: string, entry: Entry): Promise<void> => {
  const { principalArn, policy, username } = entry;
  try {
    await eks.send(
      new CreateAccessEntryCommand({
        clusterName,
        principalArn,
        type: 'STANDARD',
        ...(username === undefined ? {} : { username }),
      }),
    );
  } catch (error) {
    if (!isNamed(error, 'ResourceInUseException')) throw error;
  }
  try {
    await eks.send(
      new AssociateAccessPolicyCommand({
        clusterName,
        principalArn,
        policyArn: `arn:${partitionOf(principalArn)}:eks::aws:cluster-access-policy/${policy}`,
        accessScope: { type: 'cluster' },
      }),
    );
  } catch (error) {
    // The entry just made is not everywhere yet, or the cluster was in use and it was not made.
    if (isNamed(error, 'ResourceNotFoundException', 'ResourceInUseException'))
      throw new Retryable('provider.busy', `the access entry of ${principalArn} is not there yet`, { cause: error });
    throw error;
  }
};

export const accessOf = (
  parts: EksParts,
  describe: Provider['describe'],
): Pick<Provider, 'grantAccess'> & {
  readonly access: (...of: Parameters<Provider['access']>) => Promise<KubernetesAccess>;
} => ({
  grantAccess: async (cluster) => {
    for (const entry of entriesOf(parts)) await grant(parts, infrastructureName(cluster.id), entry);
  },

  access: async (cluster) => {
    const found = await describe(cluster);
    if (found === null) throw new Retryable('provider.busy', 'EKS does not tell the endpoint of the cluster yet');
    const { Credentials } = await parts.sts.send(
      new AssumeRoleCommand({
        RoleArn: needed(parts.settings, 'accessRoleArn'),
        RoleSessionName: `roadstead-${infrastructureName(cluster.id)}`,
        DurationSeconds: 900,
      }),
    );
    if (Credentials?.AccessKeyId === undefined || Credentials.SecretAccessKey === undefined)
      throw new Retryable('provider.busy', 'STS gave no credentials');
    const { token } = await eksToken({
      cluster: infrastructureName(cluster.id),
      region: parts.settings.region,
      stsUrl: parts.settings.stsUrl,
      now: parts.now(),
      credentials: {
        accessKeyId: Credentials.AccessKeyId,
        secretAccessKey: Credentials.SecretAccessKey,
        sessionToken: Credentials.SessionToken,
      },
    });
    return { ...found, token };
  },
});
