import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { verifier } from '#functions/lib/http/verify.ts';
import { createIdentity } from '#functions/lib/identity.ts';
import { invite } from '#functions/lib/registration.ts';
import { identityBench } from '#test/local/identity/workbench.ts';
import { type Answered, type Api, createApi } from './http-api.ts';
import { startTable, type TestTable } from './table.ts';

const PASSWORD = 'correct-Horse7battery';
const OTHER = 'another-Horse7battery';

let table: TestTable;
let bench: Awaited<ReturnType<typeof identityBench>>;
let identity: ReturnType<typeof createIdentity>;

beforeAll(async () => {
  table = await startTable();
  bench = await identityBench();
  identity = createIdentity({ pool: bench.UserPoolId, clientId: bench.ClientId }, bench.cognito);
});
afterAll(async () => {
  await bench[Symbol.asyncDispose]();
  await table.stop();
});
beforeEach(() => {
  bench.mails.length = 0;
});

let people = 0;
const freshEmail = (domain = 'example.com') => `p${++people}@${domain}`;
const apiIn = async (registration: string): Promise<Api> =>
  createApi({ client: table.client, name: await table.another() }, { identity, registration });
const post = (api: Api, path: string, body: object, headers = {}): Promise<Answered> =>
  api.call('POST', `/api/v1/auth/${path}`, { body, headers });
const codeFor = (email: string): string => bench.mails.findLast((mail) => mail.to === email)?.code as string;
const code = ({ status, body }: Answered) => [status, body?.code];

describe('registration that is open', () => {
  it('makes an account that signs in at once, with JSON and with the form of an OAuth2 client', async () => {
    const api = await apiIn('open');
    const email = freshEmail();
    const made = await post(api, 'register', { email: ` ${email.toUpperCase()} `, password: PASSWORD });
    expect(made).toMatchObject({ status: 201, body: { email, state: 'Active' } });
    expect(await post(api, 'token', { email, password: PASSWORD })).toMatchObject({
      status: 200,
      body: { token_type: 'Bearer', expires_in: 900, refresh_token: expect.any(String) },
    });
    const form = new URLSearchParams({ grant_type: 'password', username: email, password: PASSWORD });
    const headers = { 'content-type': 'application/x-www-form-urlencoded' };
    const raw = Buffer.from(form.toString()).toString('base64');
    expect((await api.call('POST', '/api/v1/auth/token', { raw, isBase64Encoded: true, headers })).status).toBe(200);
  });

  it('gives tokens that name the account, its session and nobody else’s pool', async () => {
    const api = await apiIn('open');
    const email = freshEmail();
    const { body: account } = await post(api, 'register', { email, password: PASSWORD });
    const { body } = await post(api, 'token', { email, password: PASSWORD });
    const of = {
      ISSUER: bench.issuer,
      JWKS_URI: `${bench.issuer}/.well-known/jwks.json`,
      USER_POOL_CLIENT_ID: bench.ClientId,
    };
    const verify = verifier(of);
    expect(await verify(body.access_token)).toEqual({
      account: account.id,
      session: expect.any(String),
      began: expect.any(Number),
    });
    for (const [bad, against] of [
      [`${body.access_token.slice(0, -4)}AAAA`, of],
      ['nonsense', of],
      [body.refresh_token, of],
      [body.access_token, { ...of, USER_POOL_CLIENT_ID: 'another' }],
      [body.access_token, { ...of, ISSUER: 'https://issuer.example' }],
    ] as const)
      await expect(verifier(against)(bad)).rejects.toMatchObject({ code: 'auth.invalid_token' });
  });

  it('refuses a second account of an address, and no password, and a weak one', async () => {
    const api = await apiIn('open');
    const email = freshEmail();
    await post(api, 'register', { email, password: PASSWORD });
    expect(code(await post(api, 'register', { email, password: OTHER }))).toEqual([409, 'auth.email_taken']);
    expect(await post(api, 'register', { email: freshEmail() })).toMatchObject({
      status: 400,
      body: { errors: [{ path: 'password' }] },
    });
    const weak = freshEmail();
    expect(code(await post(api, 'register', { email: weak, password: 'aaaaaaaaaaaa' }))).toEqual([
      400,
      'auth.password_policy',
    ]);
    expect((await post(api, 'register', { email: weak, password: PASSWORD })).status).toBe(201);
  });

  it('makes one account when two requests come at once', async () => {
    const api = await apiIn('open');
    const email = freshEmail();
    const answers = await Promise.all([1, 2].map(() => post(api, 'register', { email, password: PASSWORD })));
    const ids = answers.filter((each) => each.status === 201).map((each) => each.body.id);
    expect(ids.length).toBeGreaterThan(0);
    expect(new Set(ids).size).toBe(1);
  });

  it.each(['create', 'activate'] as const)('is put right by a repeat after a crash at %s', async (at) => {
    const name = await table.another();
    const email = freshEmail();
    const crashing = await createApi(
      { client: table.client, name },
      {
        registration: 'open',
        identity: {
          ...identity,
          create: async (...given) => {
            if (at === 'activate') await identity.create(...given);
            throw new Error('crash');
          },
        },
      },
    );
    expect((await post(crashing, 'register', { email, password: PASSWORD })).status).toBe(500);
    const api = await createApi({ client: table.client, name }, { identity, registration: 'open' });
    expect((await post(api, 'register', { email, password: PASSWORD })).status).toBe(201);
    expect((await post(api, 'token', { email, password: PASSWORD })).status).toBe(200);
  });
});

