/** Only who holds a session's keys is taken for it. */
import { join } from 'node:path';
import { Sha256Node } from '@smithy/core/checksum';
import { SignatureV4 } from '@smithy/signature-v4';
import { describe, expect, test } from 'vitest';
import { createIam } from '#local/iam/iam.ts';
import type { Credentials } from '#local/plugin.ts';
import type { ApiRequest } from '#local/types.ts';
import { temporary } from '../kit/app.ts';

const TRUST = {
  Statement: { Effect: 'Allow', Action: 'sts:AssumeRole', Principal: { Service: 'lambda.amazonaws.com' } },
};

function setup(now = () => Date.now(), secret = join(temporary('iam'), 'secret')) {
  const iam = createIam(secret, now);
  const arn = iam.addRole({ name: 'worker', path: '/', trust: TRUST });
  return { iam, arn, secret, keys: iam.issue(arn, 'session', 3600) };
}
const signer = (credentials: Credentials, service: string, region = 'us-east-1') =>
  new SignatureV4({ credentials, service, region, sha256: Sha256Node, uriEscapePath: service !== 's3' });

const BODY = Buffer.from('{"a":1}');

async function signed(keys: Credentials, change: Partial<ApiRequest> = {}, region?: string): Promise<ApiRequest> {
  const { headers } = await signer(keys, 'states', region).sign({
    method: 'POST',
    protocol: 'http:',
    hostname: 'localhost',
    path: '/a%20b',
    query: { z: '1', a: ['2', '3'] },
    headers: { host: 'localhost', 'x-amz-target': 'T' },
    body: BODY,
  });
  return { method: 'POST', path: '/a%20b', query: new URLSearchParams('z=1&a=2&a=3'), headers, body: BODY, ...change };
}

test('a signed request is its session’s', async () => {
  const { iam, arn, keys } = setup();
  expect(await iam.authenticate(await signed(keys))).toEqual({
    roleArn: arn,
    sessionName: 'session',
    principalArn: 'arn:aws:sts::000000000000:assumed-role/worker/session',
  });
});

test('keys are good after a restart, with another state they are not', async () => {
  const { keys, secret } = setup();
  await expect(setup(undefined, secret).iam.authenticate(await signed(keys))).resolves.toBeDefined();
  await expect(setup().iam.authenticate(await signed(keys))).rejects.toThrow(
    'security token included in the request is invalid',
  );
});

describe('refused is', () => {
  test.each([
    ['another body', { body: Buffer.from('{"a":2}') }],
    ['another path', { path: '/other' }],
    ['another query', { query: new URLSearchParams('z=1') }],
    ['another method', { method: 'PUT' }],
  ])('%s than was signed', async (_name, change) => {
    const { iam, keys } = setup();
    await expect(iam.authenticate(await signed(keys, change))).rejects.toMatchObject({
      code: 'InvalidSignatureException',
    });
  });
  test('a wrong secret', async () => {
    const { iam, keys } = setup();
    await expect(iam.authenticate(await signed({ ...keys, secretAccessKey: 'wrong' }))).rejects.toMatchObject({
      code: 'InvalidSignatureException',
    });
  });
  test('a token that is another key’s', async () => {
    const { iam, arn, keys } = setup();
    const { sessionToken } = iam.issue(arn, 'admin', 3600);
    await expect(iam.authenticate(await signed({ ...keys, sessionToken }))).rejects.toMatchObject({
      code: 'UnrecognizedClientException',
    });
  });
  test('an expired session', async () => {
    let now = Date.now();
    const { iam, keys } = setup(() => now);
    const request = await signed(keys);
    now += 3_600_001;
    await expect(iam.authenticate(request)).rejects.toMatchObject({ code: 'ExpiredTokenException' });
  });
  test('a request of more than 15 minutes ago', async () => {
    let now = Date.now();
    const { iam, keys } = setup(() => now);
    const request = await signed(keys);
    now += 16 * 60_000;
    await expect(iam.authenticate(request)).rejects.toThrow('Signature expired');
  });
  test('another region', async () => {
    const { iam, keys } = setup();
    await expect(iam.authenticate(await signed(keys, {}, 'eu-west-1'))).rejects.toThrow('valid region');
  });
  test('no signature', async () => {
    const { iam, keys } = setup();
    await expect(iam.authenticate({ ...(await signed(keys)), headers: {} })).rejects.toMatchObject({
      code: 'MissingAuthenticationTokenException',
    });
  });
});

describe('a presigned request', () => {
  const presigned = async (keys: Credentials, service: string, extra: Record<string, string> = {}) => {
    const { query } = await signer(keys, service).presign(
      {
        method: 'GET',
        protocol: 'https:',
        hostname: `${service}.us-east-1.amazonaws.com`,
        path: '/',
        query: { Action: 'GetCallerIdentity', Version: '2011-06-15' },
        headers: { host: `${service}.us-east-1.amazonaws.com`, ...extra },
      },
      { expiresIn: 60, unhoistableHeaders: new Set(Object.keys(extra)) },
    );
    return {
      method: 'GET',
      path: '/',
      query: new URLSearchParams(query as Record<string, string>),
      headers: { host: `${service}.us-east-1.amazonaws.com`, ...extra },
      body: Buffer.alloc(0),
    };
  };
  test('with a signed header is its session’s only with that header', async () => {
    const { iam, arn, keys } = setup();
    const request = await presigned(keys, 'sts', { 'x-k8s-aws-id': 'cluster-1' });
    expect((await iam.authenticate(request)).roleArn).toBe(arn);
    const other = { ...request, headers: { ...request.headers, 'x-k8s-aws-id': 'cluster-2' } };
    await expect(iam.authenticate(other)).rejects.toMatchObject({ code: 'InvalidSignatureException' });
  });
  test('to STS is good for 15 minutes, to others as long as it says', async () => {
    let now = Date.now();
    const { iam, keys } = setup(() => now);
    const [sts, s3] = [await presigned(keys, 'sts'), await presigned(keys, 's3')];
    now += 14 * 60_000;
    await expect(iam.authenticate(sts)).resolves.toBeDefined();
    await expect(iam.authenticate(s3)).rejects.toThrow('Signature expired');
  });
});
