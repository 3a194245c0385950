/**
 * The agent's protocol: one envelope both ways over one outbound WebSocket (DESIGN §6). The cluster is known from the token, never from the body.
 * The agent sends a message and gets exactly one answer with the same `id`; nothing is sent before `hello.ack`. Pushes carry an id of their own.
 */
import * as z from 'zod';
import { ClusterInfo } from './cluster.ts';
import { ClusterId, Instant, TeamId } from './names.ts';
import { DesiredSeat, SeatSpec, SeatStatus, VolumeFate } from './seat.ts';

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

/** As Kubernetes gives it to each object. */
const Uid = z.string().min(1).max(64);
/** Uids in one census: far below the limit of a message. */
export const CENSUS = 400;

const up = <T extends string, P extends z.ZodType>(type: T, payload: P) =>
  z.strictObject({
    v: z.literal(PROTOCOL),
    type: z.literal(type),
    id: z.string().min(1).max(64),
    seq: z.int().min(0),
    payload,
  });

const SeatId = z.string().regex(/^wsp_[0-9a-z]{26}$/);

const ObjectName = z.string().regex(/^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/, 'the name of a Kubernetes object');
/** `kind/name`. People are shown a kubectl line made of these: nothing of it may mean something to a shell. */
const ObjectRef = z
  .string()
  .max(320)
  .regex(/^[a-z][a-z0-9.]*\/[A-Za-z0-9][A-Za-z0-9.:-]*$/, 'kind/name of a Kubernetes object');

/** One line of the list of what should be here. A tombstone says what becomes of the volumes; absence never deletes (DESIGN §2). */
export const SeatRow = z.strictObject({
  id: SeatId,
  revision: z.int().min(1),
  tombstone: VolumeFate.optional(),
});
export type SeatRow = z.infer<typeof SeatRow>;

/** What both sides take the SHA-256 of to see that nothing differs: `id revision tombstone` lines, sorted. */
export const digestInput = (rows: readonly SeatRow[]): string =>
  rows
    .map(({ id, revision, tombstone }) => `${id} ${revision} ${tombstone ?? '-'}`)
    .sort()
    .join('\n');

export const AgentMessage = z.discriminatedUnion('type', [
  up('hello', Hello),
  up('heartbeat', z.strictObject({ paceSeconds: seconds.describe('the pace that the agent now keeps') })),
  up('cluster.info', ClusterInfo),
  /** Asks for a page of what should be here; `digest` is of all that the agent has (see seatsDigest). */
  up('sync', z.strictObject({ digest: Sha256.optional(), after: SeatId.optional() })),
  /** Asks for seats whole, a few at a time: the answer has as many of them as fit a message, and at least one. */
  up('seats.get', z.strictObject({ ids: z.array(SeatId).min(1).max(20) })),
  /** What is observed of one seat; the answer `ack` means that it was taken or was old news. */
  up('workspace.status', z.strictObject({ id: SeatId, status: SeatStatus })),
  /** The tombstone was carried out: the row may go. */
  up(
    'workspace.gone',
    z.strictObject({ id: SeatId, revision: z.int().min(1), kept: z.array(ObjectName.max(253)).max(16) }),
  ),
  /** A Workspace that a cluster's admin applied: mirrored, never changed from here. `gone` when it was deleted there. */
  up(
    'workspace.found',
    z.strictObject({
      uid: Uid,
      /** Of the Workspace, as Kubernetes takes names: it is shown to people and names the objects of the seat. */
      name: ObjectName.max(63),
      /** From the label of the managed namespace, never from the cluster's owner (kubernetes.md finding 2). */
      team: TeamId,
      spec: SeatSpec,
      status: SeatStatus.optional(),
      gone: z.boolean(),
    }),
  ),
  /**
   * Of the Workspaces that the cluster's admins applied, the uids that are here with `after` < uid ≤ `upTo`, told once in an agent's life:
   * a mirror in that range that is not among them was deleted while nobody watched.
   */
  up(
    'workspace.census',
    z.strictObject({
      after: Uid.optional(),
      upTo: Uid.optional(),
      uids: z.array(Uid).max(CENSUS),
    }),
  ),
  /** Something worth the audit log: drift repaired, a foreign policy removed, a break-glass annotation seen. */
  up(
    'audit',
    z.strictObject({ action: z.string().max(64), resource: z.string().max(128), detail: z.string().max(512) }),
  ),
  /** What a connected cluster is left with after its agent took the seats away (provider existing). */
  up('cluster.left', z.strictObject({ objects: z.array(ObjectRef).max(256) })),
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
      /** Of the list of seats that should be here; absent where none may be. */
      seats: Sha256.optional(),
      /** What the agent's own `Cluster` resource says of it, so that `kubectl get rcl` reads well. */
      cluster: z
        .strictObject({
          revision: z.int().min(1),
          team: TeamId,
          provider: z.string().max(32),
          expiresInSeconds: z.int().optional(),
        })
        .optional(),
    }),
  ),
  /** `seats` as in hello.ack: another digest than the agent's own is a reason to sync, so that a lost push costs at most one pace. */
  down('heartbeat.ack', Pace.extend({ seats: Sha256.optional() })),
  down('ack', z.strictObject({})),
  down('unsupported', z.strictObject({ type: z.string() })),
  down(
    'error',
    z.strictObject({
      code: z.enum(['CloneDetected', 'Invalid', 'NotHello', 'ProtocolUnsupported', 'Stale', 'Revoked', 'Retry']),
      message: z.string(),
    }),
  ),
  /** A page of the list. `unchanged`: the digest that was sent is the present one. */
  down(
    'sync.page',
    z.strictObject({
      deploymentId: z.string(),
      epoch: z.int(),
      digest: Sha256,
      unchanged: z.boolean(),
      rows: z.array(SeatRow),
      /** Ask again with this as `after`; absent on the last page. */
      next: SeatId.optional(),
    }),
  ),
  down('seats', z.strictObject({ seats: z.array(DesiredSeat) })),
  /** A seat is new or has changed: an optimisation, the list is the truth. */
  down('workspace.apply', z.strictObject({ seat: DesiredSeat })),
  down('workspace.delete', z.strictObject({ id: SeatId, revision: z.int().min(1), volumes: VolumeFate })),
  /** Make a short-lived credential for the person who holds the seat, and post it to the request (DESIGN §4 secrets). */
  down(
    'credential.mint',
    z.strictObject({
      request: z.string().max(64),
      seat: SeatId,
      /** Of the Workspace where a cluster's admin applied it: such a one does not know the id that it has here. */
      uid: Uid.optional(),
      seconds: z.int().min(600).max(3600),
    }),
  ),
  down('pace', Pace),
  down('cluster.drain', z.strictObject({})),
  down('reconnect', z.strictObject({ reason: z.string() })),
]);
export type ServerMessage = z.infer<typeof ServerMessage>;
