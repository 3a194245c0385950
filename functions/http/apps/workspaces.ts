/** Dev pods: each handler loads, decides, commits and replies; the rules are in the domain. */
import type { Role } from '#core/contract/account.ts';
import { AppError } from '#core/contract/errors.ts';
import { routes } from '#core/contract/routes.ts';
import type { NewWorkspace, WorkspaceChange } from '#core/contract/workspace.ts';
import { atLeast, authorize, can, type Principal } from '#core/domain/access.ts';
import { conditionsAt } from '#core/domain/cluster-view.ts';
import { isTrue } from '#core/domain/conditions.ts';
import type { SeatLimits } from '#core/domain/decision.ts';
import { costOfSeat } from '#core/domain/prices.ts';
import { NO_CHOICE } from '#core/domain/secret-choice.ts';
import { decideWorkspace } from '#core/domain/workspace.ts';
import type { WorkspaceCommand, WorkspaceDecision, WorkspaceTimings } from '#core/domain/workspace-command.ts';
import type { WorkspaceState } from '#core/domain/workspace-state.ts';
import { toWorkspace } from '#core/domain/workspace-view.ts';
import { untilFresh } from '#core/store/commit.ts';
import type { Deps } from '../../lib/deps.ts';
import type { HttpDeps } from '../../lib/http/call.ts';
import { type App, on, reply, resource } from '../../lib/http.ts';
import { capacityAt, placeSeat, resolveSeat, secretsOf, whereItFits } from '../../lib/seats.ts';
import { actorOf } from './locate.ts';
import { locateSeat, type SeatRef } from './locate-seat.ts';

export interface WorkspacesDeps extends HttpDeps {
  readonly store: Deps['store'];
  readonly limits: SeatLimits;
  readonly timings: WorkspaceTimings;
}

/** Its cluster is not known any more. */
const NOWHERE = { cluster: null, lease: null } as const;

/** One's own seat, or an admin's right. */
const mayChange = (principal: Principal, role: Role, { spec }: WorkspaceState): void => {
  if (spec.owner !== principal.id && !atLeast(role, 'admin'))
    throw new AppError('access.denied', {
      detail: `the dev pod of somebody else is changed by an admin of the team; your role is ${role}`,
    });
};

/** What decides who reads its volumes and its owner's secrets: not even an admin changes that for somebody else (docs/adr/0042). */
const ownersAlone = (principal: Principal, { spec }: WorkspaceState, change: WorkspaceChange): void => {
  const named = (['image', 'git', 'secrets'] as const).filter((field) => change[field] !== undefined);
  if (spec.owner !== principal.id && named.length > 0)
    throw new AppError('access.denied', {
      detail: `${named.join(' and ')} of a dev pod are changed by its owner alone: they decide what runs among the owner's files and secrets`,
    });
};

