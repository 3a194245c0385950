/** The EKS API: REST and JSON in, the answers of the calls out. */
import * as z from 'zod';
import { type ApiReply, type ApiRequest, type AwsApi, AwsError, type Caller, type Check } from '#local/types.ts';
import { type Context, eksArn } from './context.ts';
import {
  associateAccessPolicy,
  createAccessEntry,
  deleteAccessEntry,
  describeAccessEntry,
  listAccessEntries,
  listAssociatedAccessPolicies,
} from './eks-access.ts';
import { createAddon, deleteAddon, describeAddon, listAddons, type PodIdentity } from './eks-addons.ts';
import {
  createCluster,
  createClusterInput,
  deleteCluster,
  describeCluster,
  describeClusterVersions,
  listClusters,
  listTags,
  tagResource,
  tags,
} from './eks-clusters.ts';
import {
  createNodegroup,
  createNodegroupInput,
  deleteNodegroup,
  describeNodegroup,
  listNodegroups,
} from './eks-nodegroups.ts';

interface Operation {
  /** As in the SDK's model, `POST /clusters/{clusterName}/node-groups`. */
  readonly route: string;
  readonly input: z.ZodType;
  run(context: Context, input: never, caller: Caller): unknown;
}
const operation = <S extends z.ZodType>(
  route: string,
  input: S,
  run: (context: Context, input: z.output<S>, caller: Caller) => unknown,
): Operation => ({ route, input, run });

const name = z.string();
const clusterName = z.string();
const entry = { clusterName, principalArn: z.string() };
const group = { clusterName, nodegroupName: z.string() };
const addon = { clusterName, addonName: z.string() };
const resourceArn = z.string();
const flag = z.stringbool().default(false);
const several = z.union([z.array(z.string()), z.string().transform((one) => [one])]).default([]);

const operations: Readonly<Record<string, Operation>> = {
  CreateCluster: operation('POST /clusters', createClusterInput, createCluster),
  ListClusters: operation('GET /clusters', z.object({}), listClusters),
  DescribeCluster: operation('GET /clusters/{name}', z.object({ name }), describeCluster),
  DeleteCluster: operation('DELETE /clusters/{name}', z.object({ name }), deleteCluster),
  DescribeClusterVersions: operation(
    'GET /cluster-versions',
    z.object({
      clusterVersions: several,
      defaultOnly: flag,
      includeAll: flag,
      versionStatus: z.enum(['STANDARD_SUPPORT', 'EXTENDED_SUPPORT', 'UNSUPPORTED']).optional(),
    }),
    describeClusterVersions,
  ),
  CreateNodegroup: operation('POST /clusters/{clusterName}/node-groups', createNodegroupInput, createNodegroup),
  ListNodegroups: operation('GET /clusters/{clusterName}/node-groups', z.object({ clusterName }), listNodegroups),
  DescribeNodegroup: operation(
    'GET /clusters/{clusterName}/node-groups/{nodegroupName}',
    z.object(group),
    describeNodegroup,
  ),
  DeleteNodegroup: operation(
    'DELETE /clusters/{clusterName}/node-groups/{nodegroupName}',
    z.object(group),
    deleteNodegroup,
  ),
  CreateAddon: operation(
    'POST /clusters/{clusterName}/addons',
    z.strictObject({
      ...addon,
      clientRequestToken: z.string().optional(),
      // Kept to nothing here: what an add-on does is part of every cluster, or not done.
      configurationValues: z.string().optional(),
      resolveConflicts: z.enum(['OVERWRITE', 'NONE', 'PRESERVE']).optional(),
      podIdentityAssociations: z.array(z.strictObject({ serviceAccount: z.string(), roleArn: z.string() })).optional(),
      tags,
    }),
    createAddon,
  ),
  ListAddons: operation('GET /clusters/{clusterName}/addons', z.object({ clusterName }), listAddons),
  DescribeAddon: operation('GET /clusters/{clusterName}/addons/{addonName}', z.object(addon), describeAddon),
  DeleteAddon: operation('DELETE /clusters/{clusterName}/addons/{addonName}', z.object(addon), deleteAddon),
  CreateAccessEntry: operation(
    'POST /clusters/{clusterName}/access-entries',
    z.object({
      ...entry,
      kubernetesGroups: z.array(z.string()).default([]),
      username: z.string().optional(),
      type: z.string().default('STANDARD'),
      tags,
    }),
    createAccessEntry,
  ),
  ListAccessEntries: operation(
    'GET /clusters/{clusterName}/access-entries',
    z.object({ clusterName }),
    listAccessEntries,
  ),
  DescribeAccessEntry: operation(
    'GET /clusters/{clusterName}/access-entries/{principalArn}',
    z.object(entry),
    describeAccessEntry,
  ),
  DeleteAccessEntry: operation(
    'DELETE /clusters/{clusterName}/access-entries/{principalArn}',
    z.object(entry),
    deleteAccessEntry,
  ),
  AssociateAccessPolicy: operation(
    'POST /clusters/{clusterName}/access-entries/{principalArn}/access-policies',
    z.object({ ...entry, policyArn: z.string(), accessScope: z.object({ type: z.string() }) }),
    associateAccessPolicy,
  ),
  ListAssociatedAccessPolicies: operation(
    'GET /clusters/{clusterName}/access-entries/{principalArn}/access-policies',
    z.object(entry),
    listAssociatedAccessPolicies,
  ),
  TagResource: operation('POST /tags/{resourceArn}', z.object({ resourceArn, tags }), tagResource),
  ListTagsForResource: operation('GET /tags/{resourceArn}', z.object({ resourceArn }), listTags),
};

