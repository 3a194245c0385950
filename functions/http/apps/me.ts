/** Who one is, and the ticket that opens a socket. */
import { AppError } from '#core/contract/errors.ts';
import { routes } from '#core/contract/routes.ts';
import { toAccount } from '#core/domain/account.ts';
import { plus } from '#core/domain/clock.ts';
import { nothing } from '#core/domain/decision.ts';
import { TICKET_SECONDS } from '#core/store/people.ts';
import type { Deps } from '../../lib/deps.ts';
import type { HttpDeps } from '../../lib/http/call.ts';
import { type App, on, reply } from '../../lib/http.ts';

export interface MeDeps extends HttpDeps, Pick<Deps, 'store' | 'newSecret'> {
  readonly store: Deps['store'];
  readonly socketUrl: string;
}

export const app = (deps: MeDeps): App => ({
  deps,
  served: [
    on(routes.me.me, async (_, principal) => {
      const [account, teams] = await Promise.all([
        deps.store.people.account(principal.id),
        deps.store.people.teams(principal.id),
      ]);
      if (account === null) throw new AppError('auth.invalid_token');
      return reply(200, {
        account: toAccount(account),
        teams: teams.map(({ team, role }) => ({ id: team.id, name: team.name, kind: team.kind, role })),
      });
    }),

    on(routes.me.socketTicket, async (request, principal) => {
      const now = deps.now();
      const ticket = `rst_${deps.newSecret()}`;
      const step = deps.store.people.ticketStep(
        ticket,
        { account: principal.id, personalTeam: principal.personalTeam, session: principal.session },
        now,
      );
      const body = { ticket, url: deps.socketUrl, expiresAt: plus(now, TICKET_SECONDS) };
      return request.commit(nothing, reply(201, body), [step]);
    }),
  ],
});
