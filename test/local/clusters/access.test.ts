/** Who may enter a cluster: access entries, policies, assumed roles and tokens. */
import { request } from 'node:https';
import {
  AssociateAccessPolicyCommand,
  CreateAccessEntryCommand,
  DeleteAccessEntryCommand,
  DescribeAccessEntryCommand,
  ListAccessEntriesCommand,
  ListAssociatedAccessPoliciesCommand,
} from '@aws-sdk/client-eks';
import { AssumeRoleCommand, GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import { describe, expect, test } from 'vitest';
import { eksToken } from '#functions/lib/eks-token.ts';
import { requestOf } from '#local/clusters/token-webhook.ts';
import { objectsOf } from './fake-cluster.ts';
import { clustersBench, roleArn } from './workbench.ts';

type Bench = Awaited<ReturnType<typeof clustersBench>>;
const VIEW = 'arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy';

async function clusterBench(): Promise<Bench> {
  const bench = await clustersBench();
  await bench.create('rs-1');
  await bench.until('rs-1', 'ACTIVE');
  return bench;
}
const enter = (bench: Bench, name = 'viewer', rest: object = {}) =>
  bench.eks.send(new CreateAccessEntryCommand({ clusterName: 'rs-1', principalArn: roleArn(name), ...rest }));
const allow = (bench: Bench, policyArn = VIEW, type: 'cluster' | 'namespace' = 'cluster') =>
  bench.eks.send(
    new AssociateAccessPolicyCommand({
      clusterName: 'rs-1',
      principalArn: roleArn('viewer'),
      policyArn,
      accessScope: { type },
    }),
  );
const tokenOf = async (bench: Bench, change: object = {}) =>
  (
    await eksToken({
      cluster: 'rs-1',
      region: 'us-east-1',
      credentials: await bench.assume('viewer'),
      stsUrl: bench.url,
      now: new Date().toISOString(),
      ...change,
    })
  ).token;

/** Asks the cluster who the holder of a token is. */
async function whoAmI(
  bench: Bench,
  token: string,
): Promise<{ status: number; body: { username?: string; groups?: string[] } }> {
  const { endpoint, certificateAuthority } = await bench.describe('rs-1');
  const ca = Buffer.from(certificateAuthority!.data!, 'base64');
  return new Promise((resolve, reject) => {
    const outgoing = request(
      `${endpoint}/whoami`,
      { ca, agent: false, headers: { authorization: `Bearer ${token}` } },
      async (response) => {
        const text = (await response.toArray()).join('');
        resolve({ status: response.statusCode!, body: JSON.parse(text) });
      },
    );
    outgoing.on('error', reject).end();
  });
}

describe('tokens', () => {
  test('a role with an entry and a policy enters as its session, with the group of the policy', async () => {
    await using bench = await clusterBench();
    await enter(bench, 'viewer', { kubernetesGroups: ['people'] });
    await allow(bench);

    const { status, body } = await whoAmI(bench, await tokenOf(bench));

    expect(status).toBe(200);
    expect(body.username).toBe('arn:aws:sts::000000000000:assumed-role/viewer/acc_1');
    expect(body.groups).toEqual(['people', 'eks:access:AmazonEKSViewPolicy', 'system:authenticated']);
    expect(objectsOf(bench.clusterDir('rs-1'), '/apis/rbac.authorization.k8s.io/v1/clusterrolebindings')).toMatchObject(
      [{ roleRef: { name: 'view' }, subjects: [{ kind: 'Group', name: 'eks:access:AmazonEKSViewPolicy' }] }],
    );
  });

  test('a username with the session name is filled in', async () => {
    await using bench = await clusterBench();
    await enter(bench, 'viewer', { username: 'person:{{SessionName}}' });

    expect((await whoAmI(bench, await tokenOf(bench))).body.username).toBe('person:acc_1');
  });

  test('a role without an entry, or whose entry is gone, is not authenticated', async () => {
    await using bench = await clusterBench();
    const token = await tokenOf(bench);
    expect((await whoAmI(bench, token)).status).toBe(401);
    await enter(bench);
    expect((await whoAmI(bench, token)).status).toBe(200);
    await bench.eks.send(new DeleteAccessEntryCommand({ clusterName: 'rs-1', principalArn: roleArn('viewer') }));

    expect((await whoAmI(bench, token)).status).toBe(401);
  });

  test('a token for another cluster, with wrong keys, or of sixteen minutes ago is not authenticated', async () => {
    await using bench = await clusterBench();
    await enter(bench);
    const keys = await bench.assume('viewer');

    for (const change of [
      { cluster: 'rs-2' },
      { credentials: { ...keys, secretAccessKey: 'wrong' } },
      { now: new Date(Date.now() - 16 * 60_000).toISOString() },
    ])
      expect((await whoAmI(bench, await tokenOf(bench, change))).status, JSON.stringify(change)).toBe(401);
    expect(
      (await whoAmI(bench, await tokenOf(bench, { now: new Date(Date.now() - 14 * 60_000).toISOString() }))).status,
    ).toBe(200);
  });

  const base = `https://sts.us-east-1.amazonaws.com/?Action=GetCallerIdentity&Version=2011-06-15&X-Amz-Date=20261121T120000Z&X-Amz-SignedHeaders=host%3Bx-k8s-aws-id`;
  test.each([
    ['another parameter', `${base}&x-id=GetCallerIdentity`, /not allowed: x-id/],
    ['a parameter twice', `${base}&Version=2011-06-15`, /not allowed/],
    ['another action', base.replace('GetCallerIdentity', 'AssumeRole'), /unexpected action/],
    ['another host', base.replace('sts.us-east-1', 'evil'), /unexpected host/],
    ['another path', base.replace('/?', '/x?'), /unexpected path/],
    ['no signed cluster', base.replace('%3Bx-k8s-aws-id', ''), /cluster is not signed/],
    ['too many bytes', `${base}${'x'.repeat(4096)}`, /not a token/],
  ])('a token with %s is none', (_, url, reason) => {
    const token = `k8s-aws-v1.${Buffer.from(url).toString('base64url')}`;

    expect(() => requestOf(token, 'rs-1', ['sts.us-east-1.amazonaws.com'], Date.parse('2026-11-21T12:01:00Z'))).toThrow(
      reason,
    );
  });
});

describe('access entries', () => {
  test('entries and policies are listed and described', async () => {
    await using bench = await clusterBench();
    await enter(bench);
    await allow(bench);
    const of = { clusterName: 'rs-1', principalArn: roleArn('viewer') };

    expect((await bench.eks.send(new ListAccessEntriesCommand({ clusterName: 'rs-1' }))).accessEntries).toEqual([
      roleArn('viewer'),
    ]);
    expect((await bench.eks.send(new DescribeAccessEntryCommand(of))).accessEntry).toMatchObject({
      type: 'STANDARD',
      username: expect.stringContaining('{{SessionName}}'),
    });
    expect((await bench.eks.send(new ListAssociatedAccessPoliciesCommand(of))).associatedAccessPolicies).toMatchObject([
      { policyArn: VIEW, accessScope: { type: 'cluster' } },
    ]);
  });

  test('a second entry of a role is ResourceInUseException', async () => {
    await using bench = await clusterBench();
    await enter(bench);

    await expect(enter(bench)).rejects.toMatchObject({ name: 'ResourceInUseException' });
  });

  test.each([
    ['a role that does not exist', 'nobody', {}, /is no role/],
    ['a reserved group', 'viewer', { kubernetesGroups: ['system:masters'] }, /cannot start with system:/],
    ['a session name without a colon before', 'viewer', { username: '{{SessionName}}' }, /after a colon/],
    ['another type', 'viewer', { type: 'EC2_LINUX' }, /only STANDARD/],
  ])('%s is refused', async (_, name, rest, message) => {
    await using bench = await clusterBench();

    await expect(enter(bench, name, rest)).rejects.toMatchObject({
      name: 'InvalidParameterException',
      message: expect.stringMatching(message),
    });
  });

  test('an unknown policy, a namespace scope and a missing entry are refused', async () => {
    await using bench = await clusterBench();
    await expect(allow(bench)).rejects.toMatchObject({ name: 'ResourceNotFoundException' });
    await enter(bench);

    await expect(allow(bench, `${VIEW}er`)).rejects.toMatchObject({
      name: 'InvalidParameterException',
      message: expect.stringContaining(VIEW),
    });
    await expect(allow(bench, VIEW, 'namespace')).rejects.toMatchObject({
      message: expect.stringContaining('only cluster'),
    });
  });

  test('the creator is admin only when asked for', async () => {
    await using bench = await clustersBench();
    await bench.create('without');
    await bench.create('with', {
      accessConfig: { authenticationMode: 'API', bootstrapClusterCreatorAdminPermissions: true },
    });
    const entries = async (clusterName: string) =>
      (await bench.eks.send(new ListAccessEntriesCommand({ clusterName }))).accessEntries;

    expect(await entries('without')).toEqual([]);
    expect(await entries('with')).toEqual([roleArn('task')]);
  });
});

describe('STS', () => {
  test('assumed keys are of the role and session, and end', async () => {
    await using bench = await clustersBench();
    const before = Date.now();
    const { Credentials, AssumedRoleUser } = await bench.sts.send(
      new AssumeRoleCommand({ RoleArn: roleArn('viewer'), RoleSessionName: 'acc_1', DurationSeconds: 900 }),
    );
    const keys = {
      accessKeyId: Credentials!.AccessKeyId!,
      secretAccessKey: Credentials!.SecretAccessKey!,
      sessionToken: Credentials!.SessionToken!,
      expiration: Credentials!.Expiration!,
    };
    const identity = await new STSClient(bench.config(keys)).send(new GetCallerIdentityCommand({}));

    expect(AssumedRoleUser?.Arn).toBe('arn:aws:sts::000000000000:assumed-role/viewer/acc_1');
    expect(identity).toMatchObject({ Arn: AssumedRoleUser!.Arn, Account: '000000000000' });
    expect(Math.abs(keys.expiration.getTime() - before - 900_000)).toBeLessThan(10_000);
  });

  test('trust and permission are both needed', async () => {
    await using trusted = await clustersBench({ rights: { 'sts:AssumeRole': roleArn('closed') } });

    await expect(trusted.assume('viewer')).rejects.toMatchObject({
      name: 'AccessDenied',
      message: expect.stringContaining('sts:AssumeRole'),
    });
    await expect(trusted.assume('closed')).rejects.toMatchObject({ name: 'AccessDenied' });
  });

  test.each([
    ['more than an hour', { DurationSeconds: 7200 }, /role chaining/],
    ['a session policy', { Policy: '{}' }, /Policy/],
    ['a session name with a space', { RoleSessionName: 'a b' }, /RoleSessionName/],
  ])('%s is refused', async (_, change, message) => {
    await using bench = await clustersBench();
    const assume = bench.sts.send(
      new AssumeRoleCommand({ RoleArn: roleArn('viewer'), RoleSessionName: 'acc_1', ...change }),
    );

    await expect(assume).rejects.toMatchObject({ name: 'ValidationError', message: expect.stringMatching(message) });
  });
});
