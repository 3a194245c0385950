/** Messages between a person's client and the socket: JSON, one message a frame, at most 32 KB (DESIGN §4, §7; docs/socket.md). */
import * as z from 'zod';
import { ClusterPhase } from './cluster.ts';
import { Condition, Instant, TeamId } from './names.ts';
import { WorkspacePhase } from './seat.ts';

/** Largest message in either direction, in bytes (API Gateway's frame limit). */
export const MESSAGE_LIMIT = 32_768;

/** What clients send. `id` is echoed in the answer. */
export const ClientMessage = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('subscribe'),
    id: z.string().max(64).optional(),
    team: TeamId.optional().describe('default: the personal team'),
  }),
  z.strictObject({ type: z.literal('unsubscribe'), id: z.string().max(64).optional(), team: TeamId.optional() }),
  z.strictObject({ type: z.literal('ping'), id: z.string().max(64).optional() }),
]);
export type ClientMessage = z.infer<typeof ClientMessage>;

/** How the socket answers a message: always exactly one answer a message. */
export const ClientAnswer = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('subscribed'), id: z.string().optional(), team: TeamId }),
  z.strictObject({ type: z.literal('unsubscribed'), id: z.string().optional(), team: TeamId }),
  z.strictObject({ type: z.literal('pong'), id: z.string().optional(), at: Instant }),
  z.strictObject({ type: z.literal('error'), id: z.string().optional(), code: z.string(), message: z.string() }),
]);
export type ClientAnswer = z.infer<typeof ClientAnswer>;

/** What is pushed: enough to draw without a fetch, ≤ 4 KB. A client drops a version that is not newer than the one it knows. */
export const ClusterChanged = z.strictObject({
  type: z.literal('cluster.changed'),
  id: z.string(),
  team: TeamId,
  name: z.string(),
  version: z.int(),
  at: Instant,
  phase: ClusterPhase,
  step: z.string().optional(),
  conditions: z.array(Condition),
  expiresAt: Instant.optional(),
  operationId: z.string().optional(),
  deleted: z.literal(true).optional(),
});
export type ClusterChanged = z.infer<typeof ClusterChanged>;

export const WorkspaceChanged = z.strictObject({
  type: z.literal('workspace.changed'),
  id: z.string(),
  team: TeamId,
  cluster: z.string(),
  name: z.string(),
  owner: z.string(),
  group: z.string().optional(),
  version: z.int(),
  at: Instant,
  phase: WorkspacePhase,
  conditions: z.array(Condition),
  operationId: z.string().optional(),
  deleted: z.literal(true).optional(),
});
export type WorkspaceChanged = z.infer<typeof WorkspaceChanged>;

export const GroupChanged = z.strictObject({
  type: z.literal('group.changed'),
  id: z.string(),
  team: TeamId,
  name: z.string(),
  version: z.int(),
  at: Instant,
  replicas: z.int(),
  seats: z.int(),
  conditions: z.array(Condition),
  deleted: z.literal(true).optional(),
});
export type GroupChanged = z.infer<typeof GroupChanged>;

export const Push = z.discriminatedUnion('type', [ClusterChanged, WorkspaceChanged, GroupChanged]);
export type Push = z.infer<typeof Push>;
