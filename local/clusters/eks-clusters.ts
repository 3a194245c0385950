/** CreateCluster, DescribeCluster, DeleteCluster, ListClusters, DescribeClusterVersions and tags. */
import { createHash, randomInt } from 'node:crypto';
import * as z from 'zod';
import { AwsError, type Caller } from '#local/types.ts';
import { type Context, clusterOf, eksArn, invalid, needTrust } from './context.ts';
import { associate, enter } from './eks-access.ts';
import type { ClusterRecord, Tags } from './store.ts';
import { supportOf, VERSIONS } from './versions.ts';

const enabled = z.strictObject({ enabled: z.boolean().default(false) });
export const tags = z.record(z.string().min(1).max(128), z.string().max(256)).default({});

/** What CreateCluster takes here; anything else is refused by name. */
export const createClusterInput = z.strictObject({
  name: z.string().regex(/^[0-9A-Za-z][A-Za-z0-9\-_]{0,99}$/),
  version: z.string().optional(),
  roleArn: z.string(),
  resourcesVpcConfig: z.strictObject({
    subnetIds: z.array(z.string()).min(2, 'Subnets specified must be in at least two different AZs'),
    securityGroupIds: z.array(z.string()).default([]),
    endpointPublicAccess: z.boolean().default(true),
    endpointPrivateAccess: z.boolean().default(false),
    publicAccessCidrs: z.array(z.string()).default(['0.0.0.0/0']),
  }),
  kubernetesNetworkConfig: z
    .strictObject({
      serviceIpv4Cidr: z.string().optional(),
      ipFamily: z.literal('ipv4').default('ipv4'),
      elasticLoadBalancing: enabled.optional(),
    })
    .default({ ipFamily: 'ipv4' }),
  computeConfig: z
    .strictObject({
      enabled: z.boolean().default(false),
      nodePools: z.array(z.enum(['system', 'general-purpose'])).default([]),
      nodeRoleArn: z.string().optional(),
    })
    .optional(),
  storageConfig: z.strictObject({ blockStorage: enabled.optional() }).optional(),
  accessConfig: z
    .strictObject({
      authenticationMode: z.enum(['API', 'API_AND_CONFIG_MAP', 'CONFIG_MAP']).default('CONFIG_MAP'),
      bootstrapClusterCreatorAdminPermissions: z.boolean().default(true),
    })
    .default({ authenticationMode: 'CONFIG_MAP', bootstrapClusterCreatorAdminPermissions: true }),
  upgradePolicy: z.strictObject({ supportType: z.enum(['STANDARD', 'EXTENDED']) }).default({ supportType: 'EXTENDED' }),
  bootstrapSelfManagedAddons: z.boolean().default(true),
  logging: z.json().optional(),
  deletionProtection: z.literal(false).optional(),
  clientRequestToken: z.string().optional(),
  tags,
});
type CreateCluster = z.output<typeof createClusterInput>;

/** Auto Mode is all three or none (EKS user guide, auto-disable). */
function checkAutoMode(context: Context, it: CreateCluster): void {
  const three = [
    it.computeConfig?.enabled,
    it.kubernetesNetworkConfig.elasticLoadBalancing?.enabled,
    it.storageConfig?.blockStorage?.enabled,
  ].map(Boolean);
  if (new Set(three).size > 1)
    invalid(
      'For EKS Auto Mode, please ensure that all required configs, including computeConfig, kubernetesNetworkConfig, and blockStorage are all either fully enabled or fully disabled.',
    );
  if (!three[0]) {
    needTrust(context, it.roleArn, 'eks.amazonaws.com', 'sts:AssumeRole');
    return;
  }
  if (it.accessConfig.authenticationMode === 'CONFIG_MAP')
    invalid('EKS Auto Mode needs authenticationMode API or API_AND_CONFIG_MAP');
  if (it.computeConfig!.nodePools.length > 0 && !it.computeConfig!.nodeRoleArn)
    invalid('nodeRoleArn is required when nodePools are given');
  needTrust(context, it.roleArn, 'eks.amazonaws.com', 'sts:AssumeRole', 'sts:TagSession');
  if (it.computeConfig!.nodeRoleArn)
    needTrust(context, it.computeConfig!.nodeRoleArn, 'ec2.amazonaws.com', 'sts:AssumeRole');
}

