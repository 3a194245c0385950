/** Clusters: what is asked for, what is answered, and their routes (DESIGN §1, §7; issue scope: time to live 10 min – 48 h). */
import * as z from 'zod';
import { AccountId, ClusterId, Condition, Instant, Labels, OperationId, page, ShortName, TeamId } from './names.ts';
import { OperationError } from './operation.ts';
import { route } from './route.ts';

export const ClusterPhase = z
  .enum(['Pending', 'Provisioning', 'Pivoting', 'Ready', 'Deleting', 'Deleted', 'Failed'])
  .meta({ id: 'ClusterPhase' });
export type ClusterPhase = z.infer<typeof ClusterPhase>;
/** Deleted clusters are found by their ids alone. */
const ListedPhase = ClusterPhase.exclude(['Deleted']);

export const Workers = z
  .strictObject({
    count: z.int().min(1).max(20).default(2),
    size: z.enum(['small', 'medium', 'large']).default('small').describe('2, 4 or 8 vCPU with 8, 16 or 32 GiB'),
  })
  .meta({ id: 'Workers' });

/** Seconds. */
export const TTL = { min: 600, max: 172_800, default: 3600 } as const;
const TtlSeconds = z.int().min(TTL.min, `at least ${TTL.min} (10 min)`).max(TTL.max, `at most ${TTL.max} (48 h)`);

export const Provider = z.string().regex(/^[a-z][a-z0-9-]{0,31}$/, 'a provider such as eks');

/** What a provider wants to know beyond the size: how nodes come about on EKS, where the API server of a connected cluster is. */
const ClusterOptions = z.strictObject({
  compute: z.enum(['auto', 'managed']).default('auto').describe('EKS Auto Mode, or one managed node group'),
  apiServer: z
    .strictObject({
      url: z
        .string()
        .max(512)
        .regex(/^https:\/\/[A-Za-z0-9.:[\]-]+(\/[A-Za-z0-9._~/-]*)?$/, 'an https URL'),
      certificateAuthority: z.base64().max(16_384).describe('PEM in base64, as kubeconfigs have it'),
    })
    .optional()
    .describe('provider existing: what the kubeconfigs of its dev pods name'),
});

export const NewCluster = z
  .strictObject({
    name: ShortName,
    team: TeamId.optional().describe('default: your personal team'),
    provider: Provider.default('eks'),
    kubernetesVersion: z
      .string()
      .regex(/^\d+\.\d+$/, 'a version such as 1.35')
      .optional()
      .describe('default: the newest in standard support'),
    workers: Workers.prefault({}),
    ttlSeconds: TtlSeconds.default(TTL.default),
    labels: Labels.default({}),
    takesWorkspaces: z
      .boolean()
      .default(false)
      .describe('dev pods may be placed here; cluster-wide credentials are then for admins and owners'),
    isolation: z
      .enum(['team', 'shared'])
      .default('team')
      .describe('shared: takes dev pods of every team of this deployment'),
    options: ClusterOptions.prefault({}),
  })
  .meta({ id: 'NewCluster' });
export type NewCluster = z.output<typeof NewCluster>;

const Room = z.strictObject({ cpuMillis: z.int(), memoryMiB: z.int(), gpus: z.int(), pods: z.int() });

/** What the agent reports of the nodes. */
export const ClusterInfo = z
  .strictObject({
    nodes: z.int().min(0),
    readyNodes: z.int().min(0),
    allocatable: Room.describe(
      'of the nodes that dev pods can be put on: Ready, not cordoned, no taint that they do not tolerate',
    ),
    requested: Room.describe('on the same nodes'),
    seats: Room.optional().describe('the part of requested that is dev pods of ours'),
    largestNode: Room.optional().describe('the largest of those nodes: no pod can be larger'),
    storageClass: z.boolean().optional().describe('there is a default storage class'),
    networkPolicyEnforced: z.enum(['unknown', 'true', 'false']).optional(),
    provider: z.string().optional(),
    region: z.string().optional(),
  })
  .meta({ id: 'ClusterInfo' });
export type ClusterInfo = z.infer<typeof ClusterInfo>;

export const Cluster = z
  .strictObject({
    id: ClusterId,
    name: z.string(),
    team: TeamId,
    provider: z.string(),
    phase: ClusterPhase,
    step: z.string().optional().describe('the step of the workflow, while one is open or where it failed'),
    conditions: z.array(Condition),
    kubernetesVersion: z.string(),
    workers: Workers,
    labels: z.record(z.string(), z.string()),
    takesWorkspaces: z.boolean(),
    isolation: z.enum(['team', 'shared']),
    options: ClusterOptions,
    ttlSeconds: z.int(),
    expiresAt: Instant.optional().describe('set at the first Ready'),
    createdAt: Instant,
    createdBy: AccountId,
    readyAt: Instant.optional(),
    deletedAt: Instant.optional(),
    operationId: OperationId.optional().describe('the open operation'),
    lastOperationId: OperationId.optional(),
    error: OperationError.optional(),
    endpoint: z.string().optional(),
    agent: z
      .strictObject({
        version: z.string(),
        kubernetesVersion: z.string(),
        connectedAt: Instant,
        lastSeenAt: Instant.optional(),
      })
      .optional(),
    info: ClusterInfo.optional(),
    estimatedUsdPerHour: z.number(),
    remains: z
      .strictObject({ objects: z.array(z.string()), command: z.string() })
      .optional()
      .describe('provider existing, once deleted: what is left in the cluster, and how to remove it'),
    version: z.int().describe('counts every change; orders pushes'),
    revision: z.int().describe('counts changes of what was asked for; the ETag'),
  })
  .meta({ id: 'Cluster' });
