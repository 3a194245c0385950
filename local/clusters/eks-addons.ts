/** Add-ons: those whose work the embedded cluster does itself, so that having one changes nothing. */
import { randomUUID } from 'node:crypto';
import { AwsError } from '#local/types.ts';
import { activeCluster, type Context, clusterOf, eksArn, invalid, needTrust } from './context.ts';
import type { AddonRecord, Tags } from './store.ts';

/** Volumes, addresses, names, services and credentials of pods come with the cluster's own controllers, or are not needed there; with the service accounts that may be given a role. */
const BUILT_IN: Readonly<Record<string, readonly string[]>> = {
  'aws-ebs-csi-driver': ['ebs-csi-controller-sa'],
  coredns: [],
  'eks-pod-identity-agent': [],
  'kube-proxy': [],
  'vpc-cni': ['aws-node'],
};

/** What a pod of an add-on may do in AWS: the role becomes that of its service account. */
export interface PodIdentity {
  readonly serviceAccount: string;
  readonly roleArn: string;
}

interface Named {
  readonly clusterName: string;
  readonly addonName: string;
}

function addonOf(context: Context, { clusterName, addonName }: Named): AddonRecord {
  clusterOf(context, clusterName);
  const found = context.store.addons.get(`${clusterName}/${addonName}`);
  if (!found)
    throw new AwsError('ResourceNotFoundException', `No addon: ${addonName} found in cluster: ${clusterName}`, 404, {
      clusterName,
      addonName,
    });
  return found;
}

const described = (it: AddonRecord, status = 'ACTIVE') => ({
  addonName: it.name,
  clusterName: it.cluster,
  status,
  addonVersion: 'v1.0.0-eksbuild.1',
  health: { issues: [] },
  addonArn: it.arn,
  createdAt: it.createdAt / 1000,
  modifiedAt: it.createdAt / 1000,
  tags: it.tags,
});

/** CreateAddon. Roles of its pods are tried as EKS tries them. */
export function createAddon(
  context: Context,
  {
    clusterName,
    addonName,
    podIdentityAssociations = [],
    tags,
  }: Named & { readonly podIdentityAssociations?: readonly PodIdentity[] | undefined; readonly tags: Tags },
) {
  activeCluster(context, clusterName);
  const accounts = BUILT_IN[addonName];
  if (accounts === undefined)
    invalid(`Addon ${addonName} is not supported here; known are ${Object.keys(BUILT_IN).join(', ')}`);
  for (const { serviceAccount, roleArn } of podIdentityAssociations) {
    if (!accounts.includes(serviceAccount))
      invalid(
        `Service account ${serviceAccount} in pod identity configuration is not supported for addon ${addonName}`,
      );
    needTrust(context, roleArn, 'pods.eks.amazonaws.com', 'sts:AssumeRole', 'sts:TagSession');
  }
  const key = `${clusterName}/${addonName}`;
  if (context.store.addons.get(key))
    throw new AwsError('ResourceInUseException', 'Addon already exists.', 409, { clusterName, addonName });
  const record = {
    cluster: clusterName,
    name: addonName,
    arn: eksArn('addon', `${key}/${randomUUID()}`),
    createdAt: Date.now(),
    tags,
  };
  context.store.addons.put(key, record);
  return { addon: described(record, 'CREATING') };
}

/** DescribeAddon: ACTIVE at once. */
export const describeAddon = (context: Context, input: Named) => ({ addon: described(addonOf(context, input)) });

/** ListAddons, all on one page. */
export function listAddons(context: Context, { clusterName }: { readonly clusterName: string }) {
  clusterOf(context, clusterName);
  return { addons: context.store.addons.list(`${clusterName}/`).map((it) => it.name) };
}

/** DeleteAddon. */
export function deleteAddon(context: Context, input: Named) {
  const record = addonOf(context, input);
  context.store.addons.remove(`${record.cluster}/${record.name}`);
  return { addon: described(record, 'DELETING') };
}
