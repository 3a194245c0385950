/** Middleware `principal`: who asks. The token is checked offline; whether account and session still stand is one consistent read (DESIGN §4 HTTP), which brings the cluster along that the path names by its id. */

import { TOKEN_HEADER } from '#core/contract/agent.ts';
import { AppError } from '#core/contract/errors.ts';
import { ClusterId } from '#core/contract/names.ts';
import type { Route } from '#core/contract/route.ts';
import type { AgentPrincipal } from '#core/domain/access.ts';
import { endedWithAll } from '#core/domain/account.ts';
import { tokenStateOf } from '#core/domain/token.ts';
import { sha256 } from '#core/store/keys.ts';
import { callOf, type HttpDeps, headerOf, type Middleware } from './call.ts';

export const principal = (deps: Pick<HttpDeps, 'store' | 'verify' | 'now'>, route: Route): Middleware => ({
  before: async ({ event, context }) => {
    if (route.auth === 'public') return;
    if (route.auth !== 'account') {
      callOf(context).principal = await agentOf(deps, route, headerOf(event, TOKEN_HEADER.toLowerCase()));
      return;
    }
    const { store, verify } = deps;
    if (store === undefined || verify === undefined)
      throw new Error(`${route.id} asks for a principal and has no store`);
    const header = headerOf(event, 'authorization');
    if (header === undefined) throw new AppError('auth.required');
    const token = /^Bearer +([^\s]+)$/i.exec(header)?.[1];
    if (token === undefined)
      throw new AppError('auth.invalid_token', { detail: 'Authorization must be "Bearer <access token>"' });

    const { account: id, session, began } = await verify(token);
    const cluster = ClusterId.safeParse(event.pathParameters?.clusterRef).data;
    const { account, signedOut, named } = await store.people.session(id, session, cluster);
    if (account === null || account.state !== 'Active')
      throw new AppError('auth.invalid_token', { detail: 'the account is not active' });
    if (signedOut || endedWithAll(account, began))
      throw new AppError('auth.invalid_token', { detail: 'the session has ended' });
    const call = callOf(context);
    call.principal = {
      kind: 'account',
      id: account.id,
      email: account.email,
      personalTeam: account.personalTeam,
      session,
    };
    call.named = named;
  },
});

/** The same 401 for unknown, used, expired, revoked, and a token of the other kind (seed-systems §4.0 H1.4). */
const agentOf = async (
  { store, now }: Pick<HttpDeps, 'store' | 'now'>,
  route: Route,
  presented: string | undefined,
): Promise<AgentPrincipal> => {
  if (store === undefined) throw new Error(`${route.id} asks for an agent and has no store`);
  if (presented === undefined)
    throw new AppError('auth.required', { detail: `send the cluster's token in the header ${TOKEN_HEADER}` });
  const token = await store.tokens.byHash(sha256(presented));
  const kind = route.auth === 'install' ? 'install' : 'agent';
  if (token === null || token.kind !== kind || tokenStateOf(token, now()) !== 'Active')
    throw new AppError('auth.invalid_token');
  const { cluster, team } = token;
  return { kind: 'agent', id: cluster, cluster, team, tokenKind: token.kind, presented };
};
