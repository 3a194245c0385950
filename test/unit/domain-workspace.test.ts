import { describe, expect, it } from 'vitest';
import { AppError, type ErrorCode } from '#core/contract/errors.ts';
import { WorkspaceChanged } from '#core/contract/socket.ts';
import { Workspace } from '#core/contract/workspace.ts';
import type { OperationState } from '#core/domain/operation.ts';
import { decideWorkspace } from '#core/domain/workspace.ts';
import type { WorkspaceCommand, WorkspaceSubject } from '#core/domain/workspace-command.ts';
import { type Found, mirrorWorkspace } from '#core/domain/workspace-mirror.ts';
import { isOldNews, runSeconds } from '#core/domain/workspace-report.ts';
import type { WorkspaceState } from '#core/domain/workspace-state.ts';
import { toDesiredSeat, toWorkspace, toWorkspaceChanged } from '#core/domain/workspace-view.ts';
import { ROOMY, seatCreate, seatSpec, seatStatus } from '#test/builders/seats.ts';
import { SEAT_LIMITS, SEAT_TIMINGS } from '#test/builders/world.ts';

let now = '2026-11-21T12:00:00.000Z';
const pass = (seconds: number) => {
  now = new Date(Date.parse(now) + seconds * 1000).toISOString();
};
let ids = 0;
const context = () => ({ now, newId: (prefix: string) => `${prefix}_${String(++ids).padStart(26, '0')}` });

