/** Workspaces: one person's dev pod with its volumes, groups of them, and their routes (DESIGN §1, §7; seed-systems §4.3). */
import * as z from 'zod';
import {
  AccountId,
  ClusterId,
  Condition,
  GroupId,
  Instant,
  Labels,
  OperationId,
  page,
  ShortName,
  TeamId,
  WorkspaceId,
} from './names.ts';
import { OperationError } from './operation.ts';
import { route } from './route.ts';
import {
  Image,
  SeatGit,
  SeatResources,
  SeatSecret,
  SeatVolume,
  SecretName,
  VolumeFate,
  VolumeSize,
  WorkspacePhase,
} from './seat.ts';

const IdleTimeoutSeconds = z.int().min(0).max(604_800).describe('0: never stopped for being idle');

/** Where a seat may be put: a cluster by id or name, or any that fits. */
const Placement = z.strictObject({
  cluster: z.string().min(1).max(64).optional().describe('id or name; default: Roadstead chooses'),
  environment: z.string().max(63).optional().describe('the label roadstead.dev/environment of the cluster'),
  region: z.string().max(63).optional().describe('the label roadstead.dev/region, or what the agent reports'),
  isolation: z.enum(['shared', 'team']).default('shared').describe("team: only on clusters of one's own team"),
});

/** Sizes by volume name, for the volumes that the template names. */
const VolumeSizes = z.record(z.string().max(15), VolumeSize);

/** Values of a template's parameters, as its schema types them. */
const ParameterValues = z.record(z.string().max(63), z.union([z.string().max(2048), z.number(), z.boolean()]));

/** Which secrets the pod is given. Files all of them; which are variables as well, its template says (docs/adr/0035). */
const SecretNames = z
  .array(SecretName)
  .max(32)
  .refine((names) => new Set(names).size === names.length, 'a secret is named twice')
  .describe("by name; default: all of the person's and the team's");

/** What a seat and a group of them are asked for alike. */
export const seatFields = {
  team: TeamId.optional().describe('default: your personal team'),
  template: z.strictObject({ name: ShortName, version: z.string().max(63).optional() }).prefault({ name: 'node' }),
  parameters: ParameterValues.default({}),
  image: Image.optional().describe("default: the template's"),
  resources: SeatResources.optional().describe("default: the template's"),
  volumes: VolumeSizes.default({}),
  idleTimeoutSeconds: IdleTimeoutSeconds.optional().describe("default: the template's"),
  labels: Labels.default({}),
  placement: Placement.prefault({}),
  secrets: SecretNames.optional(),
  git: SeatGit.prefault({}),
};

export const NewWorkspace = z
  .strictObject({
    name: ShortName,
    ...seatFields,
    owner: AccountId.optional().describe('who sits there, for admins; default: you. Never changes'),
    start: z.boolean().default(true),
  })
  .meta({ id: 'NewWorkspace' });
export type NewWorkspace = z.output<typeof NewWorkspace>;

/** What can be changed; what restarts the pod says so in its conditions. */
export const WorkspaceChange = z
  .strictObject({
    resources: SeatResources.optional(),
    image: Image.optional(),
    idleTimeoutSeconds: IdleTimeoutSeconds.optional(),
    labels: Labels.optional(),
    volumes: VolumeSizes.optional().describe('a volume only grows'),
    secrets: SecretNames.nullable()
      .optional()
      .describe('null: all; chosen by its owner, whose own secrets come with it'),
    git: SeatGit.optional(),
  })
  .meta({ id: 'WorkspaceChange' });
export type WorkspaceChange = z.output<typeof WorkspaceChange>;

export const Cost = z
  .strictObject({
    runningUsdPerHour: z.number().describe('while the pod runs: its share of a node and its volumes'),
    stoppedUsdPerHour: z.number().describe('while it is stopped: its volumes'),
    accruedUsd: z.number().optional().describe('since it was created, from its times of running'),
    runningSeconds: z.int().optional(),
  })
  .meta({ id: 'Cost' });
export type Cost = z.infer<typeof Cost>;

export const Workspace = z
  .strictObject({
    id: WorkspaceId,
    name: z.string(),
    team: TeamId,
    owner: z.string(),
    group: GroupId.optional(),
    origin: z.enum(['ControlPlane', 'Cluster']),
    cluster: ClusterId,
    phase: WorkspacePhase,
    wanted: z.enum(['Running', 'Stopped']),
    conditions: z.array(Condition),
    template: z.strictObject({ name: z.string(), version: z.string() }),
    image: z.string(),
    profile: z.string(),
    parameters: z.record(z.string(), z.string()),
    resources: SeatResources,
    volumes: z.array(SeatVolume),
    secrets: z.array(SeatSecret),
    git: SeatGit,
    idleTimeoutSeconds: z.int(),
    labels: z.record(z.string(), z.string()),
    namespace: z.string(),
    pod: z.string(),
    host: z.string().describe('DNS name inside the cluster'),
    node: z.string().optional(),
    zone: z.string().optional(),
    createdAt: Instant,
    createdBy: z.string(),
    startedAt: Instant.optional(),
    stoppedAt: Instant.optional(),
    deletedAt: Instant.optional(),
    operationId: OperationId.optional(),
    lastOperationId: OperationId.optional(),
    error: OperationError.optional(),
    cost: Cost,
    version: z.int(),
    revision: z.int(),
  })
  .meta({ id: 'Workspace' });
