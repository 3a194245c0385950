/** The cluster's rules: which command is allowed in which phase, and what it changes (DESIGN §1 phases, §2 one door). */
import type { ClusterInfo, ClusterPhase, NewCluster } from '../contract/cluster.ts';
import { TTL } from '../contract/cluster.ts';
import { AppError, type ErrorCode } from '../contract/errors.ts';
import type { Condition } from '../contract/names.ts';
import type { OperationError } from '../contract/operation.ts';
import { vcpuOf } from '../contract/sizes.ts';
import { type Context, earlier, plus } from './clock.ts';
import { withCondition } from './conditions.ts';
import type { CapacityLimits, Claim, Decision, Write } from './decision.ts';
import {
  endOperation,
  enterStep,
  isOpen,
  newOperation,
  type OperationState,
  type OperationTimings,
} from './operation.ts';

/** The connection that now speaks for the cluster. */
export interface AgentLink {
  /** Link number: a higher one replaces this, a lower one is late (seed-systems §4.0 H2). */
  readonly link: number;
  readonly connectionId: string;
  readonly connectedAt: string;
  readonly version: string;
  readonly kubernetesVersion: string;
  /** Sequence number of the last report taken, so that an older one is dropped. */
  readonly seq: number;
}

export interface ClusterState {
  readonly entity: 'Cluster';
  readonly id: string;
  readonly version: number;
  readonly revision: number;
  readonly name: string;
  readonly team: string;
  readonly provider: string;
  readonly kubernetesVersion: string;
  readonly workers: NewCluster['workers'];
  readonly options: NewCluster['options'];
  readonly labels: Readonly<Record<string, string>>;
  readonly takesWorkspaces: boolean;
  readonly ttlSeconds: number;
  readonly phase: ClusterPhase;
  readonly step?: string | undefined;
  readonly conditions: readonly Condition[];
  readonly createdAt: string;
  readonly createdBy: string;
  readonly updatedAt: string;
  readonly readyAt?: string | undefined;
  readonly expiresAt?: string | undefined;
  /** The warning for this `expiresAt` was given. */
  readonly warnedAt?: string | undefined;
  readonly deletedAt?: string | undefined;
  /** The open operation, and the last one. */
  readonly operationId?: string | undefined;
  readonly lastOperationId?: string | undefined;
  readonly error?: OperationError | undefined;
  /** API server's URL, once known. */
  readonly endpoint?: string | undefined;
  /** The API server's CA bundle, base64 PEM as kubeconfigs have it. Public: kept so that reading a kubeconfig asks no cloud. */
  readonly certificateAuthority?: string | undefined;
  /** uid of its namespace kube-system, from the first hello; another one is a clone. */
  readonly clusterUid?: string | undefined;
  readonly agent?: AgentLink | undefined;
  readonly info?: ClusterInfo | undefined;
  /** A delete asked the agent to empty the cluster; `doneAt` when it said that it had. */
  readonly drain?: { readonly requestedAt: string; readonly doneAt?: string | undefined } | undefined;
}

export type ClusterCommand =
  | {
      readonly type: 'create';
      readonly actor: string;
      readonly account: string;
      readonly team: string;
      readonly spec: Omit<NewCluster, 'team' | 'kubernetesVersion'> & { readonly kubernetesVersion: string };
      readonly limits: CapacityLimits;
      readonly timings: OperationTimings;
    }
  | { readonly type: 'step'; readonly operation: string; readonly step: string }
  | {
      readonly type: 'created';
      readonly operation: string;
      readonly endpoint?: string | undefined;
      readonly certificateAuthority?: string | undefined;
    }
  | { readonly type: 'deleted'; readonly operation: string }
  | { readonly type: 'fail'; readonly operation: string; readonly error: OperationError }
  | { readonly type: 'delete'; readonly actor: string; readonly timings: OperationTimings }
  | { readonly type: 'expire'; readonly timings: OperationTimings }
  | { readonly type: 'warn' }
  | { readonly type: 'retry'; readonly actor: string; readonly timings: OperationTimings }
  | { readonly type: 'extend'; readonly actor: string; readonly ttlSeconds: number }
  | { readonly type: 'drain'; readonly operation: string };

