/** The functions' own identity client against the local user pools. */
import { expect, test } from 'vitest';
import { createIdentity } from '#functions/lib/identity.ts';
import { identityBench, PASSWORD } from './workbench.ts';

const clientOf = (bench: Awaited<ReturnType<typeof identityBench>>) =>
  createIdentity({ pool: bench.UserPoolId, clientId: bench.ClientId }, bench.cognito);
const lastCode = (bench: Awaited<ReturnType<typeof identityBench>>): string => bench.mails.at(-1)!.code;

test('an invited person confirms, signs in, refreshes, and is out after the revocation', async () => {
  await using bench = await identityBench();
  const identity = clientOf(bench);

  await identity.invite('acc_1', 'ada@example.com');
  await identity.invite('acc_1', 'ada@example.com');
  await expect(identity.signIn('acc_1', lastCode(bench))).rejects.toMatchObject({ code: 'auth.not_confirmed' });
  await expect(identity.confirm('acc_1', 'Wrong-code-1', PASSWORD)).rejects.toMatchObject({
    code: 'auth.code_invalid',
  });
  await expect(identity.confirm('acc_1', lastCode(bench), 'short')).rejects.toMatchObject({
    code: 'auth.password_policy',
  });
  const { expires_in } = await identity.confirm('acc_1', lastCode(bench), PASSWORD);
  const { refresh_token } = await identity.signIn('acc_1', PASSWORD);
  await identity.invite('acc_1', 'ada@example.com');

  expect(bench.mails).toHaveLength(2);
  expect(expires_in).toBe(900);
  expect((await identity.refresh(refresh_token!)).access_token).toMatch(/^ey/);
  await identity.revoke(refresh_token!);
  await identity.revoke(refresh_token!);
  await expect(identity.refresh(refresh_token!)).rejects.toMatchObject({ code: 'auth.invalid_token' });
});

test('a forgotten password is reset by the mailed code', async () => {
  await using bench = await identityBench();
  const identity = clientOf(bench);
  await identity.create('acc_1', 'ada@example.com', PASSWORD);

  await identity.forgot('nobody');
  await identity.forgot('acc_1');
  await expect(identity.reset('acc_1', 'abcdef', PASSWORD)).rejects.toMatchObject({ code: 'auth.code_invalid' });
  await identity.reset('acc_1', lastCode(bench), `${PASSWORD}2`);

  expect(bench.mails).toHaveLength(1);
  await expect(identity.signIn('acc_1', PASSWORD)).rejects.toMatchObject({ code: 'auth.invalid_credentials' });
  expect((await identity.signIn('acc_1', `${PASSWORD}2`)).token_type).toBe('Bearer');
});
