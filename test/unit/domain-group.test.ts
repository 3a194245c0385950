import { describe, expect, it } from 'vitest';
import { AppError } from '#core/contract/errors.ts';
import { Group } from '#core/contract/group.ts';
import { GroupChanged } from '#core/contract/socket.ts';
import { decideGroup, type GroupCommand, ownerOf, seatNameOf } from '#core/domain/group.ts';
import type { GroupState } from '#core/domain/group-state.ts';
import { toGroup, toGroupChanged } from '#core/domain/group-view.ts';
import { seatSpec } from '#test/builders/seats.ts';

const NOW = '2026-11-21T12:00:00.000Z';
const context = { now: NOW, newId: (prefix: string) => `${prefix}_${'1'.repeat(26)}` };
const asked: Extract<GroupCommand, { type: 'create' }> = {
  type: 'create',
  actor: 'account:ada',
  name: 'class',
  team: `team_${'0'.repeat(26)}`,
  replicas: 2,
  owners: ['acc_bob'],
  createdBy: `acc_${'0'.repeat(26)}`,
  spec: seatSpec(),
  labels: {},
  placement: { isolation: 'shared' },
  secretChoice: { environment: [], personal: false },
};
const group = (): GroupState => decideGroup(null, asked, context).next;
const decide = (of: GroupState, command: GroupCommand) => decideGroup(of, command, context);
const seen = (trouble: { reason: string; message: string } | null): GroupCommand => ({
  type: 'seen',
  seats: [{ ordinal: 0, workspace: `wsp_${'1'.repeat(26)}`, owner: 'acc_bob' }],
  trouble,
  checkAt: '2026-11-21T12:01:00.000Z',
});

describe('a group', () => {
  it('claims its name, is due at once, and marks its seats with its id', () => {
    const made = decideGroup(null, asked, context);
    expect(made.claims).toEqual([expect.objectContaining({ claim: 'name', of: 'group', name: 'class' })]);
    expect(made.next).toMatchObject({ checkAt: NOW, revision: 1, spec: { group: made.next.id } });
    Group.parse(toGroup(made.next));
    GroupChanged.parse(toGroupChanged(made.next));
  });

  it('gives seat n to owner n, and what is beyond the list to the one who made it', () => {
    expect([0, 1].map((n) => ownerOf(group(), n))).toEqual(['acc_bob', group().createdBy]);
    expect(seatNameOf(group(), 7)).toBe('class-7');
  });

  it('is another revision when it is scaled, and due; the same number changes nothing', () => {
    const scaled = decide(group(), { type: 'scale', actor: 'a', replicas: 5 });
    expect(scaled.next).toMatchObject({ replicas: 5, revision: 2, version: 2, checkAt: NOW });
    expect(decide(scaled.next, { type: 'scale', actor: 'a', replicas: 5 }).writes).toEqual([]);
  });

  it('rests when it is as wanted, and is looked at again while it is not', () => {
    const trouble = decide(group(), seen({ reason: 'NoClusterFits', message: 'none' }));
    expect(trouble.next).toMatchObject({ revision: 1, checkAt: '2026-11-21T12:01:00.000Z' });
    expect(trouble.next.conditions[0]).toMatchObject({ type: 'Ready', status: 'False', reason: 'NoClusterFits' });
    const good = decide(trouble.next, seen(null));
    expect(good.next.checkAt).toBeUndefined();
    expect(decide(good.next, seen(null)).writes).toEqual([]);
  });

  it('is deleted in two steps: its seats first, then itself with its name', () => {
    const deleting = decide(group(), { type: 'delete', actor: 'a', volumes: 'KeepVolumes' });
    expect(deleting.next).toMatchObject({ tombstone: 'KeepVolumes', revision: 2, checkAt: NOW });
    expect(decide(deleting.next, { type: 'delete', actor: 'a', volumes: 'KeepVolumes' }).writes).toEqual([]);
    expect(() => decide(deleting.next, { type: 'scale', actor: 'a', replicas: 1 })).toThrow(AppError);
    const ended = decide(deleting.next, { type: 'end' });
    expect(ended.claims).toEqual([expect.objectContaining({ claim: 'name-release', of: 'group' })]);
    expect(toGroupChanged(ended.next).deleted).toBe(true);
    expect(() => decide(ended.next, { type: 'end' })).toThrow(AppError);
  });
});