describe('registration by domains', () => {
  it('mails a code that is traded for a password of one’s own, once', async () => {
    const api = await apiIn('domains:example.com,example.org');
    const email = freshEmail('example.org');
    const asked = await post(api, 'register', { email });
    expect(asked).toMatchObject({ status: 202, body: { email } });
    expect(bench.mails).toMatchObject([{ kind: 'invitation', to: email }]);
    const temporary = codeFor(email);
    expect(code(await post(api, 'token', { email, password: temporary }))).toEqual([403, 'auth.not_confirmed']);
    expect(code(await post(api, 'confirm', { email, code: 'wrong', password: PASSWORD }))).toEqual([
      400,
      'auth.code_invalid',
    ]);
    expect(code(await post(api, 'confirm', { email, code: temporary, password: 'aaaaaaaaaaaa' }))).toEqual([
      400,
      'auth.password_policy',
    ]);
    expect((await post(api, 'confirm', { email, code: temporary, password: PASSWORD })).status).toBe(200);
    expect(code(await post(api, 'confirm', { email, code: temporary, password: OTHER }))).toEqual([
      400,
      'auth.code_invalid',
    ]);
    // One’s own password is no code either.
    expect(code(await post(api, 'confirm', { email, code: PASSWORD, password: OTHER }))).toEqual([
      400,
      'auth.code_invalid',
    ]);
    expect((await api.store.people.byEmail(email))?.state).toBe('Active');
  });

  it('answers a known address as an unknown one, and mails a new code only to who has no password yet', async () => {
    const api = await apiIn('domains:example.com');
    const email = freshEmail();
    const first = await post(api, 'register', { email });
    const again = await post(api, 'register', { email });
    expect(bench.mails.map((mail) => mail.to)).toEqual([email, email]);
    await post(api, 'confirm', { email, code: codeFor(email), password: PASSWORD });
    const active = await post(api, 'register', { email });
    expect([first.status, again.status, active.status]).toEqual([202, 202, 202]);
    expect([again.body, active.body]).toEqual([first.body, first.body]);
    expect(bench.mails).toHaveLength(2);
    expect((await post(api, 'token', { email, password: PASSWORD })).status).toBe(200);
  });

  it('is refused for other domains, and takes no password', async () => {
    const api = await apiIn('domains:example.com');
    for (const email of ['a@example.net', 'a@sub.example.com', 'a@notexample.com'])
      expect(code(await post(api, 'register', { email }))).toEqual([403, 'auth.domain_not_allowed']);
    expect((await post(api, 'register', { email: freshEmail(), password: PASSWORD })).status).toBe(400);
  });

  it('lets somebody in whose confirmation ended between the pool and the table', async () => {
    const api = await apiIn('domains:example.com');
    const email = freshEmail();
    await post(api, 'register', { email });
    const account = await api.store.people.byEmail(email);
    await identity.confirm(account!.id, codeFor(email), PASSWORD);
    expect((await api.store.people.byEmail(email))?.state).toBe('Invited');
    expect((await post(api, 'token', { email, password: PASSWORD })).status).toBe(200);
    expect((await api.store.people.byEmail(email))?.state).toBe('Active');
  });
});

