/** What a kube-apiserver reads from files: certificates, keys, tokens, where to ask about others. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { AuthenticateOptions } from '../apiserver/auth/authenticate.ts';
import { loadPki } from '../apiserver/auth/pki.ts';
import { MASTERS } from '../apiserver/auth/user.ts';
import { identity, KUBELET_CLIENT } from '../kubelet/certificates.ts';

/** Paths. */
export interface Files {
  ca: string;
  servingCert: string;
  servingKey: string;
  serviceAccountKey: string;
  serviceAccountPublicKey: string;
  tokens: string;
  tokenWebhook?: string;
  kubeletClientCert: string;
  kubeletClientKey: string;
}

/** A field of the token file; quotes are doubled as in any CSV. */
const quoted = (text: string): string => `"${text.replaceAll('"', '""')}"`;

/** One line a token: token, user, uid, groups. */
export function tokenLines({ adminToken, components = {} }: AuthenticateOptions): string {
  const users = [{ token: adminToken, user: 'kubernetes-admin', groups: [MASTERS] }, ...Object.values(components)];
  return users
    .map(({ token, user, groups }) => `${[token, user, user, groups.join(',')].map(quoted).join(',')}\n`)
    .join('');
}

/** Where unknown tokens are reviewed, in the format of a kubeconfig. */
const webhookConfig = (server: string): string =>
  JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'webhook', cluster: { server } }],
    users: [{ name: 'kube-apiserver', user: {} }],
    contexts: [{ name: 'webhook', context: { cluster: 'webhook', user: 'kube-apiserver' } }],
    'current-context': 'webhook',
  });

/**
 * Writes the files, mode 0600. `pkiDir`: certificates and keys, the ones of an embedded API server if there were some; `kubeletDir`: those towards
 * the kubelet; `dir`: the others. All of them are made once but tokens and webhook, which are written at each start.
 */
export async function writeFiles(
  dir: string,
  { pkiDir, kubeletDir }: { pkiDir: string; kubeletDir: string },
  options: AuthenticateOptions,
): Promise<{ files: Files; caPem: string }> {
  for (const folder of [dir, pkiDir]) mkdirSync(folder, { recursive: true, mode: 0o700 });
  const { caPem, verifyKey } = await loadPki(pkiDir);
  await identity(kubeletDir, pkiDir, KUBELET_CLIENT, 'client');
  const write = (name: string, text: string): string => {
    const path = join(dir, name);
    writeFileSync(path, text, { mode: 0o600 });
    return path;
  };
  const files: Files = {
    ca: join(pkiDir, 'ca.crt'),
    servingCert: join(pkiDir, 'tls.crt'),
    servingKey: join(pkiDir, 'tls.key'),
    serviceAccountKey: join(pkiDir, 'sa.key'),
    serviceAccountPublicKey: write('sa.pub', verifyKey.export({ format: 'pem', type: 'spki' }).toString()),
    tokens: write('tokens.csv', tokenLines(options)),
    kubeletClientCert: join(kubeletDir, `${KUBELET_CLIENT}.crt`),
    kubeletClientKey: join(kubeletDir, `${KUBELET_CLIENT}.key`),
  };
  if (options.tokenWebhook !== undefined)
    files.tokenWebhook = write('webhook.json', webhookConfig(options.tokenWebhook));
  return { files, caPem };
}
