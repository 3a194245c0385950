import { describe, expect, it } from 'vitest';
import { decideWorkspace } from '#core/domain/workspace.ts';
import { runSeconds } from '#core/domain/workspace-report.ts';
import {
  change,
  claimed,
  clock,
  context,
  pass,
  refusal,
  remove,
  restart,
  running,
  seat,
  start,
  stop,
} from '#test/builders/seat-commands.ts';
import { ROOMY, seatSpec } from '#test/builders/seats.ts';

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
    expect(pod.report().next).toMatchObject({ phase: 'Running', startedAt: clock.now, report: { node: 'node-1' } });
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
    expect(pod.give(start)).toMatchObject({ operation: null, next: { phase: 'Running', revision: 1 } });
    pod.give(stop);
    expect(pod.give(stop).writes).toEqual([]);
    pod.report({ phase: 'Stopped' });
    pod.succeed();
    expect(pod.give(stop).writes).toEqual([]);
  });

  it('is marked when its group stops it, until somebody starts it; who was stopped by hand, before or after, is left alone', () => {
    const suspend = { ...stop, suspends: true } as const;
    const pod = running();
    expect(pod.give(suspend).next.suspended).toBe(true);
    pod.report({ phase: 'Stopped' });
    expect(pod.give(suspend).writes).toEqual([]);
    expect(pod.give(stop).next).toMatchObject({ suspended: undefined, revision: 2 });
    expect(pod.give(suspend).writes).toEqual([]);
    pod.give(start);
    pod.report();
    pod.give(suspend);
    pod.report({ phase: 'Stopped' });
    expect(pod.give(start).next.suspended).toBeUndefined();
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

  it('takes the next wish at once when what was asked for holds, and that operation has succeeded', () => {
    const pod = seat();
    const starting = pod.state.operationId;
    pod.report();
    const stopping = pod.give(stop);
    expect(stopping.next.phase).toBe('Stopping');
    expect(stopping.writes).toContainEqual(
      expect.objectContaining({
        next: expect.objectContaining({ id: starting, state: 'Succeeded', supersededBy: stopping.operation?.id }),
      }),
    );
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
    expect(runSeconds(pod.state, clock.now)).toBe(130);
    pass(1000);
    pod.give(start);
    pod.report();
    pass(70);
    expect(runSeconds(pod.state, clock.now)).toBe(200);
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
    const secrets = [{ name: 'TOKEN', version: 2, holder: 'Team' as const, as: 'File' as const }];
    expect(pod.give({ type: 'secrets', secrets }).next.revision).toBe(2);
    expect(pod.give({ type: 'secrets', secrets }).writes).toEqual([]);
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
