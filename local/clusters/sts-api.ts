/** STS: AssumeRole with keys that really end, and GetCallerIdentity, also presigned. */
import { randomUUID } from 'node:crypto';
import * as z from 'zod';
import type { Iam } from '#local/plugin.ts';
import { ACCOUNT, type ApiReply, type AwsApi, AwsError } from '#local/types.ts';
import { parseQuery, type Xml, xml } from './query.ts';

const NAMESPACE = 'https://sts.amazonaws.com/doc/2011-06-15/';
const OPERATIONS = ['AssumeRole', 'GetCallerIdentity'];

/** A role session that assumes a role gets at most an hour (role chaining), and every caller here is one. */
const MAX_SECONDS = 3600;

const assumeRole = z.strictObject({
  Version: z.string().optional(),
  RoleArn: z.string().startsWith('arn:aws:iam::'),
  RoleSessionName: z.string().regex(/^[\w+=,.@-]{2,64}$/),
  DurationSeconds: z.coerce
    .number()
    .int()
    .min(900)
    .max(
      MAX_SECONDS,
      'The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining',
    )
    .default(MAX_SECONDS),
});

const xmlReply = (status: number, body: string): ApiReply => ({
  status,
  headers: { 'content-type': 'text/xml' },
  body,
});
const answer = (operation: string, result: Xml): ApiReply =>
  xmlReply(
    200,
    `<${operation}Response xmlns="${NAMESPACE}">${xml({ [`${operation}Result`]: result, ResponseMetadata: { RequestId: randomUUID() } })}</${operation}Response>`,
  );

/** AssumeRole needs both the caller's own permission and the role's trust; anything that narrows a session is refused. */
export function stsApi(iam: Iam): AwsApi {
  return {
    service: 'sts',
    denied: { code: 'AccessDenied', status: 403 },
    parse(request) {
      const call = parseQuery(request);
      if (!OPERATIONS.includes(call.operation))
        throw new AwsError('InvalidAction', `STS here answers ${OPERATIONS.join(', ')}; given: "${call.operation}"`);
      if (call.operation === 'GetCallerIdentity') return call;
      const { Version: _, ...given } = call.input;
      const input = assumeRole.safeParse(given);
      if (!input.success) throw new AwsError('ValidationError', z.prettifyError(input.error));
      return { operation: call.operation, input: input.data };
    },
    checks: ({ operation, input }) =>
      operation === 'AssumeRole' ? [{ action: 'sts:AssumeRole', resource: String(input.RoleArn) }] : [],
    async run({ operation, input }, caller) {
      if (operation === 'GetCallerIdentity')
        return answer(operation, {
          Arn: caller.principalArn,
          UserId: `AROALOCAL:${caller.sessionName}`,
          Account: ACCOUNT,
        });
      const { RoleArn, RoleSessionName, DurationSeconds } = input as z.output<typeof assumeRole>;
      if (!iam.trusts(RoleArn, { caller }, 'sts:AssumeRole'))
        throw new AwsError(
          'AccessDenied',
          `User: ${caller.principalArn} is not authorized to perform: sts:AssumeRole on resource: ${RoleArn}`,
          403,
        );
      const keys = iam.issue(RoleArn, RoleSessionName, DurationSeconds);
      return answer(operation, {
        Credentials: {
          AccessKeyId: keys.accessKeyId,
          SecretAccessKey: keys.secretAccessKey,
          SessionToken: keys.sessionToken,
          Expiration: keys.expiration.toISOString(),
        },
        AssumedRoleUser: {
          AssumedRoleId: `AROALOCAL:${RoleSessionName}`,
          Arn: iam.session(RoleArn, RoleSessionName).principalArn,
        },
        PackedPolicySize: 0,
      });
    },
    fail: (error) =>
      xmlReply(
        error.status,
        `<ErrorResponse xmlns="${NAMESPACE}">${xml({ Error: { Type: 'Sender', Code: error.code, Message: error.message }, RequestId: randomUUID() })}</ErrorResponse>`,
      ),
  };
}
