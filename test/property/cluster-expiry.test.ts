/** An expired cluster whose delete fails and fails: the system goes on trying, and does not do so for the bill's sake. */
import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { plus } from '#core/domain/clock.ts';
import { decideCluster } from '#core/domain/cluster.ts';
import type { ClusterCommand, ClusterSubject } from '#core/domain/cluster-command.ts';
import { endsAt } from '#core/domain/cluster-expiry.ts';
import { isOpen, type OperationState } from '#core/domain/operation.ts';
import { LIMITS, START, spec, TIMINGS } from '#test/builders/world.ts';

const DAY = 86_400;
const SWEEP = 60;
const ERROR = { code: 'provider.failed', message: 'no', help: 'x' };

/** A cluster that lives until `plus(START, 3600)`. */
const ready = () => {
  let ids = 0;
  const newId = (prefix: string) => `${prefix}_${String(++ids).padStart(26, '0')}`;
  let subject: ClusterSubject = { cluster: null, operation: null };
  const decide = (command: ClusterCommand, now: string): boolean => {
    const { next, operation, writes } = decideCluster(subject, command, { now, newId });
    const ended = writes.map((each) => each.next).find((each) => each.entity === 'Operation');
    subject = { cluster: next, operation: operation ?? (ended as OperationState | undefined) ?? subject.operation };
    return writes.length > 0;
  };
  decide(
    { type: 'create', actor: 'a', account: 'a', team: 't', spec: spec(), limits: LIMITS, timings: TIMINGS },
    START,
  );
  const cluster = () => subject.cluster as NonNullable<ClusterSubject['cluster']>;
  decide({ type: 'created', operation: cluster().operationId as string }, START);
  return { decide, cluster, isBusy: () => subject.operation !== null && isOpen(subject.operation) };
};

it('over a day of deletes that fail, an expired cluster gets at most thirty, an hour apart in the end, and never none', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: TIMINGS.deleteDeadline }), { minLength: 1 }), (lasts) => {
      const { decide, cluster, isBusy } = ready();
      const begun: number[] = [];
      let failsAt = 0;
      let failedAt: number | undefined;
      for (let at = 3600; at < 3600 + DAY; at += SWEEP) {
        const now = plus(START, at);
        if (isBusy() && at >= failsAt) {
          decide({ type: 'fail', operation: cluster().operationId as string, error: ERROR }, now);
          failedAt = at;
        }
        const due = endsAt(cluster());
        if (due === undefined || due > now || !decide({ type: 'expire', timings: TIMINGS }, now)) continue;
        if (failedAt !== undefined) {
          expect(at - failedAt).toBeGreaterThanOrEqual(120);
          expect(at - failedAt).toBeLessThanOrEqual(3600 + SWEEP);
        }
        begun.push(at);
        failsAt = at + (lasts[begun.length % lasts.length] as number);
      }
      expect(begun.length).toBeLessThanOrEqual(30);
      expect(3600 + DAY - (begun.at(-1) as number)).toBeLessThanOrEqual(3600 + TIMINGS.deleteDeadline + 2 * SWEEP);
    }),
    { numRuns: 50, examples: [[[0]]] },
  );
});