export type Cluster = z.infer<typeof Cluster>;

/** A connected cluster with the manifest to apply to it, which holds an install token and is shown once. */
const ConnectedCluster = z
  .strictObject({ ...Cluster.shape, installToken: z.string(), manifest: z.string(), command: z.string() })
  .meta({ id: 'ConnectedCluster' });

/** `{clusterRef}` is an id, or a name in the team given by `?team=` (default: the personal team). */
const ref = {
  params: z.strictObject({ clusterRef: z.string().min(1).max(64) }),
  query: z.strictObject({ team: TeamId.optional() }),
};
const clusterErrors = ['not_found', 'access.denied'] as const;

export const ExecCredential = z
  .strictObject({
    apiVersion: z.literal('client.authentication.k8s.io/v1'),
    kind: z.literal('ExecCredential'),
    status: z.strictObject({ token: z.string(), expirationTimestamp: Instant }),
  })
  .meta({ id: 'ExecCredential' });

export const clusterRoutes = {
  create: route({
    id: 'clusters.create',
    method: 'POST',
    path: '/api/v1/clusters',
    auth: 'account',
    summary:
      'Create a cluster; its time to live counts from the first Ready. Provider existing: connect one, with the manifest that is answered',
    body: NewCluster,
    reply: { 202: Cluster, 201: ConnectedCluster },
    secret: [201],
    errors: [
      'cluster.isolation',
      'cluster.name_taken',
      'cluster.version_unknown',
      'provider.unknown',
      'provider.agent_image_private',
      'quota.team_clusters',
      'quota.deployment_clusters',
      'quota.deployment_vcpu',
      'deployment.creates_stopped',
      'access.denied',
      'not_found',
      'idempotency.mismatch',
      'retry',
    ],
  }),
  list: route({
    id: 'clusters.list',
    method: 'GET',
    path: '/api/v1/clusters',
    auth: 'account',
    summary: 'Clusters of a team, newest first',
    query: z.strictObject({
      ...page,
      team: TeamId.optional(),
      phase: ListedPhase.optional(),
      label: z
        .union([z.string(), z.array(z.string())])
        .optional()
        .describe('key=value; may be given more than once, separated by commas'),
    }),
    reply: {
      200: z.strictObject({ items: z.array(Cluster), nextCursor: z.string().optional() }).meta({ id: 'ClusterList' }),
    },
    errors: ['not_found', 'request.cursor_invalid'],
  }),
  get: route({
    id: 'clusters.get',
    method: 'GET',
    path: '/api/v1/clusters/{clusterRef}',
    auth: 'account',
    summary: 'One cluster, by id or name',
    ...ref,
    reply: { 200: Cluster },
    errors: clusterErrors,
  }),
  delete: route({
    id: 'clusters.delete',
    method: 'DELETE',
    path: '/api/v1/clusters/{clusterRef}',
    auth: 'account',
    summary: 'Delete a cluster; supersedes an open operation; a repeat answers the same operation',
    params: ref.params,
    query: ref.query.extend({ force: z.stringbool().default(false).describe('although dev pods live there') }),
    reply: { 202: Cluster },
    errors: [...clusterErrors, 'precondition.failed', 'conflict', 'cluster.has_workspaces'],
  }),
  retry: route({
    id: 'clusters.retry',
    method: 'POST',
    path: '/api/v1/clusters/{clusterRef}/retry',
    auth: 'account',
    summary: 'Run the failed operation again, as a new one',
    ...ref,
    body: z.strictObject({}).optional(),
    reply: { 202: Cluster },
    errors: [...clusterErrors, 'cluster.not_failed', 'cluster.expired', 'precondition.failed', 'conflict'],
  }),
  extend: route({
    id: 'clusters.extend',
    method: 'POST',
    path: '/api/v1/clusters/{clusterRef}/extend',
    auth: 'account',
    summary: 'Live ttlSeconds from now, at most 48 h from the first Ready; the clipped time is answered',
    ...ref,
    body: z.strictObject({ ttlSeconds: TtlSeconds.default(TTL.default) }),
    reply: { 200: Cluster },
    errors: [
      ...clusterErrors,
      'cluster.expired',
      'cluster.not_ready',
      'cluster.deleting',
      'precondition.failed',
      'conflict',
    ],
  }),
  kubeconfig: route({
    id: 'access.kubeconfig',
    method: 'GET',
    path: '/api/v1/clusters/{clusterRef}/kubeconfig',
    auth: 'account',
    summary:
      'A kubeconfig for your role: with a token that lasts minutes, or (?auth=exec) with a command that fetches one',
    params: ref.params,
    query: ref.query.extend({ auth: z.enum(['token', 'exec']).default('token') }),
    reply: { 200: 'text/plain' },
    errors: [...clusterErrors, 'cluster.not_ready', 'cluster.expired', 'cluster.takes_workspaces'],
  }),
  credentials: route({
    id: 'access.credentials',
    method: 'POST',
    path: '/api/v1/clusters/{clusterRef}/credentials',
    auth: 'account',
    summary: 'A short-lived credential as an ExecCredential',
    ...ref,
    body: z.strictObject({}).optional(),
    reply: { 200: ExecCredential },
    errors: [...clusterErrors, 'cluster.not_ready', 'cluster.expired', 'cluster.takes_workspaces'],
    secret: true,
  }),
};
