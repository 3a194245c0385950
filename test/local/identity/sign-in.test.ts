/** Signing in, tokens and their end. */
import {
  RespondToAuthChallengeCommand,
  RevokeTokenCommand,
  SignUpCommand,
} from '@aws-sdk/client-cognito-identity-provider';
import { JwtVerifier } from 'aws-jwt-verify';
import { SimpleJwksCache } from 'aws-jwt-verify/jwk';
import { describe, expect, test } from 'vitest';
import { identityBench, PASSWORD } from './workbench.ts';

const verifier = (issuer: string) =>
  JwtVerifier.create(
    { issuer, audience: null, jwksUri: `${issuer}/.well-known/jwks.json` },
    { jwksCache: new SimpleJwksCache({ fetcher: { fetch: async (uri) => (await fetch(uri)).arrayBuffer() } }) },
  );

describe('invitations', () => {
  test('an invited person signs in with the mailed password and must choose an own one', async () => {
    await using bench = await identityBench();
    const { User } = await bench.invite('acc_1', 'ada@example.com');
    const [mail] = bench.mails;

    const challenge = await bench.signIn('acc_1', mail!.code);
    const done = await bench.cognito.send(
      new RespondToAuthChallengeCommand({
        ClientId: bench.ClientId,
        ChallengeName: 'NEW_PASSWORD_REQUIRED',
        Session: challenge.Session,
        ChallengeResponses: { USERNAME: 'acc_1', NEW_PASSWORD: PASSWORD },
      }),
    );

    expect(User).toMatchObject({ Username: 'acc_1', UserStatus: 'FORCE_CHANGE_PASSWORD', Enabled: true });
    expect(mail).toEqual({ kind: 'invitation', to: 'ada@example.com', username: 'acc_1', code: expect.any(String) });
    expect(challenge).toMatchObject({
      ChallengeName: 'NEW_PASSWORD_REQUIRED',
      ChallengeParameters: { USER_ID_FOR_SRP: 'acc_1' },
    });
    expect(done.AuthenticationResult).toMatchObject({
      TokenType: 'Bearer',
      ExpiresIn: 900,
      RefreshToken: expect.any(String),
    });
    expect((await bench.signIn('acc_1', PASSWORD)).AuthenticationResult).toBeDefined();
  });

  test('a wrong temporary password begins no challenge', async () => {
    await using bench = await identityBench();
    await bench.invite('acc_1', 'ada@example.com');

    await expect(bench.signIn('acc_1', 'Wrong-password-1')).rejects.toMatchObject({ name: 'NotAuthorizedException' });
  });

  test.each([
    ['an unknown session', 'nonsense-nonsense-nonsense', PASSWORD, 'NotAuthorizedException', /Invalid session/],
    ['a new password against the policy', undefined, 'short', 'InvalidPasswordException', /not long enough/],
  ])('%s does not answer the challenge', async (_, session, password, name, message) => {
    await using bench = await identityBench();
    await bench.invite('acc_1', 'ada@example.com');
    const { Session } = await bench.signIn('acc_1', bench.mails[0]!.code);
    const answer = bench.cognito.send(
      new RespondToAuthChallengeCommand({
        ClientId: bench.ClientId,
        ChallengeName: 'NEW_PASSWORD_REQUIRED',
        Session: session ?? Session,
        ChallengeResponses: { USERNAME: 'acc_1', NEW_PASSWORD: password },
      }),
    );

    await expect(answer).rejects.toMatchObject({ name, message: expect.stringMatching(message) });
  });

  test("a session of one person does not answer another's challenge", async () => {
    await using bench = await identityBench();
    await bench.invite('acc_1', 'ada@example.com');
    await bench.invite('acc_2', 'bob@example.com');
    const { Session } = await bench.signIn('acc_1', bench.mails[0]!.code);
    const ChallengeResponses = { USERNAME: 'acc_2', NEW_PASSWORD: PASSWORD };
    const answer = bench.cognito.send(
      new RespondToAuthChallengeCommand({
        ClientId: bench.ClientId,
        ChallengeName: 'NEW_PASSWORD_REQUIRED',
        Session,
        ChallengeResponses,
      }),
    );

    await expect(answer).rejects.toMatchObject({ name: 'NotAuthorizedException' });
  });

  test('RESEND mails a new password and the old one is done', async () => {
    await using bench = await identityBench();
    await bench.invite('acc_1', 'ada@example.com');
    await bench.invite('acc_1', 'ada@example.com', { MessageAction: 'RESEND' });

    await expect(bench.signIn('acc_1', bench.mails[0]!.code)).rejects.toMatchObject({ name: 'NotAuthorizedException' });
    expect((await bench.signIn('acc_1', bench.mails[1]!.code)).ChallengeName).toBe('NEW_PASSWORD_REQUIRED');
  });

  test.each([
    ['a name in use', { Username: 'acc_1' }, 'UsernameExistsException'],
    ['no way to mail', { DesiredDeliveryMediums: undefined }, 'InvalidParameterException'],
    ['a temporary password against the policy', { TemporaryPassword: 'abc' }, 'InvalidPasswordException'],
  ])('with %s no user is made', async (_, rest, name) => {
    await using bench = await identityBench();
    await bench.person('acc_1');

    await expect(bench.invite('acc_2', 'new@example.com', rest)).rejects.toMatchObject({ name });
    expect(bench.mails).toEqual([]);
  });

  test('nobody can sign up past the API', async () => {
    await using bench = await identityBench();
    const signUp = bench.cognito.send(
      new SignUpCommand({ ClientId: bench.ClientId, Username: 'me', Password: PASSWORD }),
    );

    await expect(signUp).rejects.toMatchObject({
      name: 'NotAuthorizedException',
      message: 'SignUp is not permitted for this user pool',
    });
  });
});

