/** AWS::Cognito::UserPool, UserPoolClient and UserPoolDomain: what the template says becomes a pool with its rules. */
import { createHash } from 'node:crypto';
import { ACCOUNT, type Declared, REGION, type ResourceHandler } from '#local/types.ts';
import type { Pools } from './pool.ts';

/** A name of Cognito's own kind that stays the same for the same text. */
const stableId = (text: string, length: number): string =>
  BigInt(`0x${createHash('sha256').update(text).digest('hex')}`)
    .toString(36)
    .slice(0, length);

function refuseUnknown({ logicalId, properties }: Declared, known: readonly string[]): void {
  const unknown = Object.keys(properties).filter((key) => !known.includes(key));
  if (unknown.length > 0)
    throw new Error(`${logicalId}: ${unknown.join(', ')} is not supported here; known are ${known.join(', ')}`);
}

const POOL = [
  ...['Policies', 'AdminCreateUserConfig', 'UsernameAttributes', 'AliasAttributes', 'MfaConfiguration'],
  // Who may change which attributes. What they may hold is free, and verified ones are what AdminCreateUser says.
  'Schema',
  // Without effect: mail texts, protection and names.
  ...[
    'AccountRecoverySetting',
    'AutoVerifiedAttributes',
    'DeletionProtection',
    'EmailConfiguration',
    'EmailVerificationMessage',
  ],
  ...['EmailVerificationSubject', 'SmsVerificationMessage', 'UserAttributeUpdateSettings', 'UsernameConfiguration'],
  ...['UserPoolAddOns', 'UserPoolName', 'UserPoolTags', 'UserPoolTier', 'VerificationMessageTemplate'],
];

/** Makes user pools of the template. */
export function userPoolHandler(pools: Pools): ResourceHandler {
  return {
    type: 'AWS::Cognito::UserPool',
    create(resource) {
      refuseUnknown(resource, POOL);
      const { logicalId, properties: it } = resource;
      if ((it.MfaConfiguration ?? 'OFF') !== 'OFF')
        throw new Error(`${logicalId}: MfaConfiguration ${it.MfaConfiguration} is not supported here, only OFF`);
      const id = `${REGION}_${stableId(logicalId, 9)}`;
      const arn = `arn:aws:cognito-idp:${REGION}:${ACCOUNT}:userpool/${id}`;
      const rules = it.Policies?.PasswordPolicy ?? {};
      const schema: { Name: string; Required?: boolean; Mutable?: boolean }[] = it.Schema ?? [];
      pools.add({
        id,
        arn,
        emailIsUsername: (it.UsernameAttributes ?? []).includes('email'),
        emailIsAlias: (it.AliasAttributes ?? []).includes('email'),
        selfSignUp: !(it.AdminCreateUserConfig?.AllowAdminCreateUserOnly ?? false),
        required: schema.filter(({ Required }) => Required === true).map(({ Name }) => Name),
        immutable: schema.filter(({ Mutable }) => Mutable === false).map(({ Name }) => Name),
        policy: {
          minimumLength: Number(rules.MinimumLength ?? 8),
          requireUppercase: rules.RequireUppercase ?? true,
          requireLowercase: rules.RequireLowercase ?? true,
          requireNumbers: rules.RequireNumbers ?? true,
          requireSymbols: rules.RequireSymbols ?? true,
          temporaryPasswordDays: Number(rules.TemporaryPasswordValidityDays ?? 7),
        },
      });
      const provider = `cognito-idp.${REGION}.amazonaws.com/${id}`;
      return {
        ref: id,
        attributes: { Arn: arn, UserPoolId: id, ProviderName: provider, ProviderURL: `https://${provider}` },
      };
    },
  };
}

const CLIENT = [
  ...[
    'UserPoolId',
    'ExplicitAuthFlows',
    'AccessTokenValidity',
    'IdTokenValidity',
    'RefreshTokenValidity',
    'TokenValidityUnits',
  ],
  ...['AuthSessionValidity', 'PreventUserExistenceErrors', 'EnableTokenRevocation', 'GenerateSecret', 'ClientName'],
  'WriteAttributes',
  // Without effect: the hosted sign-in pages are not here, and attributes are read from id tokens alone.
  ...['AllowedOAuthFlows', 'AllowedOAuthFlowsUserPoolClient', 'AllowedOAuthScopes', 'CallbackURLs', 'LogoutURLs'],
  ...['SupportedIdentityProviders', 'ReadAttributes'],
];
const UNIT_SECONDS: Readonly<Record<string, number>> = { seconds: 1, minutes: 60, hours: 3600, days: 86_400 };

/** Makes app clients of the template. */
export function userPoolClientHandler(pools: Pools): ResourceHandler {
  return {
    type: 'AWS::Cognito::UserPoolClient',
    create(resource) {
      refuseUnknown(resource, CLIENT);
      const { logicalId, properties: it } = resource;
      if (it.GenerateSecret === true)
        throw new Error(`${logicalId}: GenerateSecret is not supported here: the client is public`);
      const pool = pools.pool(it.UserPoolId);
      const writes: string[] | undefined = it.WriteAttributes;
      // AWS: "All app clients can write user pool required attributes."
      if (writes && pool.required.some((name) => !writes.includes(name)))
        throw new Error(
          `${logicalId}: Invalid write attributes specified while creating a client: required are ${pool.required.join(', ')}`,
        );
      const validity = (kind: string, value: unknown, unit: string, otherwise: number): number =>
        value === undefined ? otherwise : Number(value) * UNIT_SECONDS[it.TokenValidityUnits?.[kind] ?? unit]!;
      const id = stableId(`${it.UserPoolId}/${logicalId}`, 26);
      pools.addClient({
        id,
        poolId: pool.id,
        flows: it.ExplicitAuthFlows ?? ['ALLOW_REFRESH_TOKEN_AUTH', 'ALLOW_USER_SRP_AUTH', 'ALLOW_CUSTOM_AUTH'],
        accessSeconds: validity('AccessToken', it.AccessTokenValidity, 'hours', 3600),
        idSeconds: validity('IdToken', it.IdTokenValidity, 'hours', 3600),
        refreshSeconds: validity('RefreshToken', it.RefreshTokenValidity, 'days', 30 * 86_400),
        sessionSeconds: Number(it.AuthSessionValidity ?? 3) * 60,
        hidesUsers: it.PreventUserExistenceErrors === 'ENABLED',
        revocation: it.EnableTokenRevocation ?? true,
        writes,
      });
      return { ref: id, attributes: { ClientId: id, Name: it.ClientName ?? logicalId } };
    },
  };
}

/** A domain of the hosted pages: known, without effect. */
export const userPoolDomainHandler: ResourceHandler = {
  type: 'AWS::Cognito::UserPoolDomain',
  create: ({ properties: it }) => ({ ref: it.Domain, attributes: { CloudFrontDistribution: 'localhost' } }),
};
