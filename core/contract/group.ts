/** Groups: a class of dev pods, as many as owners or replicas; desired state of its own (docs/adr/0020). */
import * as z from 'zod';
import { AccountId, Condition, GroupId, Instant, page, ShortName, TeamId, WorkspaceId } from './names.ts';
import { route } from './route.ts';
import { VolumeFate } from './seat.ts';
import { asked, base, seatFields, team } from './workspace.ts';

/** A class: as many seats as owners, or `replicas` seats of the one who asks. Fewer suspends, never deletes (seed-systems §4.3 H2.3). */
export const GROUP_LIMIT = 100;
export const NewGroup = z
  .strictObject({
    name: ShortName,
    ...seatFields,
    replicas: z.int().min(0).max(GROUP_LIMIT),
    owners: z.array(AccountId).max(GROUP_LIMIT).default([]).describe('seat n belongs to owner n; default: you'),
  })
  .meta({ id: 'NewGroup' });
export type NewGroup = z.output<typeof NewGroup>;

export const Group = z
  .strictObject({
    id: GroupId,
    name: z.string(),
    team: TeamId,
    replicas: z.int(),
    owners: z.array(z.string()),
    seats: z.array(z.strictObject({ ordinal: z.int(), workspace: WorkspaceId, owner: z.string() })),
    conditions: z.array(Condition),
    createdAt: Instant,
    createdBy: z.string(),
    version: z.int(),
    revision: z.int(),
  })
  .meta({ id: 'Group' });
export type Group = z.infer<typeof Group>;

const groupRef = { params: z.strictObject({ groupRef: z.string().min(1).max(64) }), query: team };

export const groupRoutes = {
  create: route({
    id: 'groups.create',
    method: 'POST',
    path: '/api/v1/groups',
    auth: 'account',
    summary: 'A dev pod each for a class: seats are made one by one, and none can read another',
    body: NewGroup,
    reply: { 202: Group },
    errors: [...base, ...asked, 'workspace.name_taken', 'idempotency.mismatch', 'retry'],
  }),
  list: route({
    id: 'groups.list',
    method: 'GET',
    path: '/api/v1/groups',
    auth: 'account',
    summary: 'Groups of a team',
    query: z.strictObject({ ...page, team: TeamId.optional() }),
    reply: {
      200: z.strictObject({ items: z.array(Group), nextCursor: z.string().optional() }).meta({ id: 'GroupList' }),
    },
    errors: ['not_found', 'request.cursor_invalid'],
  }),
  get: route({
    id: 'groups.get',
    method: 'GET',
    path: '/api/v1/groups/{groupRef}',
    auth: 'account',
    summary: 'One group with its seats',
    ...groupRef,
    reply: { 200: Group },
    errors: base,
  }),
  scale: route({
    id: 'groups.scale',
    method: 'POST',
    path: '/api/v1/groups/{groupRef}/scale',
    auth: 'account',
    summary: 'More seats are made or started; fewer are stopped, never deleted',
    ...groupRef,
    body: z.strictObject({ replicas: z.int().min(0).max(GROUP_LIMIT) }),
    reply: { 202: Group },
    errors: [...base, 'precondition.failed', 'conflict'],
  }),
  delete: route({
    id: 'groups.delete',
    method: 'DELETE',
    path: '/api/v1/groups/{groupRef}',
    auth: 'account',
    summary: 'Delete every seat of the group; volumes are kept unless volumes=DeleteVolumes',
    params: groupRef.params,
    query: team.extend({ volumes: VolumeFate.default('KeepVolumes') }),
    reply: { 202: Group },
    errors: [...base, 'precondition.failed', 'conflict'],
  }),
};
