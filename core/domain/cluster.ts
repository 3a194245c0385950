import { TTL } from '../contract/cluster.ts';
import { AppError } from '../contract/errors.ts';
import { type Context, earlier, plus } from './clock.ts';
import { vanished } from './cluster-anew.ts';
import type { ClusterCommand, ClusterDecision, ClusterSubject } from './cluster-command.ts';
import { createCluster } from './cluster-create.ts';
import { deleteAgainAt, isToEnd } from './cluster-expiry.ts';
import { expiryOf, isConnected, vcpuTaken } from './cluster-origin.ts';
import { ALLOWED, refusal } from './cluster-phases.ts';
import { type ClusterState, isExpired } from './cluster-state.ts';
import { withCondition } from './conditions.ts';
import type { Claim, Decision, Write } from './decision.ts';
import {
  clusterDeadline,
  endOperation,
  enterStep,
  isOpen,
  newOperation,
  type OperationState,
  type OperationTimings,
} from './operation.ts';
import { MAY_REMAIN } from './seat/remains.ts';

/** Decides a command on a cluster. Throws AppError with the code that the caller is answered. Pure. */
export const decideCluster = (
  { cluster, operation }: ClusterSubject,
  command: ClusterCommand,
  context: Context,
): ClusterDecision => {
  if (command.type === 'create') return createCluster(command, context);
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
      {
        kind,
        resource: { type: 'cluster', id: cluster.id },
        team: cluster.team,
        actor: by.actor,
        retryOf: by.retryOf,
        ...clusterDeadline(kind, by.timings),
      },
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
        deleteAgainAt: undefined,
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

  /** `force`: although dev pods are there; they go with it. */
  const remove = (actor: string, action: string, timings: OperationTimings, force: boolean) => {
    const decision = opened(
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
    return cluster.takesWorkspaces
      ? { ...decision, claims: [...decision.claims, { claim: 'room-close', cluster: cluster.id, force } as const] }
      : decision;
  };

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
          expiresAt: expiryOf(cluster, readyAt, now),
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
        {
          phase: 'Deleted',
          step: undefined,
          deletedAt: now,
          expiresAt: undefined,
          agent: undefined,
          remains: isConnected(cluster) ? (cluster.remains ?? MAY_REMAIN) : undefined,
        },
        { state: 'Succeeded' },
        {
          claims: [
            { claim: 'cluster-name-release', team: cluster.team, name: cluster.name, cluster: cluster.id },
            {
              claim: 'capacity',
              team: cluster.team,
              clusters: -1,
              vcpu: -vcpuTaken(cluster),
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
          deleteAgainAt: open?.kind === 'cluster-delete' ? deleteAgainAt(cluster, now) : undefined,
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
        : remove(command.actor, 'cluster.delete', command.timings, command.force ?? false);
    case 'expire':
      if (!isToEnd(cluster, now) || open !== null) return unchanged;
      return remove('system', 'cluster.expire', command.timings, true);
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
    case 'vanish':
      // An operation that is open finds it out by itself.
      return open === null
        ? decided(vanished(cluster, now), { audit: audit('system', 'cluster.vanished') })
        : unchanged;
    case 'retry': {
      const kind = operation?.kind ?? 'cluster-create';
      // A delete is what an expired cluster is to have.
      if (kind === 'cluster-create' && isExpired(cluster, now))
        throw new AppError('cluster.expired', { detail: `it expired at ${cluster.expiresAt}` });
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
      // A connected cluster has no end that could be moved.
      if (isConnected(cluster)) return unchanged;
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
