/** Groups: what is wanted is written down and answered; the seats follow, one by one. */
import { AppError } from '#core/contract/errors.ts';
import { routes } from '#core/contract/routes.ts';
import { type Action, authorize, can, type Principal } from '#core/domain/access.ts';
import { decideGroup, type GroupCommand, type GroupDecision } from '#core/domain/group.ts';
import type { GroupState } from '#core/domain/group-state.ts';
import { toGroup } from '#core/domain/group-view.ts';
import { untilFresh } from '#core/store/commit.ts';
import type { Deps } from '../../lib/deps.ts';
import type { HttpDeps } from '../../lib/http/call.ts';
import { type App, on, reply, resource } from '../../lib/http.ts';
import { resolveSeat } from '../../lib/seats.ts';
import { actorOf } from './locate.ts';

export interface GroupsDeps extends HttpDeps {
  readonly store: Deps['store'];
}

interface GroupRef {
  readonly params: { readonly groupRef: string };
  readonly query: { readonly team?: string | undefined };
}

export const app = (deps: GroupsDeps): App => {
  const { store, now, newId } = deps;

  /** Throws `not_found` alike for what is not there and what a stranger asks for. */
  const locate = async (principal: Principal, { params, query }: GroupRef, action: Action): Promise<GroupState> => {
    const group = await store.groups.find(query.team ?? principal.personalTeam, params.groupRef);
    const role = group === null ? null : await store.people.role(group.team, principal.id);
    authorize(role, action, `group "${params.groupRef}"`);
    return group as GroupState;
  };

  const change = <T>(
    request: GroupRef & { readonly match: (revision: number) => void },
    principal: Principal,
    command: GroupCommand,
    commit: (decision: GroupDecision) => Promise<T>,
  ): Promise<T> =>
    untilFresh(async () => {
      const group = await locate(principal, request, 'group.write');
      request.match(group.revision);
      return commit(decideGroup(group, command, { now: now(), newId }));
    });

  /** Everybody who is to sit there must be of the team. */
  const assertOwners = async (team: string, owners: readonly string[]): Promise<void> => {
    const roles = await Promise.all(owners.map((owner) => store.people.role(team, owner)));
    const errors = roles.flatMap((role, n) =>
      can(role, 'workspace.create')
        ? []
        : [{ path: `owners.${n}`, message: 'nobody of this team has this id and may hold a dev pod' }],
    );
    if (errors.length > 0)
      throw new AppError('request.invalid', { detail: `${errors.length} of the owners cannot sit there`, errors });
  };

  return {
    deps,
    served: [
      on(routes.groups.create, async (request, principal) => {
        const { name, replicas, owners, labels, placement } = request.body;
        const team = request.body.team ?? principal.personalTeam;
        authorize(await store.people.role(team, principal.id), 'group.write', `team "${team}"`);
        await assertOwners(team, owners);
        // Which secrets each person has is seen seat by seat.
        const seat = await resolveSeat(
          store,
          { team, owner: principal.id, by: principal.id, running: true },
          request.body,
        );
        const decision = decideGroup(
          null,
          {
            type: 'create',
            actor: actorOf(principal),
            createdBy: principal.id,
            name,
            team,
            replicas,
            owners,
            ...seat,
            labels,
            placement,
          },
          { now: now(), newId },
        );
        return request.commit(decision, reply(202, toGroup(decision.next), resource(decision.next)));
      }),

      on(routes.groups.list, async ({ query }, principal) => {
        const team = query.team ?? principal.personalTeam;
        authorize(await store.people.role(team, principal.id), 'group.read', `team "${team}"`);
        const { items, nextCursor } = await store.groups.page({ team, limit: query.limit, cursor: query.cursor });
        return reply(200, { items: items.map(toGroup), ...(nextCursor === undefined ? {} : { nextCursor }) });
      }),

      on(routes.groups.get, async (request, principal) => {
        const group = await locate(principal, request, 'group.read');
        return reply(200, toGroup(group), resource(group));
      }),

      on(routes.groups.scale, (request, principal) =>
        change(
          request,
          principal,
          { type: 'scale', actor: actorOf(principal), replicas: request.body.replicas },
          async (decision) => request.commit(decision, reply(202, toGroup(decision.next), resource(decision.next))),
        ),
      ),

      on(routes.groups.delete, (request, principal) =>
        change(
          request,
          principal,
          { type: 'delete', actor: actorOf(principal), volumes: request.query.volumes },
          async (decision) => request.commit(decision, reply(202, toGroup(decision.next), resource(decision.next))),
        ),
      ),
    ],
  };
};