describe('registration that is closed', () => {
  it('is refused, but who was invited confirms as anybody', async () => {
    const api = await apiIn('closed');
    const email = freshEmail();
    expect(code(await post(api, 'register', { email }))).toEqual([403, 'auth.registration_closed']);
    expect(await api.store.people.byEmail(email)).toBeNull();
    const account = await invite({ ...api, identity }, email, 'account:admin');
    expect(await invite({ ...api, identity }, email, 'account:admin')).toEqual(account);
    expect((await post(api, 'confirm', { email, code: codeFor(email), password: PASSWORD })).status).toBe(200);
    bench.mails.length = 0;
    expect(await invite({ ...api, identity }, email, 'account:admin')).toMatchObject({ state: 'Active' });
    expect(bench.mails).toEqual([]);
  });
});

describe('signing in and out', () => {
  it('answers a wrong password and an unknown address alike', async () => {
    const api = await apiIn('open');
    const email = freshEmail();
    await post(api, 'register', { email, password: PASSWORD });
    const wrong = await post(api, 'token', { email, password: OTHER });
    const unknown = await post(api, 'token', { email: freshEmail(), password: OTHER });
    expect(code(wrong)).toEqual([401, 'auth.invalid_credentials']);
    expect({ ...unknown.body, correlationId: '' }).toEqual({ ...wrong.body, correlationId: '' });
  });

  it('refreshes until it is signed out, which also ends a refresh token that is not its own kindly', async () => {
    const api = await apiIn('open');
    const email = freshEmail();
    const { body: account } = await post(api, 'register', { email, password: PASSWORD });
    const { body } = await post(api, 'token', { email, password: PASSWORD });
    const refresh_token = body.refresh_token;
    expect(await post(api, 'refresh', { refresh_token })).toMatchObject({ status: 200, body: { expires_in: 900 } });
    const token = `${account.id}|a-session`;
    const logout = (given: object) => api.call('POST', '/api/v1/auth/logout', { token, body: given });
    expect((await logout({ refresh_token })).status).toBe(204);
    expect(code(await post(api, 'refresh', { refresh_token }))).toEqual([401, 'auth.invalid_token']);
    expect(code(await post(api, 'refresh', { refresh_token: 'nonsense' }))).toEqual([401, 'auth.invalid_token']);
    expect(code(await logout({}))).toEqual([401, 'auth.invalid_token']);
    const another = await api.call('POST', '/api/v1/auth/logout', {
      token: `${account.id}|b-session`,
      body: { refresh_token: 'nonsense' },
    });
    expect(another.status).toBe(204);
  });

  it('ends the refresh tokens of all sessions when a logout does not say which is its own', async () => {
    const api = await apiIn('open');
    const email = freshEmail();
    const { body: account } = await post(api, 'register', { email, password: PASSWORD });
    const here = (await post(api, 'token', { email, password: PASSWORD })).body;
    const there = (await post(api, 'token', { email, password: PASSWORD })).body;
    const token = `${account.id}|a-session`;
    expect((await api.call('POST', '/api/v1/auth/logout', { token, body: {} })).status).toBe(204);
    for (const { refresh_token } of [here, there])
      expect(code(await post(api, 'refresh', { refresh_token }))).toEqual([401, 'auth.invalid_token']);
    expect((await post(api, 'token', { email, password: PASSWORD })).status).toBe(200);
  });

  it('ends the access tokens of all sessions too then, but not of those that begin afterwards', async () => {
    const api = await apiIn('open');
    const { id } = await api.person();
    const now = () => Math.floor(Date.parse(api.now()) / 1000);
    const me = async (session: string, began: number) =>
      (await api.call('GET', '/api/v1/me', { token: `${id}|${session}|${began}` })).status;
    const began = now() - 1;
    expect([await me('here', began), await me('there', began)]).toEqual([200, 200]);
    const ticket = await api.call('POST', '/api/v1/socket-tickets', { token: `${id}|there|${began}` });
    expect(await api.store.people.takeTicket(ticket.body.ticket, api.now())).toMatchObject({ session: 'there' });
    await identity.create(id, freshEmail(), PASSWORD);
    const logout = (body: object) => api.call('POST', '/api/v1/auth/logout', { token: `${id}|here|${began}`, body });
    expect((await logout({})).status).toBe(204);
    expect([await me('here', began), await me('there', began), await me('new', now())]).toEqual([401, 401, 200]);
  });

  it('is limited to 10 attempts a minute for one address, with the time to wait', async () => {
    const api = await apiIn('open');
    const email = freshEmail();
    api.pass(17);
    for (let n = 0; n < 10; n += 1) expect((await post(api, 'token', { email, password: OTHER })).status).toBe(401);
    const limited = await post(api, 'token', { email, password: OTHER });
    expect(code(limited)).toEqual([429, 'auth.rate_limited']);
    expect(limited.headers['retry-after']).toBe('43');
    expect((await post(api, 'token', { email: freshEmail(), password: OTHER })).status).toBe(401);
    api.pass(43);
    expect((await post(api, 'token', { email, password: OTHER })).status).toBe(401);
  });
});

