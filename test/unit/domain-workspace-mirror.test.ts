import { describe, expect, it } from 'vitest';
import { Workspace } from '#core/contract/workspace.ts';
import { decideWorkspace } from '#core/domain/workspace.ts';
import { type Found, mirrorWorkspace } from '#core/domain/workspace-mirror.ts';
import type { WorkspaceState } from '#core/domain/workspace-state.ts';
import { toWorkspace } from '#core/domain/workspace-view.ts';
import { change, clock, context, lost, refusal, remove, restart, start, stop } from '#test/builders/seat-commands.ts';
import { seatSpec, seatStatus } from '#test/builders/seats.ts';
import { SEAT_LIMITS } from '#test/builders/world.ts';

const NOWHERE = { cluster: null, lease: null };

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
    expect(toWorkspace(made.next, NOWHERE, clock.now).pod).toBe('lab-0');
    Workspace.parse(toWorkspace(made.next, NOWHERE, clock.now));
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