function versionFor(it: CreateCluster): string {
  const wanted = it.version ?? VERSIONS.find((one) => one.isDefault)!.version;
  const known = VERSIONS.find((one) => one.version === wanted);
  const support = known ? supportOf(known, Date.now()) : 'UNSUPPORTED';
  const offered = VERSIONS.filter((one) => supportOf(one, Date.now()) !== 'UNSUPPORTED').map((one) => one.version);
  if (support === 'UNSUPPORTED') invalid(`unsupported Kubernetes version ${wanted}; offered are ${offered.join(', ')}`);
  if (support === 'EXTENDED_SUPPORT' && it.upgradePolicy.supportType === 'STANDARD')
    invalid(`Kubernetes version ${wanted} is in extended support, which upgradePolicy STANDARD does not allow`);
  return wanted;
}

const digest = ({ clientRequestToken: _, ...rest }: CreateCluster): string =>
  createHash('sha256').update(JSON.stringify(rest)).digest('hex');

/** The networks of pods: `127.1` to `127.254`; `127.0` is everybody's. */
const NETWORKS = 254;

/**
 * A free `127.N`: pods of two clusters have no address in common. Chosen at random, since another runtime on this machine (a second checkout,
 * a test) chooses too and an address that both give out can be listened on only once.
 */
function freeNetwork({ store }: Context): string {
  const taken = new Set(store.clusters.list().map((one) => one.podNetwork));
  const free = Array.from({ length: NETWORKS }, (_, n) => `127.${n + 1}`).filter((network) => !taken.has(network));
  if (free.length === 0)
    throw new AwsError('ResourceLimitExceededException', `Clusters are limited to ${NETWORKS} here`, 400);
  return free[randomInt(free.length)] as string;
}

const base64 = (text: string): string => Buffer.from(text).toString('base64');

/** A cluster as the API shows it. */
function described(it: ClusterRecord) {
  const { request } = it;
  return {
    name: it.name,
    arn: it.arn,
    createdAt: it.createdAt / 1000,
    version: it.version,
    status: it.status,
    roleArn: request.roleArn,
    platformVersion: 'eks.1',
    tags: it.tags,
    clientRequestToken: request.clientRequestToken,
    resourcesVpcConfig: {
      ...request.resourcesVpcConfig,
      vpcId: 'vpc-0000000000000local',
      clusterSecurityGroupId: `sg-${it.podNetwork.slice(4)}`,
    },
    kubernetesNetworkConfig: { serviceIpv4Cidr: '10.100.0.0/16', ...request.kubernetesNetworkConfig },
    computeConfig: request.computeConfig ?? { enabled: false },
    storageConfig: request.storageConfig ?? { blockStorage: { enabled: false } },
    accessConfig: { authenticationMode: request.accessConfig.authenticationMode },
    upgradePolicy: request.upgradePolicy,
    deletionProtection: false,
    health: {
      issues:
        it.problem === undefined ? [] : [{ code: 'InternalFailure', message: it.problem, resourceIds: [it.name] }],
    },
    ...(it.status === 'ACTIVE' && { endpoint: it.endpoint, certificateAuthority: { data: base64(it.caPem!) } }),
  };
}

/** CreateCluster: the same token and input answers the cluster again, any other is `ResourceInUseException`. */
export async function createCluster(context: Context, input: CreateCluster, caller: Caller) {
  const known = context.store.clusters.get(input.name);
  if (known) {
    const same =
      input.clientRequestToken !== undefined && known.request.clientRequestToken === input.clientRequestToken;
    if (same && known.request.digest === digest(input)) return { cluster: described(known) };
    throw new AwsError('ResourceInUseException', `Cluster already exists with name: ${input.name}`, 409, {
      clusterName: input.name,
    });
  }
  const version = versionFor(input);
  checkAutoMode(context, input);
  const now = Date.now();
  const record: ClusterRecord = {
    name: input.name,
    arn: eksArn('cluster', input.name),
    status: 'CREATING',
    version,
    createdAt: now,
    dueAt: now + context.delays.createMs,
    tags: input.tags,
    request: { ...input, digest: digest(input) },
    podNetwork: freeNetwork(context),
  };
  context.store.clusters.put(record.name, record);
  if (input.accessConfig.bootstrapClusterCreatorAdminPermissions) {
    const principalArn = caller.roleArn;
    enter(context, { clusterName: input.name, principalArn, kubernetesGroups: [], tags: {} });
    associate(context, input.name, principalArn, 'AmazonEKSClusterAdminPolicy');
  }
  context.fleet.changed(record.name);
  return { cluster: described(record) };
}

