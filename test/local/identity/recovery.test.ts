/** Forgotten passwords, and what the template may declare. */
import { ConfirmForgotPasswordCommand, ForgotPasswordCommand } from '@aws-sdk/client-cognito-identity-provider';
import { expect, test } from 'vitest';
import { checkPassword, makePassword } from '#local/identity/password.ts';
import { createPools } from '#local/identity/pool.ts';
import { userPoolClientHandler, userPoolHandler } from '#local/identity/resources.ts';
import { identityBench, PASSWORD } from './workbench.ts';

const NEW = 'another-Horse8battery';
type Bench = Awaited<ReturnType<typeof identityBench>>;
const forgot = (bench: Bench, Username = 'acc_1') =>
  bench.cognito.send(new ForgotPasswordCommand({ ClientId: bench.ClientId, Username }));
const confirm = (bench: Bench, ConfirmationCode: string, Password = NEW, Username = 'acc_1') =>
  bench.cognito.send(
    new ConfirmForgotPasswordCommand({ ClientId: bench.ClientId, Username, ConfirmationCode, Password }),
  );
const other = (code: string) => (code === '000000' ? '111111' : '000000');

test('a mailed code sets a new password, once', async () => {
  await using bench = await identityBench();
  await bench.person('acc_1', 'ada@example.com');

  const sent = await forgot(bench);
  const { code, kind, to } = bench.mails[0]!;
  await confirm(bench, code);

  expect([kind, to, sent.CodeDeliveryDetails?.DeliveryMedium]).toEqual(['reset', 'ada@example.com', 'EMAIL']);
  expect(code).toMatch(/^\d{6}$/);
  expect((await bench.signIn('acc_1', NEW)).AuthenticationResult).toBeDefined();
  await expect(bench.signIn('acc_1', PASSWORD)).rejects.toMatchObject({ name: 'NotAuthorizedException' });
  await expect(confirm(bench, code)).rejects.toMatchObject({ name: 'ExpiredCodeException' });
});

test('a wrong code is CodeMismatchException, and five of them end the code', async () => {
  await using bench = await identityBench();
  await bench.person('acc_1');
  await forgot(bench);
  const { code } = bench.mails[0]!;
  for (let i = 0; i < 5; i++)
    await expect(confirm(bench, other(code))).rejects.toMatchObject({ name: 'CodeMismatchException' });

  await expect(confirm(bench, code)).rejects.toMatchObject({ name: 'LimitExceededException' });
});

test('a new password against the policy leaves the code good', async () => {
  await using bench = await identityBench();
  await bench.person('acc_1');
  await forgot(bench);
  const { code } = bench.mails[0]!;

  await expect(confirm(bench, code, 'short')).rejects.toMatchObject({ name: 'InvalidPasswordException' });
  await expect(confirm(bench, code)).resolves.toBeDefined();
});

test('nobody learns whether an address has an account', async () => {
  await using bench = await identityBench();

  expect((await forgot(bench, 'acc_2')).CodeDeliveryDetails?.DeliveryMedium).toBe('EMAIL');
  expect(bench.mails).toEqual([]);
  await expect(confirm(bench, '123456', NEW, 'acc_2')).rejects.toMatchObject({ name: 'CodeMismatchException' });
});

test('a person who never chose a password cannot reset it', async () => {
  await using bench = await identityBench();
  await bench.invite('acc_1', 'ada@example.com');

  await expect(forgot(bench)).rejects.toMatchObject({
    name: 'NotAuthorizedException',
    message: 'User password cannot be reset in the current state.',
  });
});

test('passwords that Cognito makes up follow the policy', () => {
  const policy = {
    minimumLength: 14,
    requireUppercase: true,
    requireLowercase: true,
    requireNumbers: true,
    requireSymbols: true,
    temporaryPasswordDays: 7,
  };
  const made = Array.from({ length: 50 }, () => makePassword(policy));

  for (const password of made) expect(() => checkPassword(password, policy)).not.toThrow();
  expect(new Set(made).size).toBe(50);
});

test('what a pool or client cannot do here is refused by name', () => {
  const pools = createPools();
  const declare = (properties: object) => ({ logicalId: 'People', type: '', properties });

  expect(() => userPoolHandler(pools).create(declare({ LambdaConfig: {} }))).toThrow(
    /People: LambdaConfig is not supported here/,
  );
  expect(() => userPoolHandler(pools).create(declare({ MfaConfiguration: 'ON' }))).toThrow(/only OFF/);
  expect(() => userPoolClientHandler(pools).create(declare({ GenerateSecret: true }))).toThrow(/client is public/);
});
