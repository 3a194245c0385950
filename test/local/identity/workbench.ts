/** User pools behind a bare endpoint, with the mails they would have sent. */
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  AdminCreateUserCommand,
  AdminSetUserPasswordCommand,
  CognitoIdentityProviderClient,
  InitiateAuthCommand,
} from '@aws-sdk/client-cognito-identity-provider';
import type { Mail } from '#local/identity/context.ts';
import { identityPlugin } from '#local/identity/plugin.ts';
import type { PluginContext } from '#local/plugin.ts';
import type { AwsApi, Check } from '#local/types.ts';
import { credentials, serveApis } from '#test/local/states/endpoint.ts';

export const PASSWORD = 'correct-Horse7battery';

interface Bench {
  readonly pool?: object;
  readonly client?: object;
  readonly stateDir?: string;
  readonly allowed?: (check: Check) => boolean;
}

export async function identityBench({
  pool,
  client,
  stateDir = mkdtempSync(join(tmpdir(), 'identity-')),
  allowed,
}: Bench = {}) {
  const mails: Mail[] = [];
  const apis: AwsApi[] = [];
  const server = await serveApis(apis, allowed);
  const plugin = await identityPlugin((mail) => mails.push(mail))({
    stateDir,
    endpoint: server.endpoint,
  } as PluginContext);
  apis.push(...plugin.apis!);
  const make = (type: string, logicalId: string, properties: object) =>
    plugin.resources!.find((one) => one.type === type)!.create({ logicalId, type, properties });
  const { ref: UserPoolId, attributes } = await make('AWS::Cognito::UserPool', 'People', {
    AdminCreateUserConfig: { AllowAdminCreateUserOnly: true },
    Policies: { PasswordPolicy: { MinimumLength: 12 } },
    ...pool,
  });
  const { ref: ClientId } = await make('AWS::Cognito::UserPoolClient', 'App', {
    UserPoolId,
    ExplicitAuthFlows: ['ALLOW_USER_PASSWORD_AUTH', 'ALLOW_REFRESH_TOKEN_AUTH'],
    AccessTokenValidity: 15,
    TokenValidityUnits: { AccessToken: 'minutes' },
    PreventUserExistenceErrors: 'ENABLED',
    ...client,
  });
  const cognito = new CognitoIdentityProviderClient({
    endpoint: server.endpoint,
    region: 'us-east-1',
    credentials,
    maxAttempts: 1,
  });
  const invite = (Username: string, email: string, rest: object = {}) =>
    cognito.send(
      new AdminCreateUserCommand({
        UserPoolId,
        Username,
        UserAttributes: [
          { Name: 'email', Value: email },
          { Name: 'email_verified', Value: 'true' },
        ],
        DesiredDeliveryMediums: ['EMAIL'],
        ...rest,
      }),
    );
  const signIn = (USERNAME: string, PASSWORD: string) =>
    cognito.send(
      new InitiateAuthCommand({ ClientId, AuthFlow: 'USER_PASSWORD_AUTH', AuthParameters: { USERNAME, PASSWORD } }),
    );
  return {
    cognito,
    mails,
    UserPoolId,
    ClientId,
    attributes,
    stateDir,
    asked: server.asked,
    issuer: `${server.endpoint}/${UserPoolId}`,
    invite,
    signIn,
    /** A confirmed person, as the registration mode `open` makes one. */
    async person(username = 'acc_1', email = `${username}@example.com`) {
      await invite(username, email, { MessageAction: 'SUPPRESS' });
      await cognito.send(
        new AdminSetUserPasswordCommand({ UserPoolId, Username: username, Password: PASSWORD, Permanent: true }),
      );
    },
    refresh: (REFRESH_TOKEN: string) =>
      cognito.send(
        new InitiateAuthCommand({ ClientId, AuthFlow: 'REFRESH_TOKEN_AUTH', AuthParameters: { REFRESH_TOKEN } }),
      ),
    [Symbol.asyncDispose]: async () => {
      await server[Symbol.asyncDispose]();
      await plugin.stop?.();
    },
  };
}