describe('a forgotten password', () => {
  it('is replaced with a mailed code', async () => {
    const api = await apiIn('open');
    const email = freshEmail();
    await post(api, 'register', { email, password: PASSWORD });
    expect((await post(api, 'forgot', { email })).status).toBe(202);
    expect(code(await post(api, 'reset', { email, code: '000000x', password: OTHER }))).toEqual([
      400,
      'auth.code_invalid',
    ]);
    expect(code(await post(api, 'reset', { email, code: codeFor(email), password: 'aaaaaaaaaaaa' }))).toEqual([
      400,
      'auth.password_policy',
    ]);
    expect((await post(api, 'reset', { email, code: codeFor(email), password: OTHER })).status).toBe(204);
    expect((await post(api, 'token', { email, password: OTHER })).status).toBe(200);
    expect((await post(api, 'token', { email, password: PASSWORD })).status).toBe(401);
  });

  it('once replaced ends every session that began before: who knew the old one is out', async () => {
    const api = await apiIn('open');
    const email = freshEmail();
    const { body: account } = await post(api, 'register', { email, password: PASSWORD });
    const { refresh_token } = (await post(api, 'token', { email, password: PASSWORD })).body;
    const token = `${account.id}|a-session|${Math.floor(Date.parse(api.now()) / 1000) - 1}`;
    const me = async () => (await api.call('GET', '/api/v1/me', { token })).status;
    await post(api, 'forgot', { email });
    expect(await me()).toBe(200);
    expect((await post(api, 'reset', { email, code: codeFor(email), password: OTHER })).status).toBe(204);
    expect(await me()).toBe(401);
    expect(code(await post(api, 'refresh', { refresh_token }))).toEqual([401, 'auth.invalid_token']);
  });

  it('is answered alike for an address that nobody has, one that was only invited, and one that is there', async () => {
    const api = await apiIn('domains:example.com');
    const [invited, active, nobody] = [freshEmail(), freshEmail(), freshEmail()];
    await post(api, 'register', { email: invited });
    await post(api, 'register', { email: active });
    await post(api, 'confirm', { email: active, code: codeFor(active), password: PASSWORD });
    const answers = [];
    for (const email of [invited, active, nobody]) {
      const { status, body } = await post(api, 'forgot', { email });
      answers.push([status, body.next]);
    }
    expect(new Set(answers.map((each) => JSON.stringify(each))).size).toBe(1);
    expect(bench.mails.filter((mail) => mail.kind === 'reset').map((mail) => mail.to)).toEqual([active]);
    expect(code(await post(api, 'reset', { email: nobody, code: '123456', password: OTHER }))).toEqual([
      400,
      'auth.code_invalid',
    ]);
  });
});
