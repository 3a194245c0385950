/** Middleware `principal`: who asks. The token is checked offline; whether account and session still stand is one consistent read (DESIGN §4 HTTP). */
import { AppError } from '#core/contract/errors.ts';
import type { Route } from '#core/contract/route.ts';
import { callOf, type HttpDeps, headerOf, type Middleware } from './call.ts';

export const principal = ({ store, verify }: Pick<HttpDeps, 'store' | 'verify'>, route: Route): Middleware => ({
  before: async ({ event, context }) => {
    if (route.auth === 'public') return;
    if (store === undefined || verify === undefined)
      throw new Error(`${route.id} asks for a principal and has no store`);
    const header = headerOf(event, 'authorization');
    if (header === undefined) throw new AppError('auth.required');
    const token = /^Bearer +([^\s]+)$/i.exec(header)?.[1];
    if (token === undefined)
      throw new AppError('auth.invalid_token', { detail: 'Authorization must be "Bearer <access token>"' });

    const { account: id, session } = await verify(token);
    const { account, signedOut } = await store.people.session(id, session);
    if (account === null || account.state !== 'Active' || signedOut)
      throw new AppError('auth.invalid_token', {
        detail: signedOut ? 'the session has ended' : 'the account is not active',
      });
    callOf(context).principal = {
      kind: 'account',
      id: account.id,
      email: account.email,
      personalTeam: account.personalTeam,
      session,
    };
  },
});
