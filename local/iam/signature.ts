/** Signature Version 4, checked by signing again: who signed a request, in its headers or its query. */
import { createHash, timingSafeEqual } from 'node:crypto';
import { SignatureV4 } from '@smithy/signature-v4';
import { Sha256 } from '#functions/lib/sha256.ts';
import { type ApiRequest, AwsError, REGION } from '#local/types.ts';
import type { Keyring, Session } from './credentials.ts';

const SKEW_MS = 15 * 60_000;

/** A signed request's own words about its signature. */
interface Claim {
  readonly accessKeyId: string;
  readonly region: string;
  readonly service: string;
  readonly signedHeaders: readonly string[];
  readonly signature: string;
  readonly sessionToken: string;
  readonly signedAt: Date;
  /** How long a presigned request is good, in seconds; undefined for one signed in its headers. */
  readonly expires: number | undefined;
}

const amzDate = (text: string): Date =>
  new Date(text.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6Z'));

const scopeOf = (credential: string): readonly [string, string, string, string] => {
  const [accessKeyId = '', date = '', region = '', service = ''] = credential.split('/');
  return [accessKeyId, date, region, service];
};

const CREDENTIAL = /^AWS4-HMAC-SHA256 Credential=([^, ]+),/;

function readClaim({ headers, query }: ApiRequest): Claim | undefined {
  const credential = query.get('X-Amz-Credential');
  if (credential) {
    const [accessKeyId, , region, service] = scopeOf(credential);
    return {
      accessKeyId,
      region,
      service,
      signedHeaders: (query.get('X-Amz-SignedHeaders') ?? '').split(';'),
      signature: query.get('X-Amz-Signature') ?? '',
      sessionToken: query.get('X-Amz-Security-Token') ?? '',
      signedAt: amzDate(query.get('X-Amz-Date') ?? ''),
      expires: Number(query.get('X-Amz-Expires') ?? 0),
    };
  }
  const [, scope, signedHeaders, signature] =
    /^AWS4-HMAC-SHA256 Credential=([^, ]+),\s*SignedHeaders=([^, ]+),\s*Signature=([0-9a-f]+)$/.exec(
      headers.authorization ?? '',
    ) ?? [];
  if (!scope) return undefined;
  const [accessKeyId, , region, service] = scopeOf(scope);
  return {
    accessKeyId,
    region,
    service,
    signedHeaders: signedHeaders!.split(';'),
    signature: signature!,
    sessionToken: headers['x-amz-security-token'] ?? '',
    signedAt: amzDate(headers['x-amz-date'] ?? ''),
    expires: undefined,
  };
}

/** The service in the credential scope of a signed request; nothing for an unsigned one. */
export const signedService = ({ headers, query }: ApiRequest): string | undefined => {
  const credential = query.get('X-Amz-Credential') ?? CREDENTIAL.exec(headers.authorization ?? '')?.[1];
  return credential ? scopeOf(credential)[3] : undefined;
};

const sha256 = (body: Buffer): string => createHash('sha256').update(body).digest('hex');

/** The signature that the holder of `secret` would have made for this request. */
async function signAgain(request: ApiRequest, claim: Claim, secretAccessKey: string): Promise<string> {
  const signer = new SignatureV4({
    service: claim.service,
    region: claim.region,
    credentials: { accessKeyId: claim.accessKeyId, secretAccessKey, sessionToken: claim.sessionToken },
    sha256: Sha256,
    // S3 alone signs the path as it is sent; the others encode it once more.
    uriEscapePath: claim.service !== 's3',
    applyChecksum: false,
  });
  const wanted = new Set(claim.signedHeaders);
  const query: Record<string, string | string[]> = {};
  for (const [name, value] of request.query) {
    if (claim.expires !== undefined && SIGNING_PARAMETERS.has(name)) continue;
    query[name] = name in query ? [query[name]!, value].flat() : value;
  }
  const signable = {
    method: request.method,
    protocol: 'http:',
    hostname: request.headers.host ?? '',
    path: request.path,
    query,
    headers: Object.fromEntries(
      Object.entries(request.headers).filter(([name]) => wanted.has(name) || name === 'x-amz-content-sha256'),
    ),
    body: request.body,
  };
  const options = { signingDate: claim.signedAt, signableHeaders: wanted };
  if (claim.expires === undefined) {
    const { headers } = await signer.sign(signable, options);
    return /Signature=(\w+)/.exec(headers.authorization!)![1]!;
  }
  const { query: signed } = await signer.presign(signable, {
    ...options,
    expiresIn: claim.expires,
    unhoistableHeaders: wanted,
  });
  return String(signed?.['X-Amz-Signature']);
}

const SIGNING_PARAMETERS = new Set([
  'X-Amz-Algorithm',
  'X-Amz-Credential',
  'X-Amz-Date',
  'X-Amz-Expires',
  'X-Amz-Security-Token',
  'X-Amz-SignedHeaders',
  'X-Amz-Signature',
]);

const refuse = (code: string, message: string): never => {
  throw new AwsError(code, message, 403);
};

/** STS takes presigned GetCallerIdentity calls for 15 min whatever they say (aws-iam-authenticator, `X-Amz-Expires` is a legacy value). */
const lifetimeMs = (claim: Claim): number => (claim.service === 'sts' ? SKEW_MS : claim.expires! * 1000);

/** Finds the session that signed a request. Throws AwsError for no signature, keys not ours, expired ones, an old or wrong signature. */
export async function verifySignature(keyring: Keyring, request: ApiRequest, now: number): Promise<Session> {
  const claim = readClaim(request);
  if (!claim) return refuse('MissingAuthenticationTokenException', 'Missing Authentication Token');
  const session = keyring.read(claim.sessionToken);
  if (!session || session.accessKeyId !== claim.accessKeyId)
    return refuse('UnrecognizedClientException', 'The security token included in the request is invalid.');
  if (session.expiresAt <= now)
    return refuse('ExpiredTokenException', 'The security token included in the request is expired');
  if (claim.region !== REGION)
    return refuse('InvalidSignatureException', `Credential should be scoped to a valid region, not '${claim.region}'.`);
  const age = now - claim.signedAt.getTime();
  const late = claim.expires === undefined ? age > SKEW_MS : age > lifetimeMs(claim);
  if (Number.isNaN(age) || late || age < -SKEW_MS)
    return refuse(
      'InvalidSignatureException',
      `Signature expired: ${claim.signedAt.getTime() / 1000} is not near ${now / 1000}`,
    );
  const hash = request.headers['x-amz-content-sha256'];
  if (hash && /^[0-9a-f]{64}$/.test(hash) && hash !== sha256(request.body))
    return refuse('InvalidSignatureException', 'The body does not have the hash that was signed.');
  const expected = Buffer.from(await signAgain(request, claim, keyring.secretOf(claim.accessKeyId)));
  const given = Buffer.from(claim.signature);
  if (expected.length !== given.length || !timingSafeEqual(expected, given))
    return refuse(
      'InvalidSignatureException',
      'The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method.',
    );
  return session;
}