/** The transition table: the phases in which a command means anything. */
const ALLOWED: Readonly<Record<Exclude<ClusterCommand['type'], 'create'>, readonly ClusterPhase[]>> = {
  step: ['Pending', 'Provisioning', 'Deleting'],
  created: ['Pending', 'Provisioning'],
  deleted: ['Deleting'],
  fail: ['Pending', 'Provisioning', 'Pivoting', 'Deleting'],
  delete: ['Pending', 'Provisioning', 'Pivoting', 'Ready', 'Deleting', 'Failed'],
  expire: ['Ready', 'Failed'],
  warn: ['Ready'],
  retry: ['Failed'],
  extend: ['Ready'],
  drain: ['Deleting'],
};

/** What a command outside its phases is answered. */
const refusal = (command: ClusterCommand['type'], phase: ClusterPhase): ErrorCode => {
  if (phase === 'Deleted') return 'not_found';
  if (command === 'retry') return 'cluster.not_failed';
  if (command === 'extend') return phase === 'Deleting' ? 'cluster.deleting' : 'cluster.not_ready';
  return 'operation.superseded';
};

/** Before and after of a cluster and, where one is concerned, of its open or last operation. */
export interface ClusterSubject {
  readonly cluster: ClusterState | null;
  /** The operation that `cluster.operationId ?? cluster.lastOperationId` names. */
  readonly operation: OperationState | null;
}

export interface ClusterDecision extends Decision {
  readonly next: ClusterState;
  /** The operation that the command opened, or the open one. */
  readonly operation: OperationState | null;
}

/** True when the cluster's time is over, whether or not the sweeper has seen it (seed-systems §4.1 H1.4). */
export const isExpired = (cluster: ClusterState, now: string): boolean =>
  cluster.expiresAt !== undefined &&
  cluster.expiresAt <= now &&
  (cluster.phase === 'Ready' || cluster.phase === 'Failed');

