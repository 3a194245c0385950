/** Who is refused, and how that looks. */
import {
  AdminDeleteUserCommand,
  AdminDisableUserCommand,
  AdminGetUserCommand,
  AdminSetUserPasswordCommand,
} from '@aws-sdk/client-cognito-identity-provider';
import { describe, expect, test } from 'vitest';
import { identityBench, PASSWORD } from './workbench.ts';

describe('refusals', () => {
  test('an unknown person and a wrong password look the same', async () => {
    await using bench = await identityBench();
    await bench.person('acc_1');
    const same = { name: 'NotAuthorizedException', message: 'Incorrect username or password.' };

    await expect(bench.signIn('acc_1', 'Wrong-password-1')).rejects.toMatchObject(same);
    await expect(bench.signIn('acc_2', PASSWORD)).rejects.toMatchObject(same);
  });

  test('a client that does not hide users says UserNotFoundException', async () => {
    await using bench = await identityBench({ client: { PreventUserExistenceErrors: 'LEGACY' } });

    await expect(bench.signIn('acc_2', PASSWORD)).rejects.toMatchObject({ name: 'UserNotFoundException' });
  });

  test('a disabled person can neither sign in nor refresh', async () => {
    await using bench = await identityBench();
    await bench.person('acc_1');
    const { RefreshToken } = (await bench.signIn('acc_1', PASSWORD)).AuthenticationResult!;
    await bench.cognito.send(new AdminDisableUserCommand({ UserPoolId: bench.UserPoolId, Username: 'acc_1' }));

    await expect(bench.signIn('acc_1', PASSWORD)).rejects.toMatchObject({ message: 'User is disabled.' });
    await expect(bench.refresh(RefreshToken!)).rejects.toMatchObject({ message: 'User is disabled.' });
  });

  test('a flow that the client does not allow is refused', async () => {
    await using bench = await identityBench({ client: { ExplicitAuthFlows: ['ALLOW_REFRESH_TOKEN_AUTH'] } });

    await expect(bench.signIn('acc_1', PASSWORD)).rejects.toMatchObject({
      name: 'InvalidParameterException',
      message: 'USER_PASSWORD_AUTH flow not enabled for this client',
    });
  });

  test.each([
    ['Short-1', 'Password not long enough'],
    ['long-enough-but-1', 'Password must have uppercase characters'],
    ['LONG-ENOUGH-BUT-1', 'Password must have lowercase characters'],
    ['Long-enough-but-x', 'Password must have numeric characters'],
    ['LongEnoughBut1234', 'Password must have symbol characters'],
  ])('the password %s breaks the policy', async (Password, reason) => {
    await using bench = await identityBench();
    await bench.person('acc_1');
    const set = bench.cognito.send(
      new AdminSetUserPasswordCommand({ UserPoolId: bench.UserPoolId, Username: 'acc_1', Password, Permanent: true }),
    );

    await expect(set).rejects.toMatchObject({
      name: 'InvalidPasswordException',
      message: `Password did not conform with policy: ${reason}`,
    });
  });

  test('a deleted person is gone', async () => {
    await using bench = await identityBench();
    await bench.person('acc_1');
    const get = () => bench.cognito.send(new AdminGetUserCommand({ UserPoolId: bench.UserPoolId, Username: 'acc_1' }));
    expect(await get()).toMatchObject({
      UserStatus: 'CONFIRMED',
      UserAttributes: expect.arrayContaining([{ Name: 'email', Value: 'acc_1@example.com' }]),
    });
    await bench.cognito.send(new AdminDeleteUserCommand({ UserPoolId: bench.UserPoolId, Username: 'acc_1' }));

    await expect(get()).rejects.toMatchObject({ name: 'UserNotFoundException' });
    await expect(bench.signIn('acc_1', PASSWORD)).rejects.toMatchObject({ name: 'NotAuthorizedException' });
  });
});

test('an email address works as a name only where the pool has the alias', async () => {
  await using without = await identityBench();
  await without.person('acc_1', 'ada@example.com');
  await using with_ = await identityBench({ pool: { AliasAttributes: ['email'] } });
  await with_.person('acc_1', 'ada@example.com');

  await expect(without.signIn('ada@example.com', PASSWORD)).rejects.toMatchObject({ name: 'NotAuthorizedException' });
  expect((await with_.signIn('Ada@example.com', PASSWORD)).AuthenticationResult).toBeDefined();
  await expect(with_.invite('acc_2', 'ada@example.com')).rejects.toMatchObject({ name: 'AliasExistsException' });
});

test('admin calls ask IAM on the pool, public calls ask nobody and come unsigned', async () => {
  await using bench = await identityBench({ allowed: (check) => check.action !== 'cognito-idp:AdminDeleteUser' });
  await bench.person('acc_1');
  await bench.signIn('acc_1', PASSWORD);
  const remove = bench.cognito.send(new AdminDeleteUserCommand({ UserPoolId: bench.UserPoolId, Username: 'acc_1' }));

  await expect(remove).rejects.toMatchObject({ name: 'AccessDeniedException' });
  expect(bench.asked.map((it) => it.action)).toEqual([
    'cognito-idp:AdminCreateUser',
    'cognito-idp:AdminSetUserPassword',
    'cognito-idp:AdminDeleteUser',
  ]);
  expect(new Set(bench.asked.map((it) => it.resource))).toEqual(new Set([bench.attributes!.Arn]));
});
