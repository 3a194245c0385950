import { Sha256Node } from '@smithy/core/checksum';
import { SignatureV4 } from '@smithy/signature-v4';
import { expect, it } from 'vitest';
import { eksToken } from '#functions/lib/eks-token.ts';

const NOW = '2026-11-21T12:00:00.000Z';
const credentials = { accessKeyId: 'AKIA1', secretAccessKey: 'secret', sessionToken: 'a/b+c=' };
const of = { cluster: 'rs-1', region: 'eu-west-1', credentials, now: NOW };
const urlOf = (token: string): URL => new URL(Buffer.from(token.slice('k8s-aws-v1.'.length), 'base64url').toString());

/** What aws-iam-authenticator takes (pkg/token/token.go): any other parameter is refused. */
const TAKEN = [
  'Action',
  'Version',
  'X-Amz-Algorithm',
  'X-Amz-Credential',
  'X-Amz-Date',
  'X-Amz-Expires',
  'X-Amz-Security-Token',
  'X-Amz-Signature',
  'X-Amz-SignedHeaders',
];

it('a token has exactly the query that EKS takes, and signs the cluster’s name', async () => {
  const { token, expiresAt } = await eksToken(of);
  const url = urlOf(token);
  expect([...url.searchParams.keys()].toSorted()).toEqual(TAKEN.toSorted());
  expect(url.searchParams.get('X-Amz-SignedHeaders')).toBe('host;x-k8s-aws-id');
  expect(url.host).toBe('sts.eu-west-1.amazonaws.com');
  expect(token).not.toContain('=');
  expect(token.length).toBeLessThan(4096);
  expect(expiresAt).toBe('2026-11-21T12:14:00.000Z');
});

it('a token is good for one cluster: its signature is another for another', async () => {
  const signature = async (cluster: string) =>
    urlOf((await eksToken({ ...of, cluster })).token).searchParams.get('X-Amz-Signature');
  expect(await signature('rs-1')).toBe(await signature('rs-1'));
  expect(await signature('rs-1')).not.toBe(await signature('rs-2'));
});

it('its signature is the one that STS would compute for the URL and the header', async () => {
  const { token } = await eksToken({ ...of, stsUrl: 'http://127.0.0.1:4566' });
  const url = urlOf(token);
  expect(url.host).toBe('127.0.0.1:4566');
  const signer = new SignatureV4({ service: 'sts', region: 'eu-west-1', sha256: Sha256Node, credentials });
  const again = await signer.presign(
    {
      method: 'GET',
      protocol: 'http:',
      hostname: '127.0.0.1',
      port: 4566,
      path: '/',
      query: { Action: 'GetCallerIdentity', Version: '2011-06-15' },
      headers: { host: '127.0.0.1:4566', 'x-k8s-aws-id': 'rs-1' },
    },
    {
      signingDate: new Date(NOW),
      expiresIn: 60,
      unhoistableHeaders: new Set(['x-k8s-aws-id']),
      signableHeaders: new Set(['host', 'x-k8s-aws-id']),
    },
  );
  expect(url.searchParams.get('X-Amz-Signature')).toBe(again.query?.['X-Amz-Signature']);
});
