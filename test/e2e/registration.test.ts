import { describe, expect, it } from 'vitest';
import { ApiFailure, createSession } from '#scripts/journey/client.ts';
import { PASSWORD, type Product, startProduct } from './support/product.ts';

describe('registration', () => {
  const call = (of: Product, path: string, body: object) =>
    createSession(of.runtime.url).call<{ access_token?: string }>('POST', `/api/v1/auth/${path}`, body);
  const refusal = async (asked: Promise<unknown>): Promise<[number, string]> => {
    const error = await asked.then(
      () => new Error('it was taken'),
      (thrown: unknown) => thrown,
    );
    return error instanceof ApiFailure ? [error.status, error.code] : [0, String(error)];
  };

  /** A good token, of the first product. */
  let foreign: string | undefined;

  it('by domains mails a code, which is answered with a password; a forgotten one is reset with another code', async () => {
    const of = await startProduct({ parameters: { Registration: 'domains:example.org' } });
    try {
      const email = 'ada@example.org';
      expect(await refusal(call(of, 'register', { email: 'eve@example.com' }))).toEqual([
        403,
        'auth.domain_not_allowed',
      ]);
      expect(await refusal(call(of, 'register', { email, password: PASSWORD }))).toEqual([400, 'request.invalid']);
      await call(of, 'register', { email });
      expect(of.mails).toMatchObject([{ to: email }]);
      expect(await refusal(call(of, 'token', { email, password: PASSWORD }))).toEqual([
        401,
        'auth.invalid_credentials',
      ]);
      expect(await refusal(call(of, 'confirm', { email, code: 'wrong', password: PASSWORD }))).toEqual([
        400,
        'auth.code_invalid',
      ]);
      expect(await refusal(call(of, 'confirm', { email, code: of.mails[0]?.code, password: 'weakweakweak' }))).toEqual([
        400,
        'auth.password_policy',
      ]);
      const { access_token } = await call(of, 'confirm', {
        email,
        code: of.mails[0]?.code,
        password: PASSWORD,
      });
      foreign = access_token;

      // Nobody learns who has an account.
      expect(await call(of, 'forgot', { email: 'nobody@example.org' })).toMatchObject({ email: 'nobody@example.org' });
      expect(of.mails).toHaveLength(1);
      await call(of, 'forgot', { email });
      const again = `${PASSWORD}-again`;
      expect(await refusal(call(of, 'reset', { email, code: '000000', password: again }))).toEqual([
        400,
        'auth.code_invalid',
      ]);
      await call(of, 'reset', { email, code: of.mails[1]?.code, password: again });
      expect(await refusal(call(of, 'token', { email, password: PASSWORD }))).toEqual([
        401,
        'auth.invalid_credentials',
      ]);
      expect((await call(of, 'token', { email, password: again })).access_token).toMatch(/\./);
    } finally {
      await of.stop();
    }
  });

  it('that is closed takes nobody, nor the token of another deployment', async () => {
    const of = await startProduct({ parameters: { Registration: 'closed' } });
    try {
      expect(await refusal(call(of, 'register', { email: 'ada@example.org' }))).toEqual([
        403,
        'auth.registration_closed',
      ]);
      expect(await refusal(call(of, 'register', { email: 'ada@example.org', password: PASSWORD }))).toEqual([
        403,
        'auth.registration_closed',
      ]);
      expect(of.mails).toEqual([]);
      const stranger = createSession(of.runtime.url);
      stranger.token = foreign;
      expect(foreign).toMatch(/\./);
      expect(await refusal(stranger.call('GET', '/api/v1/me'))).toEqual([401, 'auth.invalid_token']);
    } finally {
      await of.stop();
    }
  });
});