const routes = Object.entries(operations).map(([action, { route }]) => {
  const [method, path] = route.split(' ') as [string, string];
  return { action, method, pattern: new RegExp(`^${path.replace(/\{(\w+)\}/g, '(?<$1>[^/]+)')}/?$`) };
});

/** Actions that name no resource. (CreateCluster is refused "on resource … cluster/NAME": cortexlabs/cortex#1232.) */
const WITHOUT_RESOURCE = ['ListClusters', 'DescribeClusterVersions'];

/** The ARN that IAM is asked about. */
function resourceOf({ store }: Context, action: string, input: Readonly<Record<string, string>>): string {
  if (WITHOUT_RESOURCE.includes(action)) return '*';
  if (input.resourceArn) return input.resourceArn;
  const cluster = (input.clusterName ?? input.name)!;
  if (input.nodegroupName && action !== 'CreateNodegroup')
    return (
      store.nodegroups.get(`${cluster}/${input.nodegroupName}`)?.arn ??
      eksArn('nodegroup', `${cluster}/${input.nodegroupName}/none`)
    );
  if (input.addonName && action !== 'CreateAddon')
    return (
      store.addons.get(`${cluster}/${input.addonName}`)?.arn ?? eksArn('addon', `${cluster}/${input.addonName}/none`)
    );
  if (input.principalArn && action !== 'CreateAccessEntry') {
    const known = store.entries.get(`${cluster}/${input.principalArn}`);
    return known?.arn ?? eksArn('access-entry', `${cluster}/role/none`);
  }
  return eksArn('cluster', cluster);
}

const tagContext = (given: Readonly<Record<string, string>>) => ({
  'aws:TagKeys': Object.keys(given),
  ...Object.fromEntries(Object.entries(given).map(([key, value]) => [`aws:RequestTag/${key}`, value])),
});

const requestTags = (input: Readonly<Record<string, unknown>>) =>
  input.tags === undefined ? {} : tagContext(input.tags as Record<string, string>);

/** The tags of the cluster that a call names. */
function resourceTags({ store }: Context, input: Readonly<Record<string, string>>) {
  const cluster = store.clusters.get(input.clusterName ?? input.name ?? '');
  return Object.fromEntries(
    Object.entries(cluster?.tags ?? {}).map(([key, value]) => [`aws:ResourceTag/${key}`, value]),
  );
}