/** DescribeCluster. */
export const describeCluster = (context: Context, { name }: { readonly name: string }) => ({
  cluster: described(clusterOf(context, name)),
});

/** DeleteCluster: not while it has node groups; a cluster that is being created may go. */
export function deleteCluster(context: Context, { name }: { readonly name: string }) {
  const record = clusterOf(context, name);
  const busy = (message: string) => new AwsError('ResourceInUseException', message, 409, { clusterName: name });
  if (record.status === 'DELETING') throw busy(`Cluster ${name} is already being deleted`);
  if (context.store.nodegroups.list(`${name}/`).length > 0) throw busy('Cluster has nodegroups attached');
  const deleting: ClusterRecord = { ...record, status: 'DELETING', dueAt: Date.now() + context.delays.deleteMs };
  context.store.clusters.put(name, deleting);
  context.fleet.changed(name);
  return { cluster: described(deleting) };
}

/** ListClusters, all on one page. */
export const listClusters = ({ store }: Context) => ({ clusters: store.clusters.list().map((it) => it.name) });

/** DescribeClusterVersions: newest first; those without support only with `includeAll`. */
export function describeClusterVersions(
  _context: Context,
  ask: {
    readonly clusterVersions: readonly string[];
    readonly defaultOnly: boolean;
    readonly includeAll: boolean;
    readonly versionStatus?: string | undefined;
  },
) {
  const all = VERSIONS.toReversed().map((it) => ({ ...it, support: supportOf(it, Date.now()) }));
  const wanted = all.filter(
    (it) =>
      (ask.includeAll || it.support !== 'UNSUPPORTED') &&
      (!ask.defaultOnly || it.isDefault) &&
      (ask.clusterVersions.length === 0 || ask.clusterVersions.includes(it.version)) &&
      (ask.versionStatus === undefined || ask.versionStatus === it.support),
  );
  return {
    clusterVersions: wanted.map((it) => ({
      clusterVersion: it.version,
      clusterType: 'eks',
      defaultPlatformVersion: 'eks.1',
      defaultVersion: it.isDefault,
      releaseDate: Date.parse(it.released) / 1000,
      endOfStandardSupportDate: Date.parse(it.standardUntil) / 1000,
      endOfExtendedSupportDate: Date.parse(it.extendedUntil) / 1000,
      status: it.support.toLowerCase().replace('_', '-'),
      versionStatus: it.support,
      kubernetesPatchVersion: it.patch,
    })),
  };
}

/** The record that an ARN names, and how to keep it with other tags. */
function tagged(context: Context, arn: string): { readonly tags: Tags; put(tags: Tags): void } {
  const { clusters, nodegroups, entries } = context.store;
  for (const it of clusters.list())
    if (it.arn === arn) return { tags: it.tags, put: (next) => clusters.put(it.name, { ...it, tags: next }) };
  for (const it of nodegroups.list())
    if (it.arn === arn)
      return { tags: it.tags, put: (next) => nodegroups.put(`${it.cluster}/${it.name}`, { ...it, tags: next }) };
  for (const it of entries.list())
    if (it.arn === arn)
      return { tags: it.tags, put: (next) => entries.put(`${it.cluster}/${it.principalArn}`, { ...it, tags: next }) };
  throw new AwsError('NotFoundException', `No resource found for ARN: ${arn}`, 404);
}

/** TagResource. */
export function tagResource(
  context: Context,
  { resourceArn, tags: added }: { readonly resourceArn: string; readonly tags: Tags },
) {
  const it = tagged(context, resourceArn);
  it.put({ ...it.tags, ...added });
  return {};
}

/** ListTagsForResource. */
export const listTags = (context: Context, { resourceArn }: { readonly resourceArn: string }) => ({
  tags: tagged(context, resourceArn).tags,
});
