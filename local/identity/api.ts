/** The Cognito user pools API: JSON 1.1 calls in, the user pools' answers out. */
import * as z from 'zod';
import { ACCOUNT, type ApiReply, type AwsApi, AwsError, REGION } from '#local/types.ts';
import {
  adminCreateUser,
  adminDeleteUser,
  adminEnableUser,
  adminGetUser,
  adminSetUserPassword,
  adminUpdateUserAttributes,
  adminUserGlobalSignOut,
} from './admin.ts';
import { updateUserAttributes } from './attributes.ts';
import type { Context } from './context.ts';
import { confirmForgotPassword, forgotPassword } from './recovery.ts';
import { type Challenges, initiateAuth, respondToAuthChallenge, revokeToken } from './sign-in.ts';

const name = z.string().min(1).max(128);
const named = { UserPoolId: z.string(), Username: name };
const attributes = z.array(z.object({ Name: z.string(), Value: z.string().optional() }));
const ClientId = z.string();
const strings = z.record(z.string(), z.string());

interface Operation {
  readonly input: z.ZodType;
  run(context: Context, challenges: Challenges, input: never): unknown;
}
const operation = <S extends z.ZodType>(
  input: S,
  run: (context: Context, input: z.output<S>, challenges: Challenges) => unknown,
): Operation => ({ input, run: (context, challenges, it) => run(context, it, challenges) });

const operations: Readonly<Record<string, Operation>> = {
  AdminCreateUser: operation(
    z.object({
      ...named,
      UserAttributes: attributes.default([]),
      TemporaryPassword: z.string().optional(),
      MessageAction: z.enum(['SUPPRESS', 'RESEND']).optional(),
      DesiredDeliveryMediums: z.array(z.enum(['EMAIL', 'SMS'])).default(['SMS']),
      ForceAliasCreation: z.boolean().default(false),
    }),
    adminCreateUser,
  ),
  AdminSetUserPassword: operation(
    z.object({ ...named, Password: z.string(), Permanent: z.boolean().default(false) }),
    adminSetUserPassword,
  ),
  AdminGetUser: operation(z.object(named), adminGetUser),
  AdminUpdateUserAttributes: operation(z.object({ ...named, UserAttributes: attributes }), adminUpdateUserAttributes),
  AdminDeleteUser: operation(z.object(named), adminDeleteUser),
  AdminDisableUser: operation(z.object(named), adminEnableUser(false)),
  AdminEnableUser: operation(z.object(named), adminEnableUser(true)),
  AdminUserGlobalSignOut: operation(z.object(named), adminUserGlobalSignOut),
  InitiateAuth: operation(
    z.object({ ClientId, AuthFlow: z.string(), AuthParameters: strings.default({}) }),
    (context, it, challenges) => initiateAuth(context, challenges, it),
  ),
  RespondToAuthChallenge: operation(
    z.object({
      ClientId,
      ChallengeName: z.string(),
      Session: z.string().default(''),
      ChallengeResponses: strings.default({}),
    }),
    (context, it, challenges) => respondToAuthChallenge(context, challenges, it),
  ),
  RevokeToken: operation(z.object({ ClientId, Token: z.string() }), revokeToken),
  ForgotPassword: operation(z.object({ ClientId, Username: name }), forgotPassword),
  ConfirmForgotPassword: operation(
    z.object({ ClientId, Username: name, ConfirmationCode: z.string(), Password: z.string() }),
    confirmForgotPassword,
  ),
  UpdateUserAttributes: operation(
    z.object({ AccessToken: z.string(), UserAttributes: attributes }),
    updateUserAttributes,
  ),
  SignUp: operation(z.object({ ClientId }), (context, it) => {
    const { selfSignUp } = context.pools.pool(context.pools.client(it.ClientId).poolId);
    throw selfSignUp
      ? new AwsError('UnknownOperationException', 'SignUp is not supported here: users are made by AdminCreateUser')
      : new AwsError('NotAuthorizedException', 'SignUp is not permitted for this user pool');
  }),
};

/** The public documents that verify tokens, at `/<pool id>/.well-known/`. */
const DOCUMENTS = /^\/([\w-]+)\/\.well-known\/(jwks\.json|openid-configuration)$/;

function document(context: Context, poolId: string, name: string): object {
  const issuer = context.tokens.issuer(context.pools.pool(poolId).id);
  return name === 'jwks.json'
    ? context.tokens.jwks(poolId)
    : { issuer, jwks_uri: `${issuer}/.well-known/jwks.json`, id_token_signing_alg_values_supported: ['RS256'] };
}

const TARGET = 'AWSCognitoIdentityProviderService.';
const CONTENT_TYPE = 'application/x-amz-json-1.1';

/** The API over user pools. Admin calls are checked on the pool's ARN; the others are public and come unsigned. */
export function identityApi(context: Context): AwsApi {
  const challenges: Challenges = new Map();
  return {
    service: 'cognito-idp',
    claims: (request) => request.headers['x-amz-target']?.startsWith(TARGET) === true || DOCUMENTS.test(request.path),
    public: ({ operation }) => !operation.startsWith('Admin'),
    parse(request) {
      const [, poolId, file] = DOCUMENTS.exec(request.path) ?? [];
      if (poolId) return { operation: 'Document', input: { poolId, file } };
      const target = request.headers['x-amz-target']?.replace(TARGET, '') ?? '';
      const known = Object.hasOwn(operations, target) ? operations[target] : undefined;
      if (!known)
        throw new AwsError(
          'UnknownOperationException',
          `Cognito here answers ${Object.keys(operations).join(', ')}; given: "${target}"`,
        );
      const input = known.input.safeParse(JSON.parse(request.body.toString() || '{}'));
      if (!input.success) throw new AwsError('InvalidParameterException', z.prettifyError(input.error));
      return { operation: target, input: input.data as Record<string, unknown> };
    },
    checks({ operation: action, input }) {
      if (!action.startsWith('Admin')) return [];
      return [
        {
          action: `cognito-idp:${action}`,
          resource: `arn:aws:cognito-idp:${REGION}:${ACCOUNT}:userpool/${input.UserPoolId}`,
        },
      ];
    },
    async run(call): Promise<ApiReply> {
      if (call.operation === 'Document') {
        const body = JSON.stringify(document(context, String(call.input.poolId), String(call.input.file)));
        return { status: 200, headers: { 'content-type': 'application/json' }, body };
      }
      const answer = await operations[call.operation]!.run(context, challenges, call.input as never);
      return { status: 200, headers: { 'content-type': CONTENT_TYPE }, body: JSON.stringify(answer) };
    },
    fail: (error) => ({
      status: error.status,
      headers: { 'content-type': CONTENT_TYPE, 'x-amzn-errortype': error.code },
      body: JSON.stringify({ __type: error.code, message: error.message, ...error.fields }),
    }),
  };
}