/** Decides a command on a cluster. Throws AppError with the code that the caller is answered. Pure. */
export const decideCluster = (
  { cluster, operation }: ClusterSubject,
  command: ClusterCommand,
  context: Context,
): ClusterDecision => {
  if (command.type === 'create') return create(command, context);
  if (cluster === null) throw new AppError('not_found', { detail: 'there is no such cluster' });
  const { now } = context;
  if ('operation' in command && cluster.operationId !== command.operation) {
    throw new AppError('operation.superseded', {
      detail: `${command.operation} is not the open operation of ${cluster.id}`,
    });
  }
  if (!ALLOWED[command.type].includes(cluster.phase)) {
    throw new AppError(refusal(command.type, cluster.phase), { detail: `the cluster is ${cluster.phase}` });
  }
  const open = operation !== null && isOpen(operation) ? operation : null;

  /** One changed cluster, and what changed with it. */
  const decided = (
    change: Partial<ClusterState>,
    extra: {
      readonly operation?: OperationState | null;
      readonly writes?: readonly Write[];
      readonly claims?: readonly Claim[];
      readonly audit?: Decision['audit'];
    } = {},
  ): ClusterDecision => {
    const next: ClusterState = { ...cluster, ...change, version: cluster.version + 1, updatedAt: now };
    return {
      next,
      operation: extra.operation ?? open,
      writes: [{ before: cluster, next }, ...(extra.writes ?? [])],
      claims: extra.claims ?? [],
      audit: extra.audit ?? [],
    };
  };
  const unchanged: ClusterDecision = { next: cluster, operation: open, writes: [], claims: [], audit: [] };
  const audit = (actor: string, action: string, detail?: Readonly<Record<string, string | number | boolean>>) => [
    { team: cluster.team, actor, action, resource: cluster.id, ...(detail === undefined ? {} : { detail }) },
  ];

  /** Ends the open operation with the cluster's change. */
  const ended = (
    change: Partial<ClusterState>,
    end: Parameters<typeof endOperation>[1],
    extra: { readonly claims?: readonly Claim[]; readonly audit?: Decision['audit'] },
  ): ClusterDecision => {
    if (open === null) throw new AppError('operation.superseded', { detail: 'the operation has ended' });
    const next = endOperation(open, end, now);
    return decided(
      { ...change, operationId: undefined, lastOperationId: open.id },
      {
        ...extra,
        claims: [...(extra.claims ?? []), { claim: 'await-release', operation: open.id }],
        operation: next,
        writes: [{ before: open, next }],
      },
    );
  };

  /** Opens a new operation; whatever was open is superseded by it. */
  const opened = (
    kind: OperationState['kind'],
    change: Partial<ClusterState>,
    by: {
      readonly actor: string;
      readonly action: string;
      readonly timings: OperationTimings;
      readonly retryOf?: string | undefined;
    },
  ): ClusterDecision => {
    const next = newOperation(
      { kind, cluster: cluster.id, team: cluster.team, actor: by.actor, timings: by.timings, retryOf: by.retryOf },
      context,
    );
    const superseded: Write[] =
      open === null
        ? []
        : [{ before: open, next: endOperation(open, { state: 'Superseded', supersededBy: next.id }, now) }];
    return decided(
      {
        ...change,
        step: undefined,
        error: undefined,
        operationId: next.id,
        lastOperationId: open?.id ?? cluster.lastOperationId,
      },
      {
        operation: next,
        writes: [{ before: null, next }, ...superseded],
        claims: open === null ? [] : [{ claim: 'await-release', operation: open.id }],
        audit: audit(by.actor, by.action, { operation: next.id }),
      },
    );
  };

  const remove = (actor: string, action: string, timings: OperationTimings) =>
    opened(
      'cluster-delete',
      {
        phase: 'Deleting',
        conditions: withCondition(
          cluster.conditions,
          { type: 'Ready', status: 'False', reason: 'Deleting', message: 'The cluster is being deleted.' },
          now,
        ),
      },
      { actor, action, timings },
    );

  switch (command.type) {
    case 'step': {
      if (open === null) throw new AppError('operation.superseded', { detail: 'the operation has ended' });
      const next = enterStep(open, command.step, now);
      if (next === open) return unchanged;
      return decided(
        { step: command.step, phase: cluster.phase === 'Pending' ? 'Provisioning' : cluster.phase },
        { operation: next, writes: [{ before: open, next }] },
      );
    }
    case 'created': {
      const readyAt = cluster.readyAt ?? now;
      return ended(
        {
          phase: 'Ready',
          step: undefined,
          error: undefined,
          readyAt,
          expiresAt: earlier(plus(now, cluster.ttlSeconds), plus(readyAt, TTL.max)),
          warnedAt: undefined,
          endpoint: command.endpoint ?? cluster.endpoint,
          certificateAuthority: command.certificateAuthority ?? cluster.certificateAuthority,
          conditions: withCondition(
            cluster.conditions,
            {
              type: 'Ready',
              status: 'True',
              reason: 'Provisioned',
              message: 'The cluster is up and its agent has said hello.',
            },
            now,
          ),
        },
        { state: 'Succeeded' },
        { audit: audit('system', 'cluster.ready') },
      );
    }
    case 'deleted':
      return ended(
        { phase: 'Deleted', step: undefined, deletedAt: now, expiresAt: undefined, agent: undefined },
        { state: 'Succeeded' },
        {
          claims: [
            { claim: 'cluster-name-release', team: cluster.team, name: cluster.name, cluster: cluster.id },
            {
              claim: 'capacity',
              team: cluster.team,
              clusters: -1,
              vcpu: -vcpuOf(cluster.workers),
              limits: { teamClusters: 0, deploymentClusters: 0, deploymentVcpu: 0 },
            },
          ],
          audit: audit('system', 'cluster.deleted'),
        },
      );
    case 'fail':
      return ended(
        {
          phase: 'Failed',
          step: command.error.step ?? cluster.step,
          error: command.error,
          // What never became ready is not kept for ever either: it ends its time to live after the failure.
          expiresAt: cluster.expiresAt ?? plus(now, cluster.ttlSeconds),
          conditions: withCondition(
            cluster.conditions,
            { type: 'Ready', status: 'False', reason: 'Failed', message: command.error.message.slice(0, 1024) },
            now,
          ),
        },
        { state: 'Failed', error: command.error },
        { audit: audit('system', 'cluster.failed', { code: command.error.code }) },
      );
    case 'delete':
      // A repeated delete answers the operation that is deleting already.
      return cluster.phase === 'Deleting' && open !== null
        ? unchanged
        : remove(command.actor, 'cluster.delete', command.timings);
    case 'expire':
      if (!isExpired(cluster, now) || open !== null) return unchanged;
      return remove('system', 'cluster.expire', command.timings);
    case 'warn':
      if (cluster.warnedAt !== undefined || cluster.expiresAt === undefined) return unchanged;
      return decided({
        warnedAt: now,
        conditions: withCondition(
          cluster.conditions,
          {
            type: 'Expired',
            status: 'False',
            reason: 'ExpiresSoon',
            message: `The cluster expires at ${cluster.expiresAt}; extend it to keep it.`,
          },
          now,
        ),
      });
    case 'retry': {
      if (isExpired(cluster, now))
        throw new AppError('cluster.expired', { detail: `it expired at ${cluster.expiresAt}` });
      const kind = operation?.kind ?? 'cluster-create';
      return opened(
        kind,
        {
          phase: kind === 'cluster-create' ? 'Pending' : 'Deleting',
          expiresAt: cluster.readyAt === undefined ? undefined : cluster.expiresAt,
        },
        { actor: command.actor, action: 'cluster.retry', timings: command.timings, retryOf: operation?.id },
      );
    }
    case 'extend': {
      if (isExpired(cluster, now))
        throw new AppError('cluster.expired', { detail: `it expired at ${cluster.expiresAt}` });
      const expiresAt = earlier(plus(now, command.ttlSeconds), plus(cluster.readyAt ?? now, TTL.max));
      return decided(
        {
          expiresAt,
          ttlSeconds: command.ttlSeconds,
          warnedAt: undefined,
          revision: cluster.revision + 1,
          conditions: cluster.conditions.filter((each) => each.type !== 'Expired'),
        },
        { audit: audit(command.actor, 'cluster.extend', { expiresAt }) },
      );
    }
    case 'drain':
      return cluster.drain === undefined ? decided({ drain: { requestedAt: now } }) : unchanged;
  }
};

