import { describe, expect, it } from 'vitest';
import type { OperationState } from '#core/domain/operation.ts';
import {
  claimed,
  clock,
  forget,
  gone,
  lost,
  refusal,
  remove,
  running,
  seat,
  start,
} from '#test/builders/seat-commands.ts';

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
    expect(ended.next).toMatchObject({ phase: 'Deleted', kept: ['home-wsp-1'], deletedAt: clock.now });
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

  it('that has failed can be given up although the agent answers, and the agent still takes the row away when it can', () => {
    const pod = running();
    pod.give(remove());
    pod.report({
      phase: 'Deleting',
      observedRevision: 2,
      conditions: [{ type: 'Ready', status: 'False', reason: 'Deleting', message: 'what holds it' }],
    });
    expect(pod.state).toMatchObject({
      phase: 'Deleting',
      conditions: [{ reason: 'Deleting', message: 'what holds it' }],
    });
    expect(refusal(() => pod.give(forget(true)))).toBe('workspace.agent_online');
    pod.fail();
    const forgotten = pod.give(forget(true));
    expect(forgotten.next).toMatchObject({ phase: 'Deleted', forgotten: true, tombstone: 'KeepVolumes' });
    expect(claimed(forgotten)).toEqual(['room', 'team-seats', 'name-release']);
    expect(pod.report({ phase: 'Deleting', observedRevision: 2 }).writes).toEqual([]);
    expect(pod.give(gone(pod.state.revision)).claims).toEqual([
      expect.objectContaining({ claim: 'seat-row', gone: true }),
    ]);
  });

  it('that was asked for again after it failed is waited for again', () => {
    const pod = running();
    pod.give(remove());
    pod.fail();
    pod.give(remove());
    expect(refusal(() => pod.give(forget(true)))).toBe('workspace.agent_online');
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
