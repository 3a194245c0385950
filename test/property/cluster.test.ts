/** Whatever is asked of a cluster in whatever order, it never reaches a state that must not be. */
import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { TTL } from '#core/contract/cluster.ts';
import { AppError } from '#core/contract/errors.ts';
import { Operation } from '#core/contract/operation.ts';
import { plus } from '#core/domain/clock.ts';
import { decideCluster } from '#core/domain/cluster.ts';
import type { ClusterCommand } from '#core/domain/cluster-command.ts';
import type { ClusterState } from '#core/domain/cluster-state.ts';
import type { Claim } from '#core/domain/decision.ts';
import { isOpen, type OperationState, toOperation } from '#core/domain/operation.ts';
import { LIMITS, START, spec, TIMINGS } from '#test/builders/world.ts';

const idFor = () => {
  let ids = 0;
  return (prefix: string) => `${prefix}_${String(++ids).padStart(26, '0')}`;
};
const ACCOUNT = `acc_${'0'.repeat(26)}`;
const TEAM = `team_${'0'.repeat(26)}`;

type Asked = {
  readonly seconds: number;
  readonly stale: boolean;
  readonly command: (operation: string) => ClusterCommand;
};

const asked: fc.Arbitrary<Asked> = fc.record({
  seconds: fc.oneof(fc.integer({ min: 0, max: 60 }), fc.integer({ min: 0, max: 7200 })),
  // Sometimes an older workflow speaks up.
  stale: fc.boolean(),
  command: fc.oneof(
    fc.constantFrom('EnsureCluster', 'Observe', 'InstallAgent').map(
      (step) =>
        (operation: string): ClusterCommand => ({ type: 'step', operation, step }),
    ),
    fc.constant((operation: string): ClusterCommand => ({ type: 'created', operation, endpoint: 'https://x' })),
    fc.constant((operation: string): ClusterCommand => ({ type: 'deleted', operation })),
    fc.constant(
      (operation: string): ClusterCommand => ({
        type: 'fail',
        operation,
        error: { code: 'x', message: 'x', help: 'x' },
      }),
    ),
    fc.constant((): ClusterCommand => ({ type: 'delete', actor: 'a', timings: TIMINGS })),
    fc.constant((): ClusterCommand => ({ type: 'expire', timings: TIMINGS })),
    fc.constant((): ClusterCommand => ({ type: 'warn' })),
    fc.constant((): ClusterCommand => ({ type: 'retry', actor: 'a', timings: TIMINGS })),
    fc
      .integer({ min: TTL.min, max: TTL.max })
      .map((ttlSeconds) => (): ClusterCommand => ({ type: 'extend', actor: 'a', ttlSeconds })),
    fc.constant((operation: string): ClusterCommand => ({ type: 'drain', operation })),
  ),
});

it('random command sequences never reach an illegal state', () => {
  fc.assert(
    fc.property(fc.array(asked, { maxLength: 40 }), (sequence) => {
      const newId = idFor();
      const operations = new Map<string, OperationState>();
      const held = { clusters: 0, vcpu: 0, names: 0 };
      let now = START;
      let cluster: ClusterState | null = null;

      const claim = (each: Claim): void => {
        if (each.claim === 'capacity') {
          held.clusters += each.clusters;
          held.vcpu += each.vcpu;
        }
        if (each.claim === 'cluster-name') held.names += 1;
        if (each.claim === 'cluster-name-release') held.names -= 1;
      };
      const decide = (command: ClusterCommand): void => {
        const named: string | undefined = cluster?.operationId ?? cluster?.lastOperationId;
        const decision = decideCluster(
          { cluster, operation: named === undefined ? null : (operations.get(named) ?? null) },
          command,
          { now, newId },
        );
        for (const { before, next } of decision.writes) {
          expect(next.version).toBe((before?.version ?? 0) + 1);
          if (next.entity === 'Operation') operations.set(next.id, next as OperationState);
          if (next.entity === 'Cluster') cluster = next as ClusterState;
        }
        decision.claims.forEach(claim);
        if (decision.writes.length === 0) expect(decision.audit).toEqual([]);
      };

      decide({
        type: 'create',
        actor: 'a',
        account: ACCOUNT,
        team: TEAM,
        spec: spec(),
        limits: LIMITS,
        timings: TIMINGS,
      });
      for (const { seconds, stale, command } of sequence) {
        now = plus(now, seconds);
        const before = cluster as unknown as ClusterState;
        const older = [...operations.keys()].find((id) => id !== before.operationId);
        try {
          decide(command((stale ? older : before.operationId) ?? 'opn_none'));
        } catch (error) {
          if (!(error instanceof AppError)) throw error;
        }
        const is = cluster as unknown as ClusterState;
        const open = [...operations.values()].filter(isOpen);
        // At most one open operation, and it is the one that the cluster names.
        expect(open.map((each) => each.id)).toEqual(is.operationId === undefined ? [] : [is.operationId]);
        expect(is.operationId !== undefined).toBe(['Pending', 'Provisioning', 'Deleting'].includes(is.phase));
        for (const each of operations.values()) {
          Operation.parse(toOperation(each));
          expect(each.endedAt !== undefined).toBe(!isOpen(each));
          expect(each.checkAt !== undefined).toBe(isOpen(each));
        }
        // Name and capacity are held exactly as long as there may be something in a cloud.
        const there = is.phase === 'Deleted' ? 0 : 1;
        expect(held).toEqual({ clusters: there, vcpu: there * 4, names: there });
        // Nothing comes back from the dead, and a delete that has begun ends in Deleted or Failed.
        if (before.phase === 'Deleted') expect(is).toBe(before);
        if (before.phase === 'Deleting') expect(['Deleting', 'Deleted', 'Failed']).toContain(is.phase);
        if (is.readyAt !== undefined && is.phase === 'Ready')
          expect((is.expiresAt as string) <= plus(is.readyAt, TTL.max)).toBe(true);
        expect(is.revision).toBeGreaterThanOrEqual(before.revision);
        expect(is.version === before.version).toBe(is === before);
      }
    }),
    { numRuns: 500 },
  );
});