const create = (command: Extract<ClusterCommand, { type: 'create' }>, context: Context): ClusterDecision => {
  const { now, newId } = context;
  const id = newId('clu');
  const operation = newOperation(
    { kind: 'cluster-create', cluster: id, team: command.team, actor: command.actor, timings: command.timings },
    context,
  );
  const { spec } = command;
  const next: ClusterState = {
    entity: 'Cluster',
    id,
    version: 1,
    revision: 1,
    name: spec.name,
    team: command.team,
    provider: spec.provider,
    kubernetesVersion: spec.kubernetesVersion,
    workers: spec.workers,
    options: spec.options,
    labels: spec.labels,
    takesWorkspaces: spec.takesWorkspaces,
    ttlSeconds: spec.ttlSeconds,
    phase: 'Pending',
    conditions: withCondition(
      [],
      { type: 'Ready', status: 'False', reason: 'Pending', message: 'Waiting for its workflow.' },
      now,
    ),
    createdAt: now,
    createdBy: command.account,
    updatedAt: now,
    operationId: operation.id,
  };
  return {
    next,
    operation,
    writes: [
      { before: null, next },
      { before: null, next: operation },
    ],
    claims: [
      { claim: 'cluster-name', team: command.team, name: spec.name, cluster: id, code: 'cluster.name_taken' },
      { claim: 'capacity', team: command.team, clusters: 1, vcpu: vcpuOf(spec.workers), limits: command.limits },
    ],
    audit: [
      {
        team: command.team,
        actor: command.actor,
        action: 'cluster.create',
        resource: id,
        detail: { name: spec.name, operation: operation.id },
      },
    ],
  };
};
