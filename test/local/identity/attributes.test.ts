/** What an access token may change of its user. */
import {
  AdminGetUserCommand,
  ForgotPasswordCommand,
  UpdateUserAttributesCommand,
} from '@aws-sdk/client-cognito-identity-provider';
import { App, Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { expect, test } from 'vitest';
import { People } from '#infra/constructs/people.ts';
import { identityBench, PASSWORD } from './workbench.ts';

type Bench = Awaited<ReturnType<typeof identityBench>>;
const tokenOf = async (bench: Bench): Promise<string> =>
  (await bench.signIn('acc_1', PASSWORD)).AuthenticationResult?.AccessToken ?? '';
const change = (bench: Bench, AccessToken: string, Name: string, Value: string) =>
  bench.cognito.send(new UpdateUserAttributesCommand({ AccessToken, UserAttributes: [{ Name, Value }] }));
const attributesOf = async ({ cognito, UserPoolId }: Bench) =>
  Object.fromEntries(
    (await cognito.send(new AdminGetUserCommand({ UserPoolId, Username: 'acc_1' }))).UserAttributes?.map(
      ({ Name, Value }) => [Name, Value],
    ) ?? [],
  );

/** The pool and the client of the stack, as CloudFormation is given them. */
const declared = () => {
  const stack = new Stack(new App({ analyticsReporting: false }), 'Test');
  new People(stack, 'People');
  const template = Template.fromStack(stack);
  const the = (type: string): Record<string, unknown> =>
    Object.values(template.findResources(type)).map(({ Properties }) => Properties)[0];
  const { UserPoolId: _, ...client } = the('AWS::Cognito::UserPoolClient');
  return { pool: the('AWS::Cognito::UserPool'), client };
};

test('in our pool a stolen access token cannot have the codes of a forgotten password mailed elsewhere', async () => {
  await using bench = await identityBench(declared());
  await bench.person('acc_1', 'ada@example.com');
  const token = await tokenOf(bench);

  for (const name of ['email', 'email_verified', 'phone_number', 'preferred_username', 'sub'])
    await expect(change(bench, token, name, 'eve@example.com')).rejects.toMatchObject({
      name: 'NotAuthorizedException',
      message: 'A client attempted to write unauthorized attribute',
    });
  expect(await attributesOf(bench)).toMatchObject({ email: 'ada@example.com', email_verified: 'true' });
  await bench.cognito.send(new ForgotPasswordCommand({ ClientId: bench.ClientId, Username: 'acc_1' }));
  expect(bench.mails.map(({ to }) => to)).toEqual(['ada@example.com']);
});

test('a client that names nothing may write everything that can change, and a new address is not verified', async () => {
  await using bench = await identityBench({ pool: { Schema: [{ Name: 'locale', Mutable: false }] } });
  await bench.person('acc_1', 'ada@example.com');
  const token = await tokenOf(bench);
  await change(bench, token, 'email', 'eve@example.com');

  expect(await attributesOf(bench)).toMatchObject({ email: 'eve@example.com', email_verified: 'false' });
  await expect(change(bench, token, 'locale', 'de')).rejects.toMatchObject({ name: 'InvalidParameterException' });
});

test('only an access token of the pool itself counts', async () => {
  await using bench = await identityBench();
  await bench.person('acc_1');
  const { IdToken = '', AccessToken = '' } = (await bench.signIn('acc_1', PASSWORD)).AuthenticationResult ?? {};
  const [head, body] = AccessToken.split('.');
  for (const token of ['', 'a.b.c', IdToken, `${head}.${body}.${IdToken.split('.')[2]}`])
    await expect(change(bench, token || '-', 'locale', 'de')).rejects.toMatchObject({ name: 'NotAuthorizedException' });
});

test('a client that may not write what is required is refused, as CloudFormation refuses it', async () => {
  await expect(
    identityBench({
      pool: { Schema: [{ Name: 'email', Required: true, Mutable: true }] },
      client: { WriteAttributes: ['locale'] },
    }),
  ).rejects.toThrow('Invalid write attributes specified while creating a client: required are email');
});