/** What a call needs besides its own action: passing roles to EKS and to pods, and tagging what it makes. */
function dependent(action: string, input: Readonly<Record<string, unknown>>): Check[] {
  const request = input as {
    roleArn?: string;
    nodeRole?: string;
    computeConfig?: { nodeRoleArn?: string };
    podIdentityAssociations?: readonly PodIdentity[];
    tags?: Record<string, string>;
  };
  const passed = [request.roleArn, request.computeConfig?.nodeRoleArn, request.nodeRole].filter(
    (it) => it !== undefined,
  );
  const made: Readonly<Record<string, string>> = {
    CreateCluster: eksArn('cluster', String(input.name)),
    CreateNodegroup: eksArn('nodegroup', `${input.clusterName}/${input.nodegroupName}/new`),
    CreateAddon: eksArn('addon', `${input.clusterName}/${input.addonName}/new`),
    CreateAccessEntry: eksArn('access-entry', `${input.clusterName}/role/new`),
  };
  const resource = made[action];
  const given = request.tags ?? {};
  const identities = request.podIdentityAssociations ?? [];
  return [
    ...passed.map((roleArn) => ({
      action: 'iam:PassRole',
      resource: roleArn,
      context: { 'iam:PassedToService': 'eks.amazonaws.com' },
    })),
    ...identities.flatMap(({ roleArn }) => [
      { action: 'eks:CreatePodIdentityAssociation', resource: eksArn('cluster', String(input.clusterName)) },
      {
        action: 'iam:PassRole',
        resource: roleArn,
        context: { 'iam:PassedToService': 'pods.eks.amazonaws.com' },
      },
    ]),
    ...(resource && Object.keys(given).length > 0
      ? [{ action: 'eks:TagResource', resource, context: tagContext(given) }]
      : []),
  ];
}

function read(request: ApiRequest): { readonly action: string; readonly given: Record<string, unknown> } {
  for (const { action, method, pattern } of routes) {
    const found = method === request.method ? pattern.exec(request.path) : null;
    if (!found) continue;
    const inPath = Object.fromEntries(
      Object.entries(found.groups ?? {}).map(([key, value]) => [key, decodeURIComponent(value)]),
    );
    const inQuery = Object.fromEntries(
      [...new Set(request.query.keys())].map((key) => {
        const values = request.query.getAll(key);
        return [key, values.length > 1 ? values : values[0]];
      }),
    );
    const inBody = request.body.length > 0 ? (JSON.parse(request.body.toString()) as object) : {};
    return { action, given: { ...inQuery, ...inBody, ...inPath } };
  }
  throw new AwsError(
    'UnsupportedOperationException',
    `EKS here answers ${Object.keys(operations).join(', ')}; given: ${request.method} ${request.path}`,
    404,
  );
}

/** The API over clusters. */
export function eksApi(context: Context): AwsApi {
  return {
    service: 'eks',
    denied: { code: 'AccessDeniedException', status: 403 },
    conditionKeys: ['iam:PassedToService', 'aws:RequestTag/*', 'aws:ResourceTag/*', 'aws:TagKeys'],
    parse(request) {
      const { action, given } = read(request);
      const input = operations[action]!.input.safeParse(given);
      if (!input.success) throw new AwsError('InvalidParameterException', z.prettifyError(input.error));
      return { operation: action, input: input.data as Record<string, unknown> };
    },
    checks: ({ operation: action, input }) => [
      {
        action: `eks:${action}`,
        resource: resourceOf(context, action, input as Record<string, string>),
        context: { ...requestTags(input), ...resourceTags(context, input as Record<string, string>) },
      },
      ...dependent(action, input),
    ],
    async run(call, caller): Promise<ApiReply> {
      const answer = await operations[call.operation]!.run(context, call.input as never, caller);
      return { status: 200, headers: { 'content-type': 'application/json' }, body: JSON.stringify(answer) };
    },
    fail: (error) => ({
      status: error.status,
      headers: { 'content-type': 'application/json', 'x-amzn-errortype': error.code },
      body: JSON.stringify({ message: error.message, ...error.fields }),
    }),
  };
}
