/** Secrets of a person or a team: kept sealed, listed by name, never answered (seed-systems §4.3 H4). */
import { AppError } from '#core/contract/errors.ts';
import { routes } from '#core/contract/routes.ts';
import { type Action, authorize, type Principal } from '#core/domain/access.ts';
import {
  forgetSecret,
  isForgotten,
  keepSecret,
  nextNumber,
  SECRET_LIMIT,
  toStoredSecret,
} from '#core/domain/secret-change.ts';
import { untilFresh } from '#core/store/commit.ts';
import type { Deps } from '../../lib/deps.ts';
import type { HttpDeps } from '../../lib/http/call.ts';
import { type App, on, reply } from '../../lib/http.ts';
import { type Sealing, secretContext } from '../../lib/sealing.ts';
import { actorOf } from './locate.ts';

export interface SecretsDeps extends HttpDeps {
  readonly store: Deps['store'];
  readonly sealing: Sealing;
}

interface Where {
  readonly scope: 'account' | 'team';
  readonly team?: string | undefined;
}

export const app = (deps: SecretsDeps): App => {
  const { store, sealing, now } = deps;

  /** Whose secrets are meant, if the person may: their own always, a team's by role. */
  const holderOf = async (principal: Principal, { scope, team }: Where, action: Action) => {
    const by = { team: team ?? principal.personalTeam, actor: actorOf(principal) };
    if (scope === 'account') return { holder: principal.id, by: { ...by, team: principal.personalTeam } };
    authorize(await store.people.role(by.team, principal.id), action, `team "${by.team}"`);
    return { holder: by.team, by };
  };

  return {
    deps,
    served: [
      on(routes.secrets.put, async (request, principal) => {
        const { name, value } = request.body;
        const { holder, by } = await holderOf(principal, request.body, 'secret.write');
        return untilFresh(async () => {
          const before = await store.secrets.get(holder, name);
          if (before === null) {
            const held = await store.secrets.list(holder);
            if (held.filter((each) => !isForgotten(each)).length >= SECRET_LIMIT)
              throw new AppError('quota.secrets', { detail: `at most ${SECRET_LIMIT} may be kept` });
          }
          const sealed = await sealing.seal(value, secretContext(holder, name, nextNumber(before)));
          const decision = keepSecret(before, { holder, name, sealed }, by, now());
          return request.commit(decision, reply(200, toStoredSecret(decision.next)));
        });
      }),

      on(routes.secrets.list, async ({ query }, principal) => {
        const { holder } = await holderOf(principal, query, 'secret.read');
        const held = await store.secrets.list(holder);
        return reply(200, { items: held.filter((each) => !isForgotten(each)).map(toStoredSecret) });
      }),

      on(routes.secrets.delete, async (request, principal) => {
        const { holder, by } = await holderOf(principal, request.query, 'secret.write');
        return untilFresh(async () => {
          const before = await store.secrets.get(holder, request.params.name);
          if (before === null || isForgotten(before))
            throw new AppError('not_found', { detail: `there is no secret ${request.params.name}` });
          return request.commit(forgetSecret(before, by, now()), reply(204));
        });
      }),
    ],
  };
};
