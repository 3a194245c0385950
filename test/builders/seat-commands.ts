/** A dev pod that commands are given to, one after the other, without a table; and those commands. */
import { AppError, type ErrorCode } from '#core/contract/errors.ts';
import { decideWorkspace } from '#core/domain/workspace.ts';
import type { WorkspaceCommand, WorkspaceSubject } from '#core/domain/workspace-command.ts';
import type { WorkspaceState } from '#core/domain/workspace-state.ts';
import { ROOMY, seatCreate, seatStatus } from './seats.ts';
import { SEAT_LIMITS, SEAT_TIMINGS } from './world.ts';

/** The present of these tests. */
export const clock = { now: '2026-11-21T12:00:00.000Z' };
export const pass = (seconds: number) => {
  clock.now = new Date(Date.parse(clock.now) + seconds * 1000).toISOString();
};
let ids = 0;
export const context = () => ({
  now: clock.now,
  newId: (prefix: string) => `${prefix}_${String(++ids).padStart(26, '0')}`,
});

/** A dev pod that commands are given to, one after the other. */
export const seat = (create: Parameters<typeof seatCreate>[0] = {}) => {
  let subject: WorkspaceSubject = { workspace: null, operation: null };
  const give = (command: WorkspaceCommand) => {
    const decision = decideWorkspace(subject, command, context());
    subject = { workspace: decision.next, operation: decision.operation ?? subject.operation };
    return decision;
  };
  const first = give(seatCreate(create));
  let seq = 0;
  return {
    first,
    give,
    get state() {
      return subject.workspace as WorkspaceState;
    },
    report: (change: Parameters<typeof seatStatus>[0] = {}, by: { link?: number; seq?: number } = {}) =>
      give({
        type: 'report',
        link: by.link ?? 1,
        seq: by.seq ?? ++seq,
        status: seatStatus({ observedRevision: (subject.workspace as WorkspaceState).revision, ...change }),
      }),
    succeed: () => give({ type: 'succeed', operation: (subject.workspace as WorkspaceState).operationId as string }),
    fail: () =>
      give({
        type: 'fail',
        operation: (subject.workspace as WorkspaceState).operationId as string,
        error: { code: 'x', message: 'It did not.', help: 'Again.' },
      }),
  };
};
export const running = (create: Parameters<typeof seatCreate>[0] = {}) => {
  const it = seat(create);
  it.report();
  it.succeed();
  return it;
};

export const start: WorkspaceCommand = {
  type: 'start',
  actor: 'account:ada',
  capacity: ROOMY,
  limits: SEAT_LIMITS,
  timings: SEAT_TIMINGS,
};
export const stop: WorkspaceCommand = {
  type: 'stop',
  actor: 'account:ada',
  limits: SEAT_LIMITS,
  timings: SEAT_TIMINGS,
};
export const restart: WorkspaceCommand = { type: 'restart', actor: 'account:ada', timings: SEAT_TIMINGS };
export const remove = (volumes: 'KeepVolumes' | 'DeleteVolumes' = 'KeepVolumes'): WorkspaceCommand => ({
  type: 'delete',
  actor: 'account:ada',
  volumes,
  timings: SEAT_TIMINGS,
});
export const gone = (revision: number): WorkspaceCommand => ({
  type: 'gone',
  revision,
  kept: ['home-wsp-1'],
  limits: SEAT_LIMITS,
});
export const forget = (connected: boolean): WorkspaceCommand => ({
  type: 'forget',
  actor: 'account:ada',
  connected,
  limits: SEAT_LIMITS,
});
export const lost: WorkspaceCommand = { type: 'lost', limits: SEAT_LIMITS };
export const change = (to: Extract<WorkspaceCommand, { type: 'change' }>['change'], labels?: Record<string, string>) =>
  ({ type: 'change', actor: 'account:ada', change: to, labels, capacity: ROOMY, limits: SEAT_LIMITS }) as const;

export const refusal = (act: () => unknown): ErrorCode | 'none' => {
  try {
    act();
    return 'none';
  } catch (error) {
    if (error instanceof AppError) return error.code;
    throw error;
  }
};
export const claimed = (decision: { claims: readonly { claim: string }[] }) =>
  decision.claims.map(({ claim }) => claim);