export const app = (deps: WorkspacesDeps): App => {
  const { store, limits, timings, now, newId } = deps;

  const viewed = async (workspace: WorkspaceState) =>
    toWorkspace(workspace, await store.clusters.withLease(workspace.cluster), now());

  /** Who sits there, in which team. Throws for those who may not make a seat for them. */
  const seated = async (principal: Principal, body: NewWorkspace) => {
    const team = body.team ?? principal.personalTeam;
    const role = await store.people.role(team, principal.id);
    authorize(role, 'workspace.create', `team "${team}"`);
    const owner = body.owner ?? principal.id;
    if (owner !== principal.id) {
      if (!atLeast(role, 'admin'))
        throw new AppError('access.denied', { detail: `dev pods for others are made by admins; your role is ${role}` });
      // Who may not make one could not enter it.
      if (!can(await store.people.role(team, owner), 'workspace.create'))
        throw new AppError('request.invalid', {
          detail: 'one field of the body cannot be taken',
          errors: [{ path: 'owner', message: 'nobody of this team has this id and may hold a dev pod' }],
        });
    }
    const { spec, secretChoice } = await resolveSeat(
      store,
      { team, owner, by: principal.id, running: body.start },
      body,
    );
    const secrets = await secretsOf(store, { team, owner }, secretChoice, true);
    return { team, spec: { ...spec, secrets }, secretChoice };
  };

  /** Loads the dev pod with its operation, decides, and has `commit` write it; again when somebody else was faster. */
  const change = <T>(
    request: SeatRef & { readonly match: (revision: number) => void },
    principal: Principal,
    commandFor: (workspace: WorkspaceState) => Promise<WorkspaceCommand> | WorkspaceCommand,
    commit: (decision: WorkspaceDecision) => Promise<T>,
  ): Promise<T> =>
    untilFresh(async () => {
      const found = await locateSeat(store, principal, request, 'workspace.change');
      mayChange(principal, found.role, found.workspace);
      const subject = await store.workspaces.subject(found.workspace.id);
      const workspace = subject.workspace ?? found.workspace;
      request.match(workspace.revision);
      return commit(decideWorkspace(subject, await commandFor(workspace), { now: now(), newId }));
    });

  const accepted = async ({ next, operation }: WorkspaceDecision) =>
    reply(202, await viewed(next), resource(next, operation?.id));

  const isConnected = async (cluster: string): Promise<boolean> => {
    const found = await store.workspaces.place(cluster);
    return found !== null && isTrue(conditionsAt(found.cluster, found.lease, now()), 'Connected');
  };

  return {
    deps,
    served: [
      on(routes.workspaces.create, async (request, principal) => {
        const { name, labels, placement } = request.body;
        const { team, spec, secretChoice } = await seated(principal, request.body);
        return whereItFits({ store, now }, { team, spec, placement }, (place, capacity) => {
          const decision = decideWorkspace(
            { workspace: null, operation: null },
            {
              type: 'create',
              actor: actorOf(principal),
              account: principal.id,
              team,
              name,
              cluster: place.cluster.id,
              capacity,
              spec,
              labels,
              secretChoice,
              limits,
              timings,
            },
            { now: now(), newId },
          );
          const { next, operation } = decision;
          return request.commit(decision, reply(202, toWorkspace(next, place, now()), resource(next, operation?.id)));
        });
      }),

      on(routes.workspaces.estimate, async ({ body }, principal) => {
        const { team, spec } = await seated(principal, body);
        const placed = await placeSeat({ store, now }, team, spec, body.placement);
        const { cluster } = placed;
        return reply(200, {
          cost: costOfSeat(spec, cluster),
          ...(cluster === null ? {} : { cluster: { id: cluster.id, name: cluster.name } }),
          misfits:
            placed.cluster === null
              ? placed.misfits.map((each) => ({ cluster: each.cluster, missing: [...each.missing] }))
              : [],
        });
      }),

      on(routes.workspaces.list, async ({ query }, principal) => {
        const team = query.team ?? principal.personalTeam;
        authorize(await store.people.role(team, principal.id), 'workspace.read', `team "${team}"`);
        const { items, nextCursor } = await store.workspaces.page({
          team,
          limit: query.limit,
          cursor: query.cursor,
          matches: ({ phase, cluster, spec }) =>
            (query.phase === undefined || phase === query.phase) &&
            (query.cluster === undefined || cluster === query.cluster) &&
            (query.group === undefined || spec.group === query.group) &&
            (query.owner === undefined || spec.owner === query.owner),
        });
        const clusters = await store.workspaces.clustersOf(items);
        return reply(200, {
          items: items.map((each) => toWorkspace(each, clusters.get(each.cluster) ?? NOWHERE, now())),
          ...(nextCursor === undefined ? {} : { nextCursor }),
        });
      }),

      on(routes.workspaces.get, async (request, principal) => {
        const { workspace } = await locateSeat(store, principal, request, 'workspace.read');
        return reply(200, await viewed(workspace), resource(workspace));
      }),

      on(routes.workspaces.change, (request, principal) => {
        const { labels, secrets: names, ...rest } = request.body;
        /** By other names, and as the template of its creation said. */
        const rechosen = async ({ team, spec, secretChoice: before = NO_CHOICE }: WorkspaceState) => {
          if (names === undefined) return {};
          const secretChoice = { ...before, names: names ?? undefined, personal: true };
          return { secretChoice, secrets: await secretsOf(store, { team, owner: spec.owner }, secretChoice, true) };
        };
        return change(
          request,
          principal,
          async (workspace) => {
            ownersAlone(principal, workspace, request.body);
            const { secretChoice, ...secrets } = await rechosen(workspace);
            return {
              type: 'change',
              actor: actorOf(principal),
              change: { ...rest, ...secrets },
              labels,
              secretChoice,
              capacity: await capacityAt(store, workspace.cluster),
              limits,
            };
          },
          async (decision) =>
            request.commit(decision, reply(200, await viewed(decision.next), resource(decision.next))),
        );
      }),

      on(routes.workspaces.start, (request, principal) =>
        change(
          request,
          principal,
          async ({ cluster }) => ({
            type: 'start',
            actor: actorOf(principal),
            capacity: await capacityAt(store, cluster),
            limits,
            timings,
          }),
          async (decision) => request.commit(decision, await accepted(decision)),
        ),
      ),

      on(routes.workspaces.stop, (request, principal) =>
        change(
          request,
          principal,
          () => ({ type: 'stop', actor: actorOf(principal), limits, timings }),
          async (decision) => request.commit(decision, await accepted(decision)),
        ),
      ),

      on(routes.workspaces.restart, (request, principal) =>
        change(
          request,
          principal,
          () => ({ type: 'restart', actor: actorOf(principal), timings }),
          async (decision) => request.commit(decision, await accepted(decision)),
        ),
      ),

      on(routes.workspaces.delete, (request, principal) =>
        change(
          request,
          principal,
          async ({ cluster }) =>
            // Nobody is left to ask: what was there went with its cluster.
            (await store.clusters.cluster(cluster))?.phase === 'Deleted'
              ? { type: 'lost', limits }
              : { type: 'delete', actor: actorOf(principal), volumes: request.query.volumes, timings },
          async (decision) => request.commit(decision, await accepted(decision)),
        ),
      ),

      on(routes.workspaces.forget, (request, principal) =>
        change(
          request,
          principal,
          async ({ cluster }) => ({
            type: 'forget',
            actor: actorOf(principal),
            connected: await isConnected(cluster),
            limits,
          }),
          async (decision) =>
            request.commit(decision, reply(200, await viewed(decision.next), resource(decision.next))),
        ),
      ),
    ],
  };
};
