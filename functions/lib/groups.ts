/** Brings the seats of a group to what is wanted: level-triggered, repeatable, one seat after the other (DESIGN §2; seed-systems §4.3 H2.3). */
import { AppError } from '#core/contract/errors.ts';
import { plus } from '#core/domain/clock.ts';
import { joined, type SeatLimits } from '#core/domain/decision.ts';
import { asSeen, decideGroup, type GroupCommand, ownerOf, seatNameOf } from '#core/domain/group.ts';
import type { GroupSeat, GroupState } from '#core/domain/group-state.ts';
import { decideWorkspace } from '#core/domain/workspace.ts';
import type { WorkspaceCommand, WorkspaceTimings } from '#core/domain/workspace-command.ts';
import type { WorkspaceState } from '#core/domain/workspace-state.ts';
import { untilFresh } from '#core/store/commit.ts';
import type { Deps } from './deps.ts';
import { capacityAt, secretsOf, whereItFits } from './seats.ts';

export interface GroupDeps extends Pick<Deps, 'store' | 'now' | 'newId' | 'log'> {
  readonly limits: SeatLimits;
  readonly timings: WorkspaceTimings;
}

/** Seconds until the sweeper looks again at a group that is not as wanted. */
const AGAIN_SECONDS = 60;
/** As whom seats of groups are made, started and stopped. */
const ACTOR = 'system';

/** How one seat stands after the look at it. */
interface Seen {
  readonly seat: GroupSeat | null;
  readonly trouble: { readonly reason: string; readonly message: string } | null;
}

/** Looks at one group that something else is wanted of while it was looked at, before the sweeper is left to do it. */
const LOOKS = 10;

/** Looks at the group until what it acted on is what is wanted; what could not be done is written on it, and the sweeper looks again. */
export const reconcileGroup = async (deps: GroupDeps, groupId: string): Promise<void> => {
  for (let n = 0; n < LOOKS; n += 1) if (await look(deps, groupId)) return;
};

/** One look; false: something else is wanted by now. */
const look = async (deps: GroupDeps, groupId: string): Promise<boolean> => {
  const { store, now } = deps;
  const group = await store.groups.group(groupId);
  if (group === null || group.deletedAt !== undefined) return true;
  const ordinals = Array.from({ length: group.most }, (_, n) => n);
  const present = await store.workspaces.named(
    group.team,
    ordinals.map((n) => seatNameOf(group, n)),
  );
  const seen: Seen[] = [];
  for (const n of ordinals) {
    const refused = seen.find(({ trouble }) => trouble !== null && FULL.has(trouble.reason));
    seen.push(await lookAt(deps, group, n, present[n] ?? null, refused));
  }
  const seats = seen.flatMap(({ seat }) => (seat === null ? [] : [seat]));
  const trouble = seen.find((each) => each.trouble !== null)?.trouble ?? null;
  const command: GroupCommand =
    group.tombstone !== undefined && seats.length === 0
      ? { type: 'end' }
      : { type: 'seen', seats, trouble, checkAt: plus(now(), AGAIN_SECONDS) };
  return untilFresh(async () => {
    const fresh = await store.groups.group(groupId);
    if (fresh === null || fresh.deletedAt !== undefined) return true;
    if (fresh.revision !== group.revision) return false;
    const at = { now: now(), newId: deps.newId };
    await store.commit(decideGroup(fresh, command, at), at);
    return true;
  });
};

/** Refusals that the next seat would meet as well. */
const FULL = new Set(['QuotaExceeded', 'NoClusterFits']);

const REASONS: Readonly<Record<string, string>> = {
  'placement.no_fit': 'NoClusterFits',
  'quota.team_workspaces': 'QuotaExceeded',
  'quota.team_compute': 'QuotaExceeded',
  'quota.team_storage': 'QuotaExceeded',
  'workspace.name_taken': 'NameTaken',
  'workspace.busy': 'Busy',
  'workspace.deleting': 'Busy',
};

const lookAt = async (
  deps: GroupDeps,
  group: GroupState,
  n: number,
  workspace: WorkspaceState | null,
  refused: Seen | undefined,
): Promise<Seen> => {
  const name = seatNameOf(group, n);
  const seat = workspace === null ? null : { ordinal: n, workspace: workspace.id, owner: workspace.spec.owner };
  try {
    if (workspace === null) {
      if (n >= group.replicas || group.tombstone !== undefined) return { seat: null, trouble: null };
      if (refused !== undefined) return { ...refused, seat: null };
      return { seat: await make(deps, group, n), trouble: null };
    }
    if (workspace.spec.group !== group.id)
      return {
        seat: null,
        trouble:
          group.tombstone === undefined && n < group.replicas
            ? { reason: 'NameTaken', message: `${name} is a dev pod that is not of this group.` }
            : null,
      };
    if (group.tombstone !== undefined) {
      await order(deps, group, workspace.id, {
        type: 'delete',
        actor: ACTOR,
        volumes: group.tombstone,
        timings: deps.timings,
      });
      return { seat, trouble: { reason: 'Deleting', message: `${name} is being deleted.` } };
    }
    if (workspace.phase === 'Deleting')
      return { seat, trouble: { reason: 'Busy', message: `${name} is being deleted.` } };
    if (n >= group.replicas) {
      const { limits, timings } = deps;
      await order(deps, group, workspace.id, { type: 'stop', actor: ACTOR, limits, timings, suspends: true });
      return { seat, trouble: null };
    }
    // What somebody stopped by hand is not ours to start again.
    if (workspace.suspended) {
      const capacity = await capacityAt(deps.store, workspace.cluster);
      await order(deps, group, workspace.id, {
        type: 'start',
        actor: ACTOR,
        capacity,
        limits: deps.limits,
        timings: deps.timings,
      });
    }
    return { seat, trouble: null };
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    deps.log.info('a seat of a group is not as wanted', { group: group.id, seat: name, code: error.code });
    const reason = REASONS[error.code] ?? 'Refused';
    return { seat, trouble: { reason, message: `${name}: ${error.detail ?? error.message}` } };
  }
};

const order = (deps: GroupDeps, group: GroupState, id: string, command: WorkspaceCommand): Promise<void> =>
  untilFresh(async () => {
    const subject = await deps.store.workspaces.subject(id);
    const at = { now: deps.now(), newId: deps.newId };
    const decision = decideWorkspace(subject, command, at);
    if (decision.writes.length > 0) await deps.store.commit(joined(decision, asSeen(group)), at);
  });

const make = async (deps: GroupDeps, group: GroupState, n: number): Promise<GroupSeat> => {
  const { store, now, newId, limits, timings } = deps;
  const { team, placement } = group;
  const owner = ownerOf(group, n);
  const secretChoice = { ...group.secretChoice, personal: owner === group.createdBy };
  const secrets = await secretsOf(store, { team, owner }, secretChoice, false);
  const spec = { ...group.spec, owner, secrets };
  return whereItFits({ store, now }, { team, spec, placement }, async ({ cluster }, capacity) => {
    const at = { now: now(), newId };
    const decision = decideWorkspace(
      { workspace: null, operation: null },
      {
        type: 'create',
        actor: ACTOR,
        account: group.createdBy,
        team,
        name: seatNameOf(group, n),
        cluster: cluster.id,
        capacity,
        spec,
        labels: group.labels,
        secretChoice,
        limits,
        timings,
      },
      at,
    );
    await store.commit(joined(decision, asSeen(group)), at);
    return { ordinal: n, workspace: decision.next.id, owner };
  });
};
