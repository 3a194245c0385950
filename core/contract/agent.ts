/**
 * The agent's protocol: one envelope both ways over one outbound WebSocket (DESIGN §6). The cluster is known from the token, never from the body.
 * The agent sends a message and gets exactly one answer with the same `id`; nothing is sent before `hello.ack`. Pushes carry an id of their own.
 */
import * as z from 'zod';
import { ClusterInfo } from './cluster.ts';
import { ClusterId, Instant } from './names.ts';

/** The version of the protocol that this code speaks; the server also speaks the one before. */
export const PROTOCOL = 1;

/** The header of `$connect` that carries the agent's or install token. */
export const TOKEN_HEADER = 'X-Cluster-Token';

const Sha256 = z.string().regex(/^[0-9a-f]{64}$/, 'SHA-256 in lower-case hex');
const seconds = z.int().min(1);

/** Who the agent is. With an install token `nextTokenHash` is required, and the connection may say nothing else. */
export const Hello = z.strictObject({
  protocol: z.strictObject({ min: z.int().min(1), max: z.int().min(1) }),
  agentVersion: z.string().max(64),
  kubernetesVersion: z.string().max(64),
  imageDigest: z.string().max(256).optional(),
  capabilities: z.array(z.string().max(64)).max(32),
  /** uid of the namespace kube-system: another cluster's uid is refused as CloneDetected. */
  clusterUid: z.string().min(1).max(64),
  podUid: z.string().min(1).max(64),
  /** SHA-256 of the token that the agent made for itself and wrote to its Secret before sending this. */
  nextTokenHash: Sha256.optional(),
});
export type Hello = z.infer<typeof Hello>;

const up = <T extends string, P extends z.ZodType>(type: T, payload: P) =>
  z.strictObject({
    v: z.literal(PROTOCOL),
    type: z.literal(type),
    id: z.string().min(1).max(64),
    seq: z.int().min(0),
    payload,
  });

export const AgentMessage = z.discriminatedUnion('type', [
  up('hello', Hello),
  up('heartbeat', z.strictObject({ paceSeconds: seconds.describe('the pace that the agent now keeps') })),
  up('cluster.info', ClusterInfo),
  up('token.rotate', z.strictObject({ nextTokenHash: Sha256 })),
  up(
    'cluster.drained',
    z.strictObject({
      services: z.int().min(0),
      ingresses: z.int().min(0),
      claims: z.int().min(0),
      remaining: z.int().min(0),
    }),
  ),
]);
export type AgentMessage = z.infer<typeof AgentMessage>;

/** Heartbeat pace and the silence after which the cluster counts as gone. */
export const Pace = z.strictObject({ paceSeconds: seconds, staleAfterSeconds: seconds });
export type Pace = z.infer<typeof Pace>;

const down = <T extends string, P extends z.ZodType>(type: T, payload: P) =>
  z.strictObject({ v: z.literal(PROTOCOL), type: z.literal(type), id: z.string(), payload });

/** What the server says: answers to the agent's messages, and pushes (`pace`, `cluster.drain`, `reconnect`). */
export const ServerMessage = z.discriminatedUnion('type', [
  down(
    'hello.ack',
    Pace.extend({
      protocol: z.int(),
      link: z.int().min(1),
      clusterId: ClusterId,
      deploymentId: z.string(),
      epoch: z.int(),
      serverTime: Instant,
      /** The install token was traded: connect again with the new token. */
      reconnect: z.boolean(),
      /** A delete is waiting for the agent to empty the cluster. */
      drain: z.boolean(),
    }),
  ),
  down('heartbeat.ack', Pace),
  down('ack', z.strictObject({})),
  down('unsupported', z.strictObject({ type: z.string() })),
  down(
    'error',
    z.strictObject({
      code: z.enum(['CloneDetected', 'Invalid', 'NotHello', 'ProtocolUnsupported', 'Stale', 'Revoked', 'Retry']),
      message: z.string(),
    }),
  ),
  down('pace', Pace),
  down('cluster.drain', z.strictObject({})),
  down('reconnect', z.strictObject({ reason: z.string() })),
]);
export type ServerMessage = z.infer<typeof ServerMessage>;
