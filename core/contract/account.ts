/** People: accounts, their teams, and the routes that sign them in (DESIGN §4 identity). */
import * as z from 'zod';
import { AccountId, Email, Instant, Password, TeamId } from './names.ts';
import { route } from './route.ts';

export const Role = z.enum(['viewer', 'member', 'admin', 'owner']).meta({ id: 'Role' });
export type Role = z.infer<typeof Role>;

export const Account = z
  .strictObject({
    id: AccountId,
    email: z.string(),
    state: z.enum(['Invited', 'Active']),
    personalTeam: TeamId,
    createdAt: Instant,
  })
  .meta({ id: 'Account' });

export const Me = z
  .strictObject({
    account: Account,
    teams: z.array(z.strictObject({ id: TeamId, name: z.string(), kind: z.enum(['personal', 'shared']), role: Role })),
  })
  .meta({ id: 'Me' });

/** OAuth2's own field names, so that a password-grant client works unchanged. */
export const TokenReply = z
  .strictObject({
    access_token: z.string(),
    token_type: z.literal('Bearer'),
    expires_in: z.int().describe('seconds'),
    refresh_token: z.string().optional(),
  })
  .meta({ id: 'TokenReply' });
export type TokenReply = z.infer<typeof TokenReply>;

const Code = z.string().min(1).max(128);

export const authRoutes = {
  register: route({
    id: 'auth.register',
    method: 'POST',
    path: '/api/v1/auth/register',
    auth: 'public',
    summary:
      'Make an account; where registration is open a password is given and it can sign in at once, else a code is mailed',
    body: z.strictObject({ email: Email, password: Password.optional() }),
    reply: { 201: Account, 202: z.strictObject({ email: z.string(), next: z.string() }) },
    errors: [
      'auth.registration_closed',
      'auth.domain_not_allowed',
      'auth.email_taken',
      'auth.password_policy',
      'auth.rate_limited',
    ],
  }),
  confirm: route({
    id: 'auth.confirm',
    method: 'POST',
    path: '/api/v1/auth/confirm',
    auth: 'public',
    summary: 'Answer the mailed code with a password of your own; signs in',
    body: z.strictObject({ email: Email, code: Code, password: Password }),
    reply: { 200: TokenReply },
    errors: ['auth.code_invalid', 'auth.password_policy', 'auth.rate_limited'],
  }),
  token: route({
    id: 'auth.token',
    method: 'POST',
    path: '/api/v1/auth/token',
    auth: 'public',
    summary: 'Sign in with email and password; JSON, or the form of the OAuth2 password grant',
    form: true,
    body: z.union([
      z.strictObject({ email: Email, password: z.string().min(1).max(256) }),
      z
        .strictObject({
          grant_type: z.literal('password').optional(),
          username: Email,
          password: z.string().min(1).max(256),
          scope: z.string().optional(),
          client_id: z.string().optional(),
          client_secret: z.string().optional(),
        })
        .transform(({ username, password }) => ({ email: username, password })),
    ]),
    reply: { 200: TokenReply },
    errors: ['auth.invalid_credentials', 'auth.not_confirmed', 'auth.rate_limited'],
  }),
  refresh: route({
    id: 'auth.refresh',
    method: 'POST',
    path: '/api/v1/auth/refresh',
    auth: 'public',
    summary: 'A new access token for a refresh token',
    form: true,
    body: z.strictObject({
      refresh_token: z.string().min(1).max(8192),
      grant_type: z.literal('refresh_token').optional(),
    }),
    reply: { 200: TokenReply },
    errors: ['auth.invalid_token'],
  }),
  logout: route({
    id: 'auth.logout',
    method: 'POST',
    path: '/api/v1/auth/logout',
    auth: 'account',
    summary:
      'End this session: its refresh token and every access token made with it; without the refresh token, the refresh tokens of all sessions of the person',
    body: z.strictObject({ refresh_token: z.string().min(1).max(8192).optional() }),
    reply: { 204: null },
  }),
  forgot: route({
    id: 'auth.forgot',
    method: 'POST',
    path: '/api/v1/auth/forgot',
    auth: 'public',
    summary: 'Mail a code to set a new password; the answer is the same whether the account exists or not',
    body: z.strictObject({ email: Email }),
    reply: { 202: z.strictObject({ email: z.string(), next: z.string() }) },
    errors: ['auth.rate_limited'],
  }),
  reset: route({
    id: 'auth.reset',
    method: 'POST',
    path: '/api/v1/auth/reset',
    auth: 'public',
    summary: 'Set a new password with the mailed code',
    body: z.strictObject({ email: Email, code: Code, password: Password }),
    reply: { 204: null },
    errors: ['auth.code_invalid', 'auth.password_policy', 'auth.rate_limited'],
  }),
};

export const meRoutes = {
  me: route({
    id: 'me.get',
    method: 'GET',
    path: '/api/v1/me',
    auth: 'account',
    summary: 'Who you are and your teams',
    reply: { 200: Me },
  }),
  socketTicket: route({
    id: 'me.socketTicket',
    method: 'POST',
    path: '/api/v1/socket-tickets',
    auth: 'account',
    summary: 'A single-use ticket that opens one WebSocket within 60 s',
    reply: {
      201: z.strictObject({
        ticket: z.string(),
        url: z.string().describe('connect to url + "?ticket=" + ticket'),
        expiresAt: Instant,
      }),
    },
    secret: true,
  }),
};
