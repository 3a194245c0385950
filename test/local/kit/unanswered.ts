/** A signed call of a service that the local AWS does not answer. */
import { Sha256Node } from '@smithy/core/checksum';
import { SignatureV4 } from '@smithy/signature-v4';
import type { Credentials } from '#local/plugin.ts';

export async function callSqs({
  endpoint,
  credentials,
}: {
  endpoint: string;
  credentials: Credentials;
}): Promise<Response> {
  const { host, hostname } = new URL(endpoint);
  const signer = new SignatureV4({ credentials, service: 'sqs', region: 'us-east-1', sha256: Sha256Node });
  const { headers } = await signer.sign({
    method: 'POST',
    protocol: 'http:',
    hostname,
    path: '/',
    headers: { host },
    body: '{}',
  });
  return fetch(endpoint, { method: 'POST', headers, body: '{}' });
}
