/** Tokens that EKS API servers take: a presigned `GetCallerIdentity` of STS (codebases.md 4.3; aws-iam-authenticator `pkg/token`). */
import { Sha256Node } from '@smithy/core/checksum';
import { SignatureV4 } from '@smithy/signature-v4';

export interface EksTokenOf {
  /** The cluster's name in EKS: a token is good for this cluster only. */
  readonly cluster: string;
  readonly region: string;
  readonly credentials: {
    readonly accessKeyId: string;
    readonly secretAccessKey: string;
    readonly sessionToken?: string | undefined;
  };
  /** Where STS is, when not at AWS: `AWS_ENDPOINT_URL`. */
  readonly stsUrl?: string | undefined;
  readonly now: string;
}

/** EKS takes a token for 15 minutes after its signing; one minute is left for clocks that differ. */
const LIFE_SECONDS = 14 * 60;

/** Makes a token without a call. It is a credential: never log it. */
export const eksToken = async (
  of: EksTokenOf,
): Promise<{ readonly token: string /** RFC 3339 */; readonly expiresAt: string }> => {
  // The regional host: the global one is refused by clusters of other partitions and is slower.
  const sts = new URL(of.stsUrl ?? `https://sts.${of.region}.amazonaws.com`);
  const { sessionToken } = of.credentials;
  const signer = new SignatureV4({
    service: 'sts',
    region: of.region,
    sha256: Sha256Node,
    credentials: {
      accessKeyId: of.credentials.accessKeyId,
      secretAccessKey: of.credentials.secretAccessKey,
      ...(sessionToken === undefined ? {} : { sessionToken }),
    },
  });
  const signed = await signer.presign(
    {
      method: 'GET',
      protocol: sts.protocol,
      hostname: sts.hostname,
      path: '/',
      // Made by hand, not by the SDK: the verifier takes nine query parameters and refuses any other (such as `x-id`).
      query: { Action: 'GetCallerIdentity', Version: '2011-06-15' },
      headers: { host: sts.host, 'x-k8s-aws-id': of.cluster },
    },
    {
      signingDate: new Date(of.now),
      expiresIn: 60,
      unhoistableHeaders: new Set(['x-k8s-aws-id']),
      signableHeaders: new Set(['host', 'x-k8s-aws-id']),
    },
  );
  const query = new URLSearchParams(signed.query as Record<string, string>);
  const url = `${sts.origin}/?${query}`;
  return {
    token: `k8s-aws-v1.${Buffer.from(url).toString('base64url')}`,
    expiresAt: new Date(Date.parse(of.now) + LIFE_SECONDS * 1000).toISOString(),
  };
};
