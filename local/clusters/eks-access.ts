/** Access entries and access policies: which role may enter a cluster, as whom, with which rights. */
import { randomUUID } from 'node:crypto';
import { ACCOUNT, AwsError } from '#local/types.ts';
import { activeCluster, type Context, clusterOf, eksArn, invalid } from './context.ts';
import { ACCESS_POLICIES } from './objects.ts';
import type { AccessEntryRecord, Tags } from './store.ts';

const POLICY_ARN = 'arn:aws:eks::aws:cluster-access-policy/';

interface Entered {
  readonly clusterName: string;
  readonly principalArn: string;
}

/** The entry of a role. Throws `ResourceNotFoundException`. */
function entryOf(context: Context, { clusterName, principalArn }: Entered): AccessEntryRecord {
  clusterOf(context, clusterName);
  const found = context.store.entries.get(`${clusterName}/${principalArn}`);
  if (!found)
    throw new AwsError(
      'ResourceNotFoundException',
      `The specified principalArn could not be found: ${principalArn}.`,
      404,
      { clusterName },
    );
  return found;
}

const keep = ({ store }: Context, it: AccessEntryRecord): void =>
  store.entries.put(`${it.cluster}/${it.principalArn}`, it);

const described = (it: AccessEntryRecord) => ({
  clusterName: it.cluster,
  principalArn: it.principalArn,
  kubernetesGroups: it.groups,
  accessEntryArn: it.arn,
  createdAt: it.createdAt / 1000,
  modifiedAt: it.createdAt / 1000,
  tags: it.tags,
  username: it.username,
  type: 'STANDARD',
});

/** Makes an entry; the caller has checked the cluster. */
export function enter(
  context: Context,
  input: Entered & {
    readonly kubernetesGroups: readonly string[];
    readonly username?: string | undefined;
    readonly tags: Tags;
  },
): AccessEntryRecord {
  const { clusterName, principalArn } = input;
  if (context.store.entries.get(`${clusterName}/${principalArn}`))
    throw new AwsError(
      'ResourceInUseException',
      'The specified access entry resource is already in use on this cluster.',
      409,
      { clusterName },
    );
  if (!context.iam.hasRole(principalArn)) invalid(`The specified principalArn is invalid: ${principalArn} is no role`);
  for (const group of input.kubernetesGroups)
    if (group.startsWith('system:'))
      invalid(`The kubernetes group name ${group} is invalid, it cannot start with system:`);
  if (/^(system|eks|aws|amazon|iam):/.test(input.username ?? ''))
    invalid(`The username ${input.username} is invalid: its prefix is reserved`);
  if (/\{\{SessionName(Raw)?\}\}/.test(input.username ?? '') && !/:.*\{\{/.test(input.username ?? ''))
    invalid(`The username ${input.username} is invalid: {{SessionName}} must come after a colon`);
  const role = principalArn.split('/').at(-1);
  const record: AccessEntryRecord = {
    cluster: clusterName,
    principalArn,
    arn: eksArn('access-entry', `${clusterName}/role/${ACCOUNT}/${role}/${randomUUID()}`),
    username: input.username ?? `arn:aws:sts::${ACCOUNT}:assumed-role/${role}/{{SessionName}}`,
    groups: input.kubernetesGroups,
    policies: {},
    tags: input.tags,
    createdAt: Date.now(),
  };
  keep(context, record);
  return record;
}

/** CreateAccessEntry. */
export function createAccessEntry(
  context: Context,
  input: Entered & {
    readonly kubernetesGroups: readonly string[];
    readonly username?: string | undefined;
    readonly type: string;
    readonly tags: Tags;
  },
) {
  const { request } = activeCluster(context, input.clusterName);
  if (request.accessConfig.authenticationMode === 'CONFIG_MAP')
    throw new AwsError(
      'InvalidRequestException',
      "The cluster's authentication mode must be set to one of [API, API_AND_CONFIG_MAP] to perform this operation.",
    );
  if (input.type !== 'STANDARD') invalid(`Access entries of type ${input.type} are not supported here, only STANDARD`);
  return { accessEntry: described(enter(context, input)) };
}

/** Records the association of a policy with an entry. */
export function associate(
  context: Context,
  clusterName: string,
  principalArn: string,
  policy: string,
): AccessEntryRecord {
  const entry = entryOf(context, { clusterName, principalArn });
  const next = { ...entry, policies: { ...entry.policies, [policy]: entry.policies[policy] ?? Date.now() } };
  keep(context, next);
  return next;
}

const associated = (policy: string, at: number) => ({
  policyArn: `${POLICY_ARN}${policy}`,
  accessScope: { type: 'cluster', namespaces: [] },
  associatedAt: at / 1000,
  modifiedAt: at / 1000,
});

/** AssociateAccessPolicy, for the whole cluster. */
export async function associateAccessPolicy(
  context: Context,
  {
    clusterName,
    principalArn,
    policyArn,
    accessScope,
  }: Entered & { readonly policyArn: string; readonly accessScope: { readonly type: string } },
) {
  activeCluster(context, clusterName);
  entryOf(context, { clusterName, principalArn });
  const policy = policyArn.startsWith(POLICY_ARN) ? policyArn.slice(POLICY_ARN.length) : '';
  if (!Object.hasOwn(ACCESS_POLICIES, policy))
    invalid(
      `The policyArn ${policyArn} is invalid; known here are ${Object.keys(ACCESS_POLICIES)
        .map((name) => POLICY_ARN + name)
        .join(', ')}`,
    );
  if (accessScope.type !== 'cluster')
    invalid(`The access scope ${accessScope.type} is not supported here, only cluster`);
  await context.fleet.bind(clusterName, policy);
  const entry = associate(context, clusterName, principalArn, policy);
  return { clusterName, principalArn, associatedAccessPolicy: associated(policy, entry.policies[policy]!) };
}

/** ListAssociatedAccessPolicies. */
export function listAssociatedAccessPolicies(context: Context, input: Entered) {
  const entry = entryOf(context, input);
  return {
    ...input,
    associatedAccessPolicies: Object.entries(entry.policies).map(([policy, at]) => associated(policy, at)),
  };
}

/** DescribeAccessEntry. */
export const describeAccessEntry = (context: Context, input: Entered) => ({
  accessEntry: described(entryOf(context, input)),
});

/** ListAccessEntries, all on one page. */
export function listAccessEntries(context: Context, { clusterName }: { readonly clusterName: string }) {
  clusterOf(context, clusterName);
  return { accessEntries: context.store.entries.list(`${clusterName}/`).map((it) => it.principalArn) };
}

/** DeleteAccessEntry: tokens of the role are refused from now on. */
export function deleteAccessEntry(context: Context, input: Entered) {
  entryOf(context, input);
  context.store.entries.remove(`${input.clusterName}/${input.principalArn}`);
  return {};
}
