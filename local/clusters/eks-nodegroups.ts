/** Managed node groups: their nodes appear in the cluster as Node objects. */
import { randomUUID } from 'node:crypto';
import * as z from 'zod';
import { AwsError } from '#local/types.ts';
import { activeCluster, type Context, clusterOf, eksArn, invalid, needTrust } from './context.ts';
import { tags } from './eks-clusters.ts';
import type { NodegroupRecord } from './store.ts';

/** What CreateNodegroup takes here; anything else is refused by name. */
export const createNodegroupInput = z.strictObject({
  clusterName: z.string(),
  nodegroupName: z.string().regex(/^[0-9A-Za-z][A-Za-z0-9\-_]{0,62}$/),
  nodeRole: z.string(),
  subnets: z.array(z.string()).min(1),
  scalingConfig: z
    .strictObject({
      minSize: z.int().min(0).default(1),
      maxSize: z.int().min(1).default(2),
      desiredSize: z.int().min(0).default(2),
    })
    .default({ minSize: 1, maxSize: 2, desiredSize: 2 }),
  instanceTypes: z.array(z.string()).default(['m6i.large']),
  amiType: z.string().default('AL2023_x86_64_STANDARD'),
  capacityType: z.enum(['ON_DEMAND', 'SPOT']).default('ON_DEMAND'),
  diskSize: z.int().optional(),
  labels: z.record(z.string(), z.string()).default({}),
  taints: z
    .array(
      z.strictObject({
        key: z.string(),
        value: z.string().optional(),
        effect: z.enum(['NO_SCHEDULE', 'NO_EXECUTE', 'PREFER_NO_SCHEDULE']),
      }),
    )
    .default([]),
  updateConfig: z.json().optional(),
  nodeRepairConfig: z.json().optional(),
  version: z.string().optional(),
  clientRequestToken: z.string().optional(),
  tags,
});
type CreateNodegroup = z.output<typeof createNodegroupInput>;

interface Named {
  readonly clusterName: string;
  readonly nodegroupName: string;
}

function groupOf(context: Context, { clusterName, nodegroupName }: Named): NodegroupRecord {
  clusterOf(context, clusterName);
  const found = context.store.nodegroups.get(`${clusterName}/${nodegroupName}`);
  if (!found)
    throw new AwsError('ResourceNotFoundException', `No node group found for name: ${nodegroupName}.`, 404, {
      clusterName,
      nodegroupName,
    });
  return found;
}

const described = (context: Context, it: NodegroupRecord) => ({
  nodegroupName: it.name,
  nodegroupArn: it.arn,
  clusterName: it.cluster,
  version: it.request.version ?? clusterOf(context, it.cluster).version,
  createdAt: it.createdAt / 1000,
  modifiedAt: it.createdAt / 1000,
  status: it.status,
  capacityType: it.request.capacityType,
  scalingConfig: it.request.scalingConfig,
  instanceTypes: it.request.instanceTypes,
  subnets: it.request.subnets,
  amiType: it.request.amiType,
  nodeRole: it.request.nodeRole,
  labels: it.request.labels,
  taints: it.request.taints,
  tags: it.tags,
  health: {
    issues:
      it.problem === undefined ? [] : [{ code: 'NodeCreationFailure', message: it.problem, resourceIds: [it.name] }],
  },
});

/** CreateNodegroup: the same token answers the group again, any other is `ResourceInUseException`. */
export function createNodegroup(context: Context, input: CreateNodegroup) {
  activeCluster(context, input.clusterName);
  const key = `${input.clusterName}/${input.nodegroupName}`;
  const known = context.store.nodegroups.get(key);
  if (known) {
    if (input.clientRequestToken !== undefined && known.request.clientRequestToken === input.clientRequestToken)
      return { nodegroup: described(context, known) };
    const { clusterName, nodegroupName } = input;
    throw new AwsError(
      'ResourceInUseException',
      `NodeGroup already exists with name ${nodegroupName} and cluster name ${clusterName}`,
      409,
      { clusterName, nodegroupName },
    );
  }
  needTrust(context, input.nodeRole, 'ec2.amazonaws.com', 'sts:AssumeRole');
  const { minSize, desiredSize, maxSize } = input.scalingConfig;
  if (minSize > desiredSize || desiredSize > maxSize)
    invalid(`Sizes must be minSize ≤ desiredSize ≤ maxSize; given ${minSize}, ${desiredSize}, ${maxSize}`);
  const now = Date.now();
  const record: NodegroupRecord = {
    cluster: input.clusterName,
    name: input.nodegroupName,
    arn: eksArn('nodegroup', `${key}/${randomUUID()}`),
    status: 'CREATING',
    createdAt: now,
    dueAt: now + context.delays.nodegroupMs,
    tags: input.tags,
    request: input,
  };
  context.store.nodegroups.put(key, record);
  context.fleet.changed(input.clusterName);
  return { nodegroup: described(context, record) };
}

/** DescribeNodegroup. */
export const describeNodegroup = (context: Context, input: Named) => ({
  nodegroup: described(context, groupOf(context, input)),
});

/** DeleteNodegroup: its nodes go with it. */
export function deleteNodegroup(context: Context, input: Named) {
  const record = groupOf(context, input);
  if (record.status === 'DELETING')
    throw new AwsError('ResourceInUseException', `Nodegroup ${input.nodegroupName} is already being deleted`, 409, {
      ...input,
    });
  const deleting: NodegroupRecord = { ...record, status: 'DELETING', dueAt: Date.now() + context.delays.nodegroupMs };
  context.store.nodegroups.put(`${record.cluster}/${record.name}`, deleting);
  context.fleet.changed(record.cluster);
  return { nodegroup: described(context, deleting) };
}

/** ListNodegroups, all on one page. */
export function listNodegroups(context: Context, { clusterName }: { readonly clusterName: string }) {
  clusterOf(context, clusterName);
  return { nodegroups: context.store.nodegroups.list(`${clusterName}/`).map((it) => it.name) };
}
