/** Whatever is asked of a dev pod in whatever order, it never reaches a state that must not be, and the counters are the sum of what it holds. */
import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { AppError } from '#core/contract/errors.ts';
import { Operation } from '#core/contract/operation.ts';
import { Workspace } from '#core/contract/workspace.ts';
import { plus } from '#core/domain/clock.ts';
import type { Claim } from '#core/domain/decision.ts';
import { isOpen, type OperationState, toOperation } from '#core/domain/operation.ts';
import { NO_AMOUNT, plusAmount } from '#core/domain/seat-amount.ts';
import { decideWorkspace } from '#core/domain/workspace.ts';
import { heldBy } from '#core/domain/workspace-claims.ts';
import type { WorkspaceCommand } from '#core/domain/workspace-command.ts';
import { settled } from '#core/domain/workspace-settled.ts';
import type { WorkspaceState } from '#core/domain/workspace-state.ts';
import { toWorkspace } from '#core/domain/workspace-view.ts';
import { ROOMY, seatCreate, seatSpec, seatStatus } from '#test/builders/seats.ts';
import { SEAT_LIMITS, SEAT_TIMINGS, START } from '#test/builders/world.ts';

interface Asked {
  readonly seconds: number;
  readonly stale: boolean;
  readonly command: (of: { readonly operation: string; readonly state: WorkspaceState }) => WorkspaceCommand;
}
const NOWHERE = { cluster: null, lease: null };
const actor = 'account:ada';
const timings = SEAT_TIMINGS;
const limits = SEAT_LIMITS;

const command: fc.Arbitrary<Asked['command']> = fc.oneof(
  fc
    .constantFrom<WorkspaceCommand>(
      { type: 'start', actor, capacity: ROOMY, limits, timings },
      { type: 'stop', actor, limits, timings },
      { type: 'restart', actor, timings },
      { type: 'delete', actor, volumes: 'KeepVolumes', timings },
      { type: 'delete', actor, volumes: 'DeleteVolumes', timings },
      { type: 'forget', actor, connected: false, limits },
      { type: 'lost', limits },
      { type: 'secrets', secrets: [{ name: 'A', version: 2, holder: 'Team', as: 'File' }] },
    )
    .map((each) => () => each),
  fc.record({ cpu: fc.constantFrom('250m', '1', '2'), size: fc.constantFrom('1Gi', '10Gi', '11Gi', '20Gi') }).map(
    ({ cpu, size }) =>
      (): WorkspaceCommand => ({
        type: 'change',
        actor,
        change: {
          resources: { requests: { cpu, memory: '1Gi' }, limits: { cpu: '2', memory: '4Gi' }, gpus: 0 },
          volumes: { home: size },
        },
        capacity: ROOMY,
        limits,
      }),
  ),
  fc.constant<Asked['command']>(({ operation }) => ({ type: 'step', operation, step: 'Await' })),
  fc.constant<Asked['command']>(({ operation }) => ({ type: 'succeed', operation })),
  fc.constant<Asked['command']>(({ operation }) => ({
    type: 'fail',
    operation,
    error: { code: 'x', message: 'x', help: 'x' },
  })),
  fc.record({ behind: fc.integer({ min: -1, max: 2 }) }).map<Asked['command']>(({ behind }) => ({ state }) => ({
    type: 'gone',
    revision: Math.max(1, state.revision - behind),
    kept: [],
    limits,
  })),
  fc
    .record({
      behind: fc.integer({ min: -1, max: 2 }),
      link: fc.integer({ min: 1, max: 3 }),
      seq: fc.integer({ min: 0, max: 20 }),
      uid: fc.constantFrom('one', 'two'),
      phase: fc.constantFrom('Pending', 'Starting', 'Running', 'Stopping', 'Stopped', 'Deleting', 'Failed'),
      /** It was stopped for being idle, at a count of starts that is the present one, or an older one. */
      idle: fc.option(fc.integer({ min: 0, max: 1 }), { nil: undefined }),
    })
    .map<Asked['command']>(({ behind, link, seq, uid, phase, idle }) => ({ state }) => ({
      type: 'report',
      link,
      seq,
      status: seatStatus({
        phase,
        uid,
        observedRevision: Math.max(0, state.revision - behind),
        ...(idle === undefined
          ? {}
          : { idleStop: { restarts: Math.max(0, state.spec.restarts - idle), lastActiveAt: START } }),
      }),
    })),
);
const asked: fc.Arbitrary<Asked> = fc.record({
  seconds: fc.integer({ min: 0, max: 3600 }),
  stale: fc.boolean(),
  command,
});

