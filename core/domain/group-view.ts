/** A group as it is answered and pushed. */

import type { Group } from '../contract/group.ts';
import type { GroupChanged } from '../contract/socket.ts';
import type { GroupState } from './group-state.ts';
import { withinPush } from './workspace-view.ts';

/** What the API answers. */
export const toGroup = (group: GroupState): Group => ({
  id: group.id,
  name: group.name,
  team: group.team,
  replicas: group.replicas,
  owners: [...group.owners],
  seats: group.seats.map((each) => ({ ...each })),
  conditions: group.conditions.map((each) => ({ ...each })),
  createdAt: group.createdAt,
  createdBy: group.createdBy,
  version: group.version,
  revision: group.revision,
});

/** What is pushed to people (≤ 4 KB). */
export const toGroupChanged = (group: GroupState): GroupChanged =>
  withinPush({
    type: 'group.changed',
    id: group.id,
    team: group.team,
    name: group.name,
    version: group.version,
    at: group.updatedAt,
    replicas: group.replicas,
    seats: group.seats.length,
    conditions: [...group.conditions],
    ...(group.deletedAt === undefined ? {} : { deleted: true as const }),
  });
