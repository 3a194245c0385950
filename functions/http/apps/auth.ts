/** Signing up, in and out. Addresses are looked up in the table; the pool knows people by their account's id. */
import { AppError } from '#core/contract/errors.ts';
import { routes } from '#core/contract/routes.ts';
import { registrationRefusal, toAccount } from '#core/domain/account.ts';
import { epochSeconds } from '#core/domain/clock.ts';
import type { HttpDeps } from '../../lib/http/call.ts';
import { type App, on, reply } from '../../lib/http.ts';
import { activate, invite, type RegistrationDeps, registerOpen } from '../../lib/registration.ts';

export interface AuthDeps extends HttpDeps, RegistrationDeps {
  readonly store: RegistrationDeps['store'];
  /** `closed`, `open` or `domains:a,b`. */
  readonly registration: string;
}

/** Attempts for one address, and in how many seconds. */
const ATTEMPTS = { count: 10, windowSeconds: 60 } as const;

/** Nobody has it: unknown addresses take the same way through the pool as known ones. */
const NOBODY = 'acc_00000000000000000000000000';

/** Counts the attempt; throws `auth.rate_limited` when there were too many. */
const limit = async ({ store, now }: AuthDeps, what: string, email: string): Promise<void> => {
  const at = now();
  const attempts = await store.people.count(`${what}:${email}`, ATTEMPTS.windowSeconds, at);
  if (attempts <= ATTEMPTS.count) return;
  throw new AppError('auth.rate_limited', {
    detail: `${ATTEMPTS.count} attempts a minute are allowed`,
    retryAfterSeconds: ATTEMPTS.windowSeconds - (epochSeconds(at) % ATTEMPTS.windowSeconds),
  });
};

const field = (path: string, message: string): AppError =>
  new AppError('request.invalid', { detail: 'one field of the body cannot be taken', errors: [{ path, message }] });

export const app = (deps: AuthDeps): App => {
  const { store, identity, registration } = deps;
  const accountOf = async (email: string) => store.people.byEmail(email);

  return {
    deps,
    served: [
      on(routes.auth.register, async ({ body: { email, password } }) => {
        await limit(deps, 'register', email);
        const refused = registrationRefusal(registration, email);
        if (refused !== null) throw new AppError(refused);
        if (registration === 'open') {
          if (password === undefined) throw field('password', 'registration is open here: choose a password');
          return reply(201, toAccount(await registerOpen(deps, email, password)));
        }
        if (password !== undefined)
          throw field('password', 'leave it out: a code is mailed, and the password is chosen with it');
        await invite(deps, email, '');
        return reply(202, { email, next: 'POST /api/v1/auth/confirm with the mailed code and a password' });
      }),

      on(routes.auth.confirm, async ({ body: { email, code, password } }) => {
        await limit(deps, 'confirm', email);
        const account = await accountOf(email);
        const tokens = await identity.confirm(account?.id ?? NOBODY, code, password);
        if (account !== null) await activate(deps, account);
        return reply(200, tokens);
      }),

      on(routes.auth.token, async ({ body: { email, password } }) => {
        await limit(deps, 'token', email);
        const account = await accountOf(email);
        const tokens = await identity.signIn(account?.id ?? NOBODY, password);
        // A confirmation may have ended between the pool and the table.
        if (account !== null) await activate(deps, account);
        return reply(200, tokens);
      }),

      on(routes.auth.refresh, async ({ body }) => reply(200, await identity.refresh(body.refresh_token))),

      on(routes.auth.logout, async ({ body }, principal) => {
        // Which refresh token is this session's the pool does not tell: without it, none is left to live on for 30 days.
        if (body.refresh_token === undefined) {
          await identity.revokeAll(principal.id);
          await store.people.signOutAll(principal.id, deps.now());
        } else await identity.revoke(body.refresh_token);
        if (principal.session !== undefined) await store.people.signOut(principal.id, principal.session, deps.now());
        return reply(204);
      }),

      on(routes.auth.forgot, async ({ body: { email } }) => {
        await limit(deps, 'forgot', email);
        await identity.forgot((await accountOf(email))?.id ?? NOBODY);
        return reply(202, { email, next: 'POST /api/v1/auth/reset with the mailed code and a new password' });
      }),

      on(routes.auth.reset, async ({ body: { email, code, password } }) => {
        await limit(deps, 'reset', email);
        const account = await accountOf(email);
        await identity.reset(account?.id ?? NOBODY, code, password);
        // Whoever knew the old password may be signed in still.
        if (account !== null) {
          await identity.revokeAll(account.id);
          await store.people.signOutAll(account.id, deps.now());
        }
        return reply(204);
      }),
    ],
  };
};