it('random command sequences never reach an illegal state', () => {
  fc.assert(
    fc.property(fc.boolean(), fc.array(asked, { maxLength: 40 }), (starts, sequence) => {
      let ids = 0;
      const newId = (prefix: string) => `${prefix}_${String(++ids).padStart(26, '0')}`;
      const operations = new Map<string, OperationState>();
      const held = { seats: 0, amount: NO_AMOUNT, workspaces: 0, storageGiB: 0, names: 0 };
      let row: Extract<Claim, { claim: 'seat-row' }> | null = null;
      let now = START;
      let workspace: WorkspaceState | null = null;

      const claim = (each: Claim): void => {
        if (each.claim === 'room') {
          held.seats += each.seats;
          held.amount = plusAmount(held.amount, each.amount);
        }
        if (each.claim === 'team-seats') {
          held.workspaces += each.workspaces;
          held.storageGiB += each.storageGiB;
        }
        if (each.claim === 'name') held.names += 1;
        if (each.claim === 'name-release') held.names -= 1;
        if (each.claim === 'seat-row') row = each.gone === true ? null : each;
      };
      const decide = (given: WorkspaceCommand): void => {
        const named: string | undefined = workspace?.operationId ?? workspace?.lastOperationId;
        const operation = named === undefined ? null : (operations.get(named) ?? null);
        const decision = decideWorkspace({ workspace, operation }, given, { now, newId });
        for (const { before, next } of decision.writes) {
          expect(next.version).toBe((before?.version ?? 0) + 1);
          if (next.entity === 'Operation') operations.set(next.id, next as OperationState);
          if (next.entity === 'Workspace') workspace = next as WorkspaceState;
        }
        // No item may stand twice in one transaction.
        const written = decision.writes.map(({ next }) => next.id);
        expect(new Set(written).size).toBe(written.length);
        const kinds = decision.claims.map((each) => each.claim);
        expect(new Set(kinds).size).toBe(kinds.length);
        decision.claims.forEach(claim);
        if (decision.writes.length === 0) expect(decision.audit).toEqual([]);
      };

      decide(seatCreate({ spec: seatSpec({ runState: starts ? 'Running' : 'Stopped' }) }));
      for (const { seconds, stale, command: given } of sequence) {
        now = plus(now, seconds);
        const before = workspace as unknown as WorkspaceState;
        const older = [...operations.keys()].find((id) => id !== before.operationId);
        try {
          decide(given({ operation: (stale ? older : before.operationId) ?? 'opn_none', state: before }));
        } catch (error) {
          if (!(error instanceof AppError)) throw error;
        }
        const is = workspace as unknown as WorkspaceState;
        Workspace.parse(toWorkspace(is, NOWHERE, now));
        const open = [...operations.values()].filter(isOpen);
        // At most one open operation, and it is the one that the dev pod names.
        expect(open.map((each) => each.id)).toEqual(is.operationId === undefined ? [] : [is.operationId]);
        for (const each of operations.values()) {
          Operation.parse(toOperation(each));
          expect(each.endedAt !== undefined).toBe(!isOpen(each));
        }
        // What is counted is what it holds; its name is held until it is deleted.
        const holds = heldBy(is);
        expect(held).toEqual({
          seats: holds.seats,
          workspaces: holds.seats,
          amount: holds.amount,
          storageGiB: holds.storageGiB,
          names: is.phase === 'Deleted' ? 0 : 1,
        });
        // The list says the present revision, a tombstone stays until its agent has acknowledged it, and nothing else deletes.
        const line = row as Extract<Claim, { claim: 'seat-row' }> | null;
        if (is.phase !== 'Deleted')
          expect(line).toMatchObject({ revision: is.revision, ...(is.tombstone && { tombstone: is.tombstone }) });
        expect(is.spec.revision).toBe(is.revision);
        expect(is.phaseRevision).toBeLessThanOrEqual(is.revision);
        expect(is.tombstone !== undefined && is.phase !== 'Deleted').toBe(is.phase === 'Deleting');
        // Nothing comes back from the dead, owner and cluster never change, volumes never shrink.
        if (before.phase === 'Deleted') expect(is.phase).toBe('Deleted');
        if (before.phase === 'Deleting') expect(['Deleting', 'Deleted']).toContain(is.phase);
        expect([is.spec.owner, is.cluster, is.team]).toEqual([before.spec.owner, before.cluster, before.team]);
        expect(holds.seats === 0 || holds.storageGiB >= heldBy(before).storageGiB).toBe(true);
        if (is.phase === 'Running' || is.phase === 'Stopped')
          expect(is.report?.observedRevision).toBeGreaterThanOrEqual(is.phaseRevision);
        expect(is.revision).toBeGreaterThanOrEqual(before.revision);
        // Who is wanted to run again is told apart from who was stopped for being idle: the count of starts has grown.
        if (is.spec.runState === 'Running' && before.spec.runState === 'Stopped')
          expect(is.spec.restarts).toBeGreaterThan(before.spec.restarts);
        expect(is.version === before.version).toBe(is === before);
        if (settled(is).state === 'done' && is.phase !== 'Deleted') expect(is.report?.phase).toBe(is.spec.runState);
      }
    }),
    { numRuns: 500 },
  );
});