/** A dev pod that commands are given to, one after the other. */
const seat = (create: Parameters<typeof seatCreate>[0] = {}) => {
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
const running = (create: Parameters<typeof seatCreate>[0] = {}) => {
  const it = seat(create);
  it.report();
  it.succeed();
  return it;
};

const start: WorkspaceCommand = {
  type: 'start',
  actor: 'account:ada',
  capacity: ROOMY,
  limits: SEAT_LIMITS,
  timings: SEAT_TIMINGS,
};
const stop: WorkspaceCommand = { type: 'stop', actor: 'account:ada', limits: SEAT_LIMITS, timings: SEAT_TIMINGS };
const restart: WorkspaceCommand = { type: 'restart', actor: 'account:ada', timings: SEAT_TIMINGS };
const remove = (volumes: 'KeepVolumes' | 'DeleteVolumes' = 'KeepVolumes'): WorkspaceCommand => ({
  type: 'delete',
  actor: 'account:ada',
  volumes,
  timings: SEAT_TIMINGS,
});
const gone = (revision: number): WorkspaceCommand => ({
  type: 'gone',
  revision,
  kept: ['home-wsp-1'],
  limits: SEAT_LIMITS,
});
const forget = (connected: boolean): WorkspaceCommand => ({
  type: 'forget',
  actor: 'account:ada',
  connected,
  limits: SEAT_LIMITS,
});
const lost: WorkspaceCommand = { type: 'lost', limits: SEAT_LIMITS };
const change = (to: Extract<WorkspaceCommand, { type: 'change' }>['change'], labels?: Record<string, string>) =>
  ({ type: 'change', actor: 'account:ada', change: to, labels, capacity: ROOMY, limits: SEAT_LIMITS }) as const;

const refusal = (act: () => unknown): ErrorCode | 'none' => {
  try {
    act();
    return 'none';
  } catch (error) {
    if (error instanceof AppError) return error.code;
    throw error;
  }
};
const claimed = (decision: { claims: readonly { claim: string }[] }) => decision.claims.map(({ claim }) => claim);

describe('a new dev pod', () => {
  it('takes its name, its room, its share of the quotas and a line of the list in one decision', () => {
    const { first } = seat();
    expect(first.next).toMatchObject({ phase: 'Pending', revision: 1, version: 1, spec: { revision: 1 } });
    expect(first.next.spec.id).toBe(first.next.id);
    expect(first.operation).toMatchObject({ kind: 'workspace-start', state: 'Pending' });
    expect(first.claims).toEqual([
      expect.objectContaining({ claim: 'name', code: 'workspace.name_taken' }),
      expect.objectContaining({
        claim: 'room',
        seats: 1,
        amount: { cpuMillis: 500, memoryMiB: 2048, gpus: 0, pods: 1 },
        capacity: ROOMY,
      }),
      expect.objectContaining({ claim: 'team-seats', workspaces: 1, cpuMillis: 500, memoryMiB: 2048, storageGiB: 10 }),
      { claim: 'seat-row', cluster: first.next.cluster, workspace: first.next.id, revision: 1 },
    ]);
    expect(first.audit[0]).toMatchObject({ action: 'workspace.create', actor: 'account:ada' });
  });

  it('that is not to start takes a seat and storage, but no compute, and opens no operation', () => {
    const { first } = seat({ spec: seatSpec({ runState: 'Stopped' }) });
    expect(first.operation).toBeNull();
    expect(first.claims).toContainEqual(
      expect.objectContaining({ claim: 'room', seats: 1, amount: { cpuMillis: 0, memoryMiB: 0, gpus: 0, pods: 0 } }),
    );
  });

  it('is Starting once its workflow runs, and Running when its agent says so', () => {
    const pod = seat();
    expect(
      pod.give({ type: 'step', operation: pod.state.operationId as string, step: 'AwaitRunning' }).next.phase,
    ).toBe('Starting');
    expect(pod.report().next).toMatchObject({ phase: 'Running', startedAt: now, report: { node: 'node-1' } });
    const done = pod.succeed();
    expect(done.next.operationId).toBeUndefined();
    expect(done.operation?.state).toBe('Succeeded');
  });
});

describe('stopping and starting', () => {
  it('gives the compute back with the stop and takes it again with the start; storage is held all the time', () => {
    const pod = running();
    const stopped = pod.give(stop);
    expect(stopped.next).toMatchObject({ phase: 'Stopping', revision: 2, spec: { runState: 'Stopped', revision: 2 } });
    expect(stopped.claims).toEqual([
      expect.objectContaining({
        claim: 'room',
        seats: 0,
        amount: { cpuMillis: -500, memoryMiB: -2048, gpus: 0, pods: -1 },
      }),
      expect.objectContaining({ claim: 'team-seats', workspaces: 0, cpuMillis: -500, storageGiB: 0 }),
      expect.objectContaining({ claim: 'seat-row', revision: 2 }),
    ]);
    pod.report({ phase: 'Stopped' });
    pod.succeed();
    expect(pod.state.phase).toBe('Stopped');
    expect(pod.give(start).claims).toContainEqual(
      expect.objectContaining({
        claim: 'room',
        seats: 0,
        capacity: ROOMY,
        amount: expect.objectContaining({ pods: 1 }),
      }),
    );
  });

  it('is answered with what is there when it is so already', () => {
    const pod = running();
    expect(pod.give(start).writes).toEqual([]);
    pod.give(stop);
    expect(pod.give(stop).writes).toEqual([]);
    pod.report({ phase: 'Stopped' });
    pod.succeed();
    expect(pod.give(stop).writes).toEqual([]);
  });

  it('waits for the open operation of another kind', () => {
    const pod = seat();
    expect(refusal(() => pod.give(stop))).toBe('workspace.busy');
    expect(refusal(() => pod.give(restart))).toBe('workspace.busy');
    pod.report();
    pod.succeed();
    pod.give(stop);
    expect(refusal(() => pod.give(start))).toBe('workspace.busy');
  });

  it('restarts only what is wanted to run', () => {
    const pod = running();
    expect(pod.give(restart).next).toMatchObject({ phase: 'Starting', revision: 2, spec: { restarts: 1 } });
    pod.report();
    pod.succeed();
    pod.give(stop);
    pod.report({ phase: 'Stopped' });
    pod.succeed();
    expect(refusal(() => pod.give(restart))).toBe('workspace.not_running');
  });

  it('counts the seconds of running over stops, and a restart interrupts nothing', () => {
    const pod = running();
    pass(100);
    pod.give(restart);
    pod.report({ phase: 'Starting' });
    pass(20);
    pod.report();
    pod.succeed();
    pod.give(stop);
    pass(10);
    pod.report({ phase: 'Stopped' });
    pod.succeed();
    expect(runSeconds(pod.state, now)).toBe(130);
    pass(1000);
    pod.give(start);
    pod.report();
    pass(70);
    expect(runSeconds(pod.state, now)).toBe(200);
  });

  it('starts anew, with another pod, what failed or what the agent stopped by itself', () => {
    const pod = seat();
    pod.fail();
    expect(pod.state).toMatchObject({ phase: 'Failed', error: { code: 'x' } });
    const again = pod.give(start);
    expect(again.next).toMatchObject({ phase: 'Starting', spec: { restarts: 1 }, error: undefined });
    expect(again.operation).toMatchObject({ retryOf: expect.stringMatching(/^opn_/) });
    expect(claimed(again)).toEqual(['seat-row']);
    pod.report();
    pod.succeed();
    expect(pod.report({ phase: 'Stopped' }).next.phase).toBe('Stopped');
    expect(pod.give(start).next).toMatchObject({ phase: 'Starting', spec: { restarts: 2 } });
  });

  it('becomes Running when a start that failed comes true later', () => {
    const pod = seat();
    pod.fail();
    expect(pod.report().next).toMatchObject({ phase: 'Running', error: undefined });
  });

  it('keeps the phase of what is as it should be when only its workflow failed', () => {
    const pod = seat();
    pod.report();
    expect(pod.fail().next).toMatchObject({ phase: 'Running', error: { code: 'x' } });
  });
});

describe('a change', () => {
  it('is another revision and moves the counters by the difference', () => {
    const pod = running();
    const resources = { requests: { cpu: '1500m', memory: '1Gi' }, limits: { cpu: '2', memory: '4Gi' }, gpus: 0 };
    const { next, claims } = pod.give(change({ resources, volumes: { home: '12Gi' } }));
    expect(next).toMatchObject({ revision: 2, phase: 'Running', spec: { revision: 2, volumes: [{ size: '12Gi' }] } });
    expect(claims).toEqual([
      expect.objectContaining({
        claim: 'room',
        seats: 0,
        amount: { cpuMillis: 1000, memoryMiB: -1024, gpus: 0, pods: 0 },
      }),
      expect.objectContaining({ claim: 'team-seats', cpuMillis: 1000, memoryMiB: -1024, storageGiB: 2 }),
      expect.objectContaining({ claim: 'seat-row', revision: 2 }),
    ]);
  });

  it('of labels or of the same values takes no room; what is the same is no change', () => {
    const pod = running();
    expect(claimed(pod.give(change({}, { stage: 'dev' })))).toEqual(['seat-row']);
    expect(pod.give(change({ image: pod.state.spec.image }, { stage: 'dev' })).writes).toEqual([]);
  });

  it('names the volumes that there are, and refuses to shrink one', () => {
    const pod = running();
    expect(refusal(() => pod.give(change({ volumes: { work: '20Gi' } })))).toBe('workspace.volume_unknown');
    expect(refusal(() => pod.give(change({ volumes: { home: '9Gi' } })))).toBe('workspace.volume_shrinks');
    expect(pod.give(change({ volumes: { home: '10240Mi' } })).claims).not.toContainEqual(
      expect.objectContaining({ claim: 'team-seats' }),
    );
  });

  it('is refused while it is being deleted, and what its agent says of the old revision still counts', () => {
    const pod = running();
    pod.give(change({ image: 'ghcr.io/roadstead/go:1' }));
    expect(pod.report({ phase: 'Failed', observedRevision: 1 }).next.phase).toBe('Failed');
    pod.give(remove());
    expect(refusal(() => pod.give(change({ idleTimeoutSeconds: 60 })))).toBe('workspace.deleting');
    expect(refusal(() => pod.give(start))).toBe('workspace.deleting');
  });

  it('of secrets comes from their renewal too, and only when a version moved', () => {
    const pod = running();
    const secrets = [{ name: 'TOKEN', version: 2, as: 'File' as const }];
    expect(pod.give({ type: 'secrets', secrets }).next.revision).toBe(2);
    expect(pod.give({ type: 'secrets', secrets }).writes).toEqual([]);
  });
});

describe('reports', () => {
  it('are dropped when they are late, repeated, or of a revision that was never asked for', () => {
    const pod = seat();
    pod.report({}, { link: 2, seq: 5 });
    for (const late of [
      { link: 1, seq: 9 },
      { link: 2, seq: 5 },
      { link: 2, seq: 4 },
    ])
      expect(pod.report({ phase: 'Failed' }, late).writes).toEqual([]);
    expect(pod.report({ observedRevision: 7 }, { link: 2, seq: 6 }).writes).toEqual([]);
    expect(pod.report({ phase: 'Failed' }, { link: 3, seq: 0 }).next.phase).toBe('Failed');
  });

  it('of one object never go back; one that was made anew counts from the start', () => {
    const pod = seat();
    pod.report({ observedGeneration: 4 });
    expect(isOldNews(pod.state, { link: 1, seq: 9, status: seatStatus({ observedGeneration: 3 }) })).toBe(true);
    expect(isOldNews(pod.state, { link: 1, seq: 9, status: seatStatus({ observedGeneration: 1, uid: 'uid-2' }) })).toBe(
      false,
    );
  });

  it('say nothing of a command that their agent had not seen', () => {
    const pod = running();
    pod.give(stop);
    expect(pod.report({ phase: 'Running', observedRevision: 1 }).next.phase).toBe('Stopping');
    expect(pod.report({ phase: 'Running' }).next.phase).toBe('Stopping');
    expect(pod.report({ phase: 'Stopped' }).next.phase).toBe('Stopped');
  });

  it('replace the agent’s conditions, keep the time of those that did not change, and carry no control characters', () => {
    const pod = seat();
    const conditions = [
      { type: 'Ready', status: 'False' as const, reason: 'ImagePull', message: 'no \u001b[31mimage\u0007\u202e' },
      { type: 'RepositoryReady', status: 'True' as const, reason: 'Cloned', message: '' },
    ];
    pod.report({ phase: 'Starting', conditions });
    const since = pod.state.conditions.find(({ type }) => type === 'Ready')?.lastTransitionTime;
    pass(60);
    pod.report({ phase: 'Starting', conditions: conditions.slice(0, 1) });
    expect(pod.state.conditions).toEqual([
      { type: 'Ready', status: 'False', reason: 'ImagePull', message: 'no [31mimage', lastTransitionTime: since },
    ]);
  });

  it('do not touch what the control plane itself says of the connection', () => {
    const pod = running();
    expect(pod.give({ type: 'agent', connected: true }).writes).toEqual([]);
    pod.give({ type: 'agent', connected: false });
    expect(pod.give({ type: 'agent', connected: false }).writes).toEqual([]);
    pod.report();
    expect(pod.state.conditions).toContainEqual(expect.objectContaining({ type: 'Connected', reason: 'AgentOffline' }));
    expect(pod.give({ type: 'agent', connected: true }).next.conditions).toContainEqual(
      expect.objectContaining({ type: 'Connected', status: 'True' }),
    );
  });
});

describe('deleting', () => {
  it('supersedes what is open, leaves a tombstone, and ends with the agent’s word', () => {
    const pod = seat();
    const { operationId: starting } = pod.state;
    const deleting = pod.give(remove());
    expect(deleting.next).toMatchObject({ phase: 'Deleting', tombstone: 'KeepVolumes', revision: 2 });
    expect(deleting.writes).toContainEqual(
      expect.objectContaining({ next: expect.objectContaining({ id: starting, state: 'Superseded' }) }),
    );
    expect(deleting.claims).toEqual([
      expect.objectContaining({ claim: 'seat-row', tombstone: 'KeepVolumes', revision: 2 }),
      { claim: 'await-release', operation: starting },
    ]);
    expect(pod.give(gone(1)).writes).toEqual([]);
    const ended = pod.give(gone(2));
    expect(ended.next).toMatchObject({ phase: 'Deleted', kept: ['home-wsp-1'], deletedAt: now });
    expect(ended.claims).toEqual([
      expect.objectContaining({ claim: 'room', seats: -1, amount: expect.objectContaining({ pods: -1 }) }),
      expect.objectContaining({ claim: 'team-seats', workspaces: -1, storageGiB: -10 }),
      expect.objectContaining({ claim: 'name-release', of: 'workspace', name: 'ada' }),
      expect.objectContaining({ claim: 'seat-row', gone: true }),
    ]);
    expect(pod.succeed().operation).toMatchObject({ kind: 'workspace-delete', state: 'Succeeded' });
    expect(refusal(() => pod.give(start))).toBe('not_found');
    expect(refusal(() => pod.give(remove()))).toBe('not_found');
  });

  it('is one operation however often it is asked for; that the volumes go too may be said later', () => {
    const pod = running();
    pod.give(remove());
    expect(pod.give(remove()).writes).toEqual([]);
    const harder = pod.give(remove('DeleteVolumes'));
    expect(harder.next).toMatchObject({ tombstone: 'DeleteVolumes', revision: 3, operationId: pod.state.operationId });
    expect(harder.claims).toEqual([expect.objectContaining({ claim: 'seat-row', tombstone: 'DeleteVolumes' })]);
    expect(pod.give(gone(2)).writes).toEqual([]);
    expect(pod.give(gone(3)).next.phase).toBe('Deleted');
  });

  it('goes on waiting when its time is over, and a further delete opens the next operation', () => {
    const pod = running();
    pod.give(remove());
    expect(pod.fail().next).toMatchObject({ phase: 'Deleting', error: { code: 'x' } });
    expect(pod.report({ phase: 'Running' }).next.phase).toBe('Deleting');
    expect(pod.give(remove()).operation).toMatchObject({ kind: 'workspace-delete', state: 'Pending' });
  });

  it('can be given up only while the agent is away, and an agent that comes back still takes the row away', () => {
    const pod = running();
    expect(refusal(() => pod.give(forget(false)))).toBe('workspace.not_deleting');
    pod.give(remove());
    expect(refusal(() => pod.give(forget(true)))).toBe('workspace.agent_online');
    const forgotten = pod.give(forget(false));
    expect(forgotten.next.phase).toBe('Deleted');
    expect(claimed(forgotten)).toEqual(['room', 'team-seats', 'name-release']);
    const back = pod.give(gone(pod.state.revision));
    expect(back.writes).toEqual([]);
    expect(back.claims).toEqual([expect.objectContaining({ claim: 'seat-row', gone: true })]);
  });

  it('needs no agent when the cluster is gone, and what was open then has failed', () => {
    const pod = seat();
    const ended = pod.give(lost);
    expect(ended.next).toMatchObject({ phase: 'Deleted', operationId: undefined });
    expect(ended.operation as OperationState).toMatchObject({ state: 'Failed', error: { code: 'workspace.lost' } });
    expect(claimed(ended)).toEqual(['room', 'team-seats', 'name-release', 'seat-row']);
    expect(pod.give(lost).writes).toEqual([]);
    expect(pod.report().writes).toEqual([]);
  });
});

describe('operations', () => {
  it('of an older command change nothing any more', () => {
    const pod = seat();
    const older = pod.state.operationId as string;
    pod.give(remove());
    expect(refusal(() => pod.give({ type: 'succeed', operation: older }))).toBe('operation.superseded');
    expect(refusal(() => pod.give({ type: 'step', operation: older, step: 'AwaitRunning' }))).toBe(
      'operation.superseded',
    );
  });

  it('of a dev pod that never was are not there', () => {
    expect(refusal(() => decideWorkspace({ workspace: null, operation: null }, stop, context()))).toBe('not_found');
  });
});

describe('the views', () => {
  it('answer what the contract promises', () => {
    const pod = running();
    pass(3600);
    const view = toWorkspace(pod.state, null, now);
    Workspace.parse(view);
    expect(view).toMatchObject({
      pod: `${pod.state.id.replace('_', '-')}-0`,
      namespace: `rs-${pod.state.team.replace('_', '-')}`,
      wanted: 'Running',
      node: 'node-1',
      cost: { runningSeconds: 3600 },
    });
    expect(toDesiredSeat(pod.state)).toEqual({
      id: pod.state.id,
      name: 'ada',
      team: pod.state.team,
      spec: pod.state.spec,
    });
  });

  it('push at most 4 KB, with as much of the messages as fits', () => {
    const pod = seat();
    const conditions = Array.from({ length: 12 }, (_, n) => ({
      type: `T${n}${'x'.repeat(50)}`,
      status: 'Unknown' as const,
      reason: 'r'.repeat(63),
      message: 'ü'.repeat(1024),
    }));
    pod.report({ conditions });
    const push = toWorkspaceChanged(pod.state);
    WorkspaceChanged.parse(push);
    expect(Buffer.byteLength(JSON.stringify(push))).toBeLessThanOrEqual(4096);
    expect(push.conditions).toHaveLength(12);
  });
});

describe('a Workspace that a cluster’s admin applied', () => {
  const found = (given: Partial<Found> = {}): Found => ({
    uid: 'uid-9',
    name: 'lab',
    team: `team_${'0'.repeat(26)}`,
    spec: seatSpec({ origin: 'Cluster' }),
    gone: false,
    cluster: `clu_${'0'.repeat(26)}`,
    link: 1,
    seq: 1,
    ownerInTeam: true,
    nameTaken: false,
    usage: { workspaces: 0, cpuMillis: 0, memoryMiB: 0, storageGiB: 0 },
    limits: SEAT_LIMITS,
    ...given,
  });
  const mirror = (known: WorkspaceState | null, given: Partial<Found> = {}) => {
    const decision = mirrorWorkspace(known, found(given), context());
    return { ...decision, next: (decision.writes[0]?.next ?? known) as WorkspaceState };
  };

  it('is shown, counted and never put on the list that the agent syncs by', () => {
    const made = mirror(null, { status: seatStatus({ observedRevision: 0 }) });
    expect(made.next).toMatchObject({ name: 'lab', phase: 'Running', mirror: { uid: 'uid-9', name: 'lab' } });
    expect(made.claims.map(({ claim }) => claim)).toEqual(['name', 'mirror', 'room', 'team-seats']);
    expect(made.claims).not.toContainEqual(expect.objectContaining({ capacity: expect.anything() }));
    expect(toWorkspace(made.next, null, now).pod).toBe('lab-0');
    Workspace.parse(toWorkspace(made.next, null, now));
  });

  it('never takes a name that exists', () => {
    expect(mirror(null, { nameTaken: true }).next.name).toMatch(/^lab-.{5}$/);
  });

  it('is marked, not refused, when its owner is a stranger or the team is over its quota', () => {
    const over = { ...SEAT_LIMITS, teamWorkspaces: 0 };
    const made = mirror(null, { ownerInTeam: false, limits: over });
    expect(made.next.conditions.map(({ type }) => type)).toEqual(['OwnerUnknown', 'QuotaExceeded']);
    const better = mirror(made.next, { seq: 2, usage: { workspaces: 1, cpuMillis: 0, memoryMiB: 0, storageGiB: 0 } });
    expect(better.next.conditions).toEqual([]);
  });

  it('is left as it is by a repeat, follows changes, and goes with the original', () => {
    const made = mirror(null).next;
    expect(mirror(made, { seq: 2 }).writes).toEqual([]);
    const stopped = mirror(made, { seq: 3, spec: seatSpec({ origin: 'Cluster', runState: 'Stopped' }) });
    expect(stopped.next.revision).toBe(2);
    expect(stopped.claims).toContainEqual(expect.objectContaining({ claim: 'room', seats: 0 }));
    const ended = mirror(stopped.next, { seq: 4, gone: true });
    expect(ended.claims.map(({ claim }) => claim)).toEqual(['name-release', 'mirror-release', 'room', 'team-seats']);
    expect(mirror(null, { gone: true }).writes).toEqual([]);
    expect(mirror(ended.next, { gone: true }).writes).toEqual([]);
  });

  it('is changed in its cluster only', () => {
    const subject = { workspace: mirror(null).next, operation: null };
    for (const command of [start, stop, restart, remove(), change({ idleTimeoutSeconds: 5 })])
      expect(refusal(() => decideWorkspace(subject, command, context()))).toBe('workspace.managed_in_cluster');
    expect(decideWorkspace(subject, lost, context()).next.phase).toBe('Deleted');
  });
});
