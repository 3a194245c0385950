/** The rules of groups: what is wanted of their seats. Making that true is done seat by seat, level-triggered (seed-systems §4.3 H2.3). */
import { AppError } from '../contract/errors.ts';
import type { VolumeFate } from '../contract/seat.ts';
import type { Context } from './clock.ts';
import { withCondition } from './conditions.ts';
import { type Claim, type Decision, nothing, write } from './decision.ts';
import type { GroupSeat, GroupState } from './group-state.ts';
import { same } from './workspace-change.ts';

export type GroupCommand =
  | ({ readonly type: 'create'; readonly actor: string } & Pick<
      GroupState,
      'name' | 'team' | 'replicas' | 'owners' | 'createdBy' | 'spec' | 'labels' | 'placement' | 'secretChoice'
    >)
  | { readonly type: 'scale'; readonly actor: string; readonly replicas: number }
  | { readonly type: 'delete'; readonly actor: string; readonly volumes: VolumeFate }
  /** What a look at its seats found and did. */
  | {
      readonly type: 'seen';
      readonly seats: readonly GroupSeat[];
      /** Why it is not as wanted, one sentence; null when it is. */
      readonly trouble: { readonly reason: string; readonly message: string } | null;
      /** When to look again, if it is not as wanted. */
      readonly checkAt: string;
    }
  /** All seats of a deleted group are gone. */
  | { readonly type: 'end' };

export interface GroupDecision extends Decision {
  readonly next: GroupState;
}

/** Whose seat `n` is. */
export const ownerOf = (group: Pick<GroupState, 'owners' | 'createdBy'>, n: number): string =>
  group.owners[n] ?? group.createdBy;

/** What the dev pod of seat `n` is called. */
export const seatNameOf = (group: Pick<GroupState, 'name'>, n: number): string => `${group.name}-${n}`;

/** Goes into the commit of what a look at the group does: nothing is done for what is not wanted any more. */
export const asSeen = ({ id, revision }: GroupState): Decision => ({
  ...nothing,
  claims: [{ claim: 'group-revision', group: id, revision }],
});

/** Decides a command on a group. Throws AppError with the code that the caller is answered. Pure. */
export const decideGroup = (group: GroupState | null, command: GroupCommand, context: Context): GroupDecision => {
  const { now } = context;
  if (command.type === 'create') return create(command, context);
  if (group === null || group.deletedAt !== undefined)
    throw new AppError('not_found', { detail: 'there is no such group' });
  const unchanged: GroupDecision = { ...nothing, next: group };

  const decided = (
    change: Partial<GroupState>,
    by?: {
      readonly actor: string;
      readonly action: string;
      readonly detail?: Readonly<Record<string, string | number>>;
    },
    claims: readonly Claim[] = [],
  ): GroupDecision => {
    const next: GroupState = { ...group, ...change, version: group.version + 1, updatedAt: now };
    return {
      next,
      writes: [write(group, next)],
      claims,
      audit:
        by === undefined
          ? []
          : [
              {
                team: group.team,
                actor: by.actor,
                action: by.action,
                resource: group.id,
                ...(by.detail === undefined ? {} : { detail: by.detail }),
              },
            ],
    };
  };
  const revised = { revision: group.revision + 1, checkAt: now };

  switch (command.type) {
    case 'scale': {
      if (group.tombstone !== undefined) throw new AppError('not_found', { detail: 'the group is being deleted' });
      if (group.replicas === command.replicas) return unchanged;
      const { actor, replicas } = command;
      const most = Math.max(group.most, replicas);
      return decided({ ...revised, replicas, most }, { actor, action: 'group.scale', detail: { replicas } });
    }
    case 'delete': {
      if (group.tombstone === command.volumes) return unchanged;
      const { actor, volumes } = command;
      return decided({ ...revised, tombstone: volumes }, { actor, action: 'group.delete', detail: { volumes } });
    }
    case 'seen': {
      const { seats, trouble } = command;
      const conditions = withCondition(
        group.conditions,
        trouble === null
          ? { type: 'Ready', status: 'True', reason: 'AsWanted', message: 'Every seat is asked to be as it should.' }
          : { type: 'Ready', status: 'False', reason: trouble.reason, message: trouble.message.slice(0, 1024) },
        now,
      );
      const checkAt = trouble === null ? undefined : command.checkAt;
      const present = { seats: group.seats, conditions: group.conditions };
      if (same(present, { seats, conditions }) && group.checkAt === checkAt) return unchanged;
      return decided({ seats, conditions, checkAt });
    }
    case 'end':
      return decided({ deletedAt: now, checkAt: undefined, seats: [] }, { actor: 'system', action: 'group.deleted' }, [
        { claim: 'name-release', of: 'group', team: group.team, name: group.name, id: group.id },
      ]);
  }
};

const create = (
  { type: _, actor, ...wanted }: Extract<GroupCommand, { type: 'create' }>,
  { now, newId }: Context,
): GroupDecision => {
  const id = newId('grp');
  const next: GroupState = {
    entity: 'Group',
    id,
    version: 1,
    revision: 1,
    ...wanted,
    most: wanted.replicas,
    spec: { ...wanted.spec, group: id },
    conditions: withCondition(
      [],
      { type: 'Ready', status: 'False', reason: 'Pending', message: 'Its seats are being made.' },
      now,
    ),
    createdAt: now,
    updatedAt: now,
    seats: [],
    checkAt: now,
  };
  return {
    next,
    writes: [write(null, next)],
    claims: [{ claim: 'name', of: 'group', team: next.team, name: next.name, id, code: 'workspace.name_taken' }],
    audit: [
      {
        team: next.team,
        actor,
        action: 'group.create',
        resource: id,
        detail: { name: next.name, replicas: next.replicas },
      },
    ],
  };
};
