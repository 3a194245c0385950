/** Templates: those built in and those of a team, listed, released, withdrawn, and shown as the objects that they make (DESIGN §1). */
import { AppError } from '#core/contract/errors.ts';
import { routes } from '#core/contract/routes.ts';
import type { DesiredSeat } from '#core/contract/seat.ts';
import type { Template } from '#core/contract/template.ts';
import { type Action, authorize, type Principal } from '#core/domain/access.ts';
import { teamNamespace } from '#core/domain/seat/names.ts';
import { BUILT_IN_PROFILES } from '#core/domain/seat/profile.ts';
import { renderSeat } from '#core/domain/seat/render.ts';
import { releaseTemplate, withdrawTemplate } from '#core/domain/template-change.ts';
import { toTemplate } from '#core/domain/template-state.ts';
import { BUILTIN, resolveTemplate } from '#core/domain/templates.ts';
import { untilFresh } from '#core/store/commit.ts';
import type { Deps } from '../../lib/deps.ts';
import type { HttpDeps } from '../../lib/http/call.ts';
import { type App, on, reply } from '../../lib/http.ts';
import { secretsOf } from '../../lib/seats.ts';
import { findTemplate } from '../../lib/templates.ts';
import { actorOf } from './locate.ts';

export interface TemplatesDeps extends HttpDeps {
  readonly store: Deps['store'];
}

/** Stands where a real one's id would: 26 characters, as ids have. */
const PREVIEW = 'wsp_00000000000000000000000000';

export const app = (deps: TemplatesDeps): App => {
  const { store, now } = deps;

  const teamFor = async (principal: Principal, asked: string | undefined, action: Action): Promise<string> => {
    const team = asked ?? principal.personalTeam;
    authorize(await store.people.role(team, principal.id), action, `team "${team}"`);
    return team;
  };

  /** The template of this name: a built-in one, else the team's. */
  const found = async (team: string, name: string, version: string | undefined): Promise<Template> => {
    const template = await findTemplate(store, team, { name, version });
    if (template === null)
      throw new AppError('not_found', {
        detail: `there is no template "${name}"${version === undefined ? '' : ` with version ${version}`} that you may see`,
      });
    return template;
  };

  return {
    deps,
    served: [
      on(routes.templates.list, async ({ query }, principal) => {
        const team = await teamFor(principal, query.team, 'template.read');
        const { items, nextCursor } = await store.templates.page({ team, limit: query.limit, cursor: query.cursor });
        // Those built in come with the first page, over and above its limit: there are few.
        const builtin = query.cursor === undefined ? [...BUILTIN.values()] : [];
        return reply(200, {
          items: [...builtin, ...items.map(toTemplate)],
          ...(nextCursor === undefined ? {} : { nextCursor }),
        });
      }),

      on(routes.templates.create, async (request, principal) => {
        const team = await teamFor(principal, request.body.team, 'template.write');
        return untilFresh(async () => {
          const before = await store.templates.get(team, request.body.name);
          const decision = releaseTemplate(before, request.body, { team, actor: actorOf(principal) }, now());
          return request.commit(decision, reply(201, toTemplate(decision.next)));
        });
      }),

      on(routes.templates.get, async ({ params, query }, principal) => {
        const team = await teamFor(principal, query.team, 'template.read');
        return reply(200, await found(team, params.name, query.version));
      }),

      on(routes.templates.delete, async (request, principal) => {
        const { name } = request.params;
        const team = await teamFor(principal, request.query.team, 'template.write');
        if (BUILTIN.has(name)) throw new AppError('template.name_builtin', { detail: `"${name}" is built in` });
        return untilFresh(async () => {
          const before = await store.templates.get(team, name);
          if (before === null || before.deletedAt !== undefined)
            throw new AppError('not_found', { detail: `the team has no template "${name}"` });
          const decision = withdrawTemplate(before, { team, actor: actorOf(principal) }, now());
          return request.commit(decision, reply(204));
        });
      }),

      on(routes.templates.render, async ({ params, query, body }, principal) => {
        const team = await teamFor(principal, query.team, 'template.read');
        const template = await found(team, params.name, query.version);
        const { environment } = template;
        const spec = resolveTemplate(template, { parameters: body.parameters, volumes: {}, git: {} });
        const seat: DesiredSeat = {
          id: PREVIEW,
          name: 'preview',
          team,
          spec: {
            ...spec,
            origin: 'ControlPlane',
            id: PREVIEW,
            revision: 1,
            owner: principal.id,
            runState: 'Running',
            restarts: 0,
            secrets: await secretsOf(store, { team, owner: principal.id }, { environment, personal: true }, false),
          },
        };
        const named = Object.hasOwn(BUILT_IN_PROFILES, spec.profile);
        const profile = BUILT_IN_PROFILES[named ? spec.profile : 'default'];
        if (profile === undefined) throw new Error('there is no default profile');
        const context = { namespace: teamNamespace(team), profile, deploymentId: 'preview' };
        const { claims, ...objects } = renderSeat(seat, context);
        return reply(200, {
          objects: [...claims, ...Object.values(objects)],
          ...(named
            ? {}
            : {
                note: `the profile "${spec.profile}" is made by the admins of clusters: node selectors, tolerations, GPUs and runtime classes that it adds there are not shown`,
              }),
        });
      }),
    ],
  };
};
