import { STSClient } from '@aws-sdk/client-sts';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { eksMint } from '#functions/lib/mint.ts';
import { stsApi } from '#local/clusters/sts-api.ts';
import { requestOf } from '#local/clusters/token-webhook.ts';
import { credentials, serveApis } from '#test/local/states/endpoint.ts';

const NOW = '2026-11-21T12:00:00.000Z';
const ACCOUNT = 'acc_01m7yzp40aexssy4wrs8y81rph';
const roles = {
  viewer: 'arn:aws:iam::000000000000:role/Viewer',
  editor: 'arn:aws:iam::000000000000:role/Editor',
  admin: 'arn:aws:iam::000000000000:role/Admin',
};

const assumed: { role: string; session: string; seconds: number }[] = [];
let server: Awaited<ReturnType<typeof serveApis>>;

beforeAll(async () => {
  const iam = {
    trusts: () => true,
    session: (role: string, session: string) => ({ principalArn: `${role}/${session}` }),
    issue: (role: string, session: string, seconds: number) => {
      assumed.push({ role, session, seconds });
      const expiration = new Date(Date.now() + seconds * 1000);
      return { accessKeyId: 'ASIATEST', secretAccessKey: 'secret', sessionToken: 'session', expiration };
    },
  };
  server = await serveApis([stsApi(iam as never)]);
});
afterAll(() => server[Symbol.asyncDispose]());

it('enters the role of the person under the account’s id and makes a token that the cluster’s authenticator takes for 14 minutes', async () => {
  const client = new STSClient({ endpoint: server.endpoint, region: 'eu-west-1', credentials, maxAttempts: 1 });
  const mint = eksMint(roles, { now: () => NOW, client, stsUrl: undefined });
  const made = await mint({ cluster: 'clu_01m7yzp41aexssy4y22e1mqsbm', role: 'editor', account: ACCOUNT });
  expect(made.expiresAt).toBe('2026-11-21T12:14:00.000Z');
  const request = requestOf(
    made.token,
    'rs-01m7yzp41aexssy4y22e1mqsbm',
    ['sts.eu-west-1.amazonaws.com'],
    Date.parse(NOW),
  );
  expect(request.query.get('X-Amz-Credential')).toMatch(/^ASIATEST\/20261121\/eu-west-1\/sts\/aws4_request$/);
  expect([...request.query.keys()]).toHaveLength(9);
  expect(assumed).toEqual([{ role: roles.editor, session: ACCOUNT, seconds: 900 }]);
});

it('presigns for the endpoint that stands in for AWS', async () => {
  const client = new STSClient({ endpoint: server.endpoint, region: 'us-east-1', credentials, maxAttempts: 1 });
  const mint = eksMint(roles, { now: () => NOW, client, stsUrl: server.endpoint });
  const { token } = await mint({ cluster: 'clu_x', role: 'viewer', account: ACCOUNT });
  expect(() => requestOf(token, 'rs-x', [new URL(server.endpoint).host], Date.parse(NOW))).not.toThrow();
});