describe('tokens', () => {
  test('the access token carries what Cognito puts there and lives as long as the client says', async () => {
    await using bench = await identityBench();
    await bench.person('acc_1');
    const { AuthenticationResult } = await bench.signIn('acc_1', PASSWORD);

    const claims = await verifier(bench.issuer).verify(AuthenticationResult!.AccessToken!);

    expect(claims).toMatchObject({
      username: 'acc_1',
      client_id: bench.ClientId,
      token_use: 'access',
      iss: bench.issuer,
    });
    expect(claims).toMatchObject({
      sub: expect.any(String),
      origin_jti: expect.any(String),
      jti: expect.any(String),
      auth_time: expect.any(Number),
    });
    expect(claims.exp! - claims.iat!).toBe(900);
  });

  test('issuer, keys, people and refresh tokens outlive a restart', async () => {
    const first = await identityBench();
    await first.person('acc_1');
    const { AuthenticationResult } = await first.signIn('acc_1', PASSWORD);
    const keys = await (await fetch(`${first.issuer}/.well-known/jwks.json`)).json();
    await first[Symbol.asyncDispose]();
    await using again = await identityBench({ stateDir: first.stateDir });

    expect([again.UserPoolId, again.ClientId]).toEqual([first.UserPoolId, first.ClientId]);
    expect(await (await fetch(`${again.issuer}/.well-known/jwks.json`)).json()).toEqual(keys);
    expect((await again.refresh(AuthenticationResult!.RefreshToken!)).AuthenticationResult?.AccessToken).toBeDefined();
  });

  test('a refresh keeps origin_jti and gives no new refresh token', async () => {
    await using bench = await identityBench();
    await bench.person('acc_1');
    const first = (await bench.signIn('acc_1', PASSWORD)).AuthenticationResult!;

    const next = (await bench.refresh(first.RefreshToken!)).AuthenticationResult!;

    const [a, b] = await Promise.all([first, next].map((it) => verifier(bench.issuer).verify(it.AccessToken!)));
    expect(b!.origin_jti).toBe(a!.origin_jti);
    expect(b!.jti).not.toBe(a!.jti);
    expect(next).toMatchObject({ ExpiresIn: 900, TokenType: 'Bearer' });
    expect(next.RefreshToken).toBeUndefined();
  });

  test('a revoked refresh token is refused, other sign-ins of the person go on', async () => {
    await using bench = await identityBench();
    await bench.person('acc_1');
    const [one, other] = [await bench.signIn('acc_1', PASSWORD), await bench.signIn('acc_1', PASSWORD)].map(
      (it) => it.AuthenticationResult!.RefreshToken!,
    );
    await bench.cognito.send(new RevokeTokenCommand({ ClientId: bench.ClientId, Token: one! }));

    await expect(bench.refresh(one!)).rejects.toMatchObject({
      name: 'NotAuthorizedException',
      message: 'Refresh Token has been revoked',
    });
    expect((await bench.refresh(other!)).AuthenticationResult).toBeDefined();
  });

  test('revoking an unknown token is no error, an access token is the wrong kind', async () => {
    await using bench = await identityBench();
    await bench.person('acc_1');
    const { AccessToken } = (await bench.signIn('acc_1', PASSWORD)).AuthenticationResult!;
    const revoke = (Token: string) => bench.cognito.send(new RevokeTokenCommand({ ClientId: bench.ClientId, Token }));

    await expect(revoke('unknown')).resolves.toBeDefined();
    await expect(revoke(AccessToken!)).rejects.toMatchObject({ name: 'UnsupportedTokenTypeException' });
  });

  test('an unknown pool has no keys', async () => {
    await using bench = await identityBench();

    expect((await fetch(`${bench.issuer}x/.well-known/jwks.json`)).status).toBe(400);
  });
});
