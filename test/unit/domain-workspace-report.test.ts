import { describe, expect, it } from 'vitest';
import { WorkspaceChanged } from '#core/contract/socket.ts';
import { Workspace } from '#core/contract/workspace.ts';
import type { ClusterState } from '#core/domain/cluster-state.ts';
import { isOldNews, reported } from '#core/domain/workspace-report.ts';
import { toDesiredSeat, toWorkspace, toWorkspaceChanged } from '#core/domain/workspace-view.ts';
import { change, clock, pass, remove, restart, running, seat, start, stop } from '#test/builders/seat-commands.ts';
import { seatStatus } from '#test/builders/seats.ts';

const NOWHERE = { cluster: null, lease: null };

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
});

describe('a report that its agent stopped it for being idle', () => {
  const lastActiveAt = '2026-11-21T11:00:00.000Z';
  const conditions = [{ type: 'Ready', status: 'False' as const, reason: 'Idle', message: 'It was idle.' }];
  /** As its agent says it of the revision that it knows. */
  const idle = (observedRevision: number, restarts = 0, phase: 'Stopping' | 'Stopped' = 'Stopping') => ({
    phase,
    observedRevision,
    conditions,
    idleStop: { restarts, lastActiveAt },
  });

  it('is what is wanted from now on: the next revision, its room and quota given back, one line of audit', () => {
    const pod = running();
    const { next, claims, audit, operation } = pod.report(idle(1));
    expect(next).toMatchObject({ phase: 'Stopping', revision: 2, spec: { runState: 'Stopped', revision: 2 } });
    expect(operation).toBeNull();
    expect(claims).toEqual([
      expect.objectContaining({ claim: 'room', amount: { cpuMillis: -500, memoryMiB: -2048, gpus: 0, pods: -1 } }),
      expect.objectContaining({ claim: 'team-seats', workspaces: 0, cpuMillis: -500, storageGiB: 0 }),
      expect.objectContaining({ claim: 'seat-row', revision: 2 }),
    ]);
    expect(audit).toEqual([
      expect.objectContaining({
        actor: `agent:${next.cluster}`,
        action: 'workspace.idle',
        detail: { restarts: 0, lastActiveAt },
      }),
    ]);
    pass(30);
    const ended = pod.report(idle(1, 0, 'Stopped'));
    expect(ended.next).toMatchObject({ phase: 'Stopped', revision: 2, stoppedAt: clock.now, conditions });
    expect(ended.audit).toEqual([]);
    expect(pod.report(idle(2, 0, 'Stopped')).next).toMatchObject({ phase: 'Stopped', revision: 2 });
  });

  it('is answered by a start, which counts as one that its agent has not seen', () => {
    const pod = running();
    pod.report(idle(1));
    const started = pod.give(start);
    expect(started.next).toMatchObject({ phase: 'Starting', revision: 3, spec: { runState: 'Running', restarts: 1 } });
    for (const late of [idle(1, 0, 'Stopped'), idle(2, 0, 'Stopped'), idle(3, 0, 'Stopped')])
      expect(pod.report(late).next).toMatchObject({ phase: 'Starting', spec: { runState: 'Running' } });
    expect(pod.report({ observedRevision: 3 }).next.phase).toBe('Running');
  });

  it.each([
    ['a restart wins', restart, { runState: 'Running', restarts: 1 }],
    ['a stop is the same', stop, { runState: 'Stopped', restarts: 0 }],
    ['a start wins, although it was seen running', start, { runState: 'Running', restarts: 1 }],
    ['a size or a timeout does not wake it', change({ idleTimeoutSeconds: 0 }), { runState: 'Stopped', restarts: 0 }],
    ['a delete goes on', remove(), { runState: 'Running', restarts: 0 }],
  ])('comes at the same moment as a command: %s', (_, command, spec) => {
    const pod = running();
    pod.give(command);
    const { phase, revision } = pod.state;
    pod.report(idle(1));
    expect(pod.state.spec).toMatchObject(spec);
    if (command.type === 'restart' || command.type === 'delete') expect(pod.state).toMatchObject({ phase, revision });
  });

  it('comes after a start of what was seen running, which counts as work for the time that idle pods have, and once', () => {
    const pod = running();
    const asked = pod.give(start);
    expect(asked.next).toMatchObject({ phase: 'Running', revision: 1, askedAt: clock.now });
    expect(asked.operation).toBeNull();
    pass(3599);
    const { next, audit, claims } = pod.report(idle(1));
    expect(next).toMatchObject({ phase: 'Starting', revision: 2, spec: { runState: 'Running', restarts: 1 } });
    expect(audit).toMatchObject([{ action: 'workspace.start' }]);
    expect(claims).toEqual([expect.objectContaining({ claim: 'seat-row', revision: 2 })]);
    expect(pod.report(idle(1, 0, 'Stopped')).next).toMatchObject({ phase: 'Starting', spec: { runState: 'Running' } });
    expect(pod.report({ observedRevision: 2 }).next.phase).toBe('Running');
    expect(pod.report(idle(2, 1)).next.spec.runState).toBe('Stopped');

    const late = running();
    late.give(start);
    pass(3600);
    expect(late.report(idle(1)).next.spec.runState).toBe('Stopped');
  });

  it('leaves alone what its cluster owns', () => {
    const pod = running();
    const mirror = { ...pod.state, spec: { ...pod.state.spec, origin: 'Cluster' as const } };
    const report = { link: 1, seq: 99, status: seatStatus(idle(1)) };
    expect(reported(mirror, report, clock.now)).toMatchObject({ phase: 'Stopping' });
    expect(reported(mirror, report, clock.now)).not.toHaveProperty('spec');
  });
});

describe('the views', () => {
  it('answer what the contract promises', () => {
    const pod = running();
    pass(3600);
    const view = toWorkspace(pod.state, NOWHERE, clock.now);
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

  it('say when nobody is heard of its cluster, since when, and that the pod may be running all the same', () => {
    const pod = running();
    const since = '2026-11-21T11:00:00.000Z';
    const on = (status: 'True' | 'False') => ({
      cluster: {
        provider: 'existing',
        conditions: [{ type: 'Connected', status, reason: 'x', message: '', lastTransitionTime: since }],
      } as unknown as ClusterState,
      lease: null,
    });
    expect(toWorkspace(pod.state, on('True'), clock.now).conditions).toEqual(pod.state.conditions);
    expect(toWorkspace(pod.state, on('False'), clock.now).conditions).toContainEqual({
      type: 'Connected',
      status: 'False',
      reason: 'AgentOffline',
      message: expect.stringContaining('may be running'),
      lastTransitionTime: since,
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