export type Workspace = z.infer<typeof Workspace>;

export const Estimate = z
  .strictObject({
    cost: Cost,
    cluster: z.strictObject({ id: ClusterId, name: z.string() }).optional(),
    misfits: z.array(z.strictObject({ cluster: z.string(), missing: z.array(z.string()) })),
  })
  .meta({ id: 'Estimate' });

export const team = z.strictObject({ team: TeamId.optional() });
const ref = { params: z.strictObject({ workspaceRef: z.string().min(1).max(64) }), query: team };
export const base = ['not_found', 'access.denied'] as const;
const changes = [
  ...base,
  'precondition.failed',
  'conflict',
  'workspace.managed_in_cluster',
  'workspace.deleting',
] as const;
/** Refusals of what is asked for. */
export const asked = [
  'template.unknown',
  'template.parameter_invalid',
  'workspace.volume_unknown',
  'placement.no_fit',
  'quota.team_workspaces',
  'quota.team_compute',
  'quota.team_storage',
  'secret.unknown',
  'secret.too_many',
] as const;

const put = (verb: 'start' | 'stop' | 'restart', summary: string) =>
  route({
    id: `workspaces.${verb}`,
    method: 'POST',
    path: `/api/v1/workspaces/{workspaceRef}/${verb}`,
    auth: 'account',
    summary,
    ...ref,
    body: z.strictObject({}).optional(),
    reply: { 202: Workspace },
    errors: [...changes, 'workspace.busy', 'workspace.not_running', 'placement.no_fit', 'quota.team_compute'],
  });

export const workspaceRoutes = {
  create: route({
    id: 'workspaces.create',
    method: 'POST',
    path: '/api/v1/workspaces',
    auth: 'account',
    summary: 'Create a dev pod from a template, on a cluster that fits',
    body: NewWorkspace,
    reply: { 202: Workspace },
    errors: [...base, ...asked, 'workspace.name_taken', 'idempotency.mismatch', 'retry'],
  }),
  estimate: route({
    id: 'workspaces.estimate',
    method: 'POST',
    path: '/api/v1/workspaces/estimate',
    auth: 'account',
    summary: 'What it would cost an hour and where it would be put; nothing is made',
    body: NewWorkspace,
    reply: { 200: Estimate },
    errors: [...base, ...asked],
  }),
  list: route({
    id: 'workspaces.list',
    method: 'GET',
    path: '/api/v1/workspaces',
    auth: 'account',
    summary: 'Dev pods of a team, newest first',
    query: z.strictObject({
      ...page,
      team: TeamId.optional(),
      phase: WorkspacePhase.exclude(['Deleted']).optional(),
      cluster: ClusterId.optional(),
      group: GroupId.optional(),
      owner: AccountId.optional(),
    }),
    reply: {
      200: z
        .strictObject({ items: z.array(Workspace), nextCursor: z.string().optional() })
        .meta({ id: 'WorkspaceList' }),
    },
    errors: ['not_found', 'request.cursor_invalid'],
  }),
  get: route({
    id: 'workspaces.get',
    method: 'GET',
    path: '/api/v1/workspaces/{workspaceRef}',
    auth: 'account',
    summary: 'One dev pod, by id or name: its phase, why it is not running, what it costs',
    ...ref,
    reply: { 200: Workspace },
    errors: base,
  }),
  change: route({
    id: 'workspaces.change',
    method: 'PATCH',
    path: '/api/v1/workspaces/{workspaceRef}',
    auth: 'account',
    summary: 'Change resources, image, idle timeout, labels, sizes of volumes, secrets or git settings',
    ...ref,
    body: WorkspaceChange,
    reply: { 200: Workspace },
    errors: [
      ...changes,
      'workspace.volume_shrinks',
      'workspace.volume_unknown',
      'placement.no_fit',
      'quota.team_compute',
      'quota.team_storage',
      'secret.unknown',
      'secret.too_many',
    ],
  }),
  start: put('start', 'Start it: the volumes are as they were left'),
  stop: put('stop', 'Stop it: the pod ends, its volumes stay'),
  restart: put('restart', 'End the pod and start it anew'),
  delete: route({
    id: 'workspaces.delete',
    method: 'DELETE',
    path: '/api/v1/workspaces/{workspaceRef}',
    auth: 'account',
    summary: 'Delete it; its volumes are kept in the cluster unless volumes=DeleteVolumes',
    params: ref.params,
    query: team.extend({ volumes: VolumeFate.default('KeepVolumes') }),
    reply: { 202: Workspace },
    errors: [...base, 'precondition.failed', 'conflict', 'workspace.managed_in_cluster'],
  }),
  forget: route({
    id: 'workspaces.forget',
    method: 'POST',
    path: '/api/v1/workspaces/{workspaceRef}/forget',
    auth: 'account',
    summary:
      'Give it up when its cluster does not answer or its delete has failed: what is left there goes when the agent can, or is yours to remove',
    ...ref,
    body: z.strictObject({}).optional(),
    reply: { 200: Workspace },
    errors: [...base, 'workspace.not_deleting', 'workspace.agent_online', 'conflict'],
  }),
};
