/** Where the certificates of a cluster lie in its folder, and who makes them. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { loadPki } from './apiserver/auth/pki.ts';
import { type Identity, identity, KUBELET_CLIENT } from './kubelet/certificates.ts';

/** The API server's: authority, its own and the admin's, the key of service accounts. */
export const pkiDirOf = (dir: string): string => join(dir, 'apiserver');
/** Those between the API server and the kubelet. */
export const kubeletPkiDirOf = (dir: string): string => join(dir, 'pki');

export const kubeletIdentity = (dir: string): Promise<Identity> =>
  identity(kubeletPkiDirOf(dir), pkiDirOf(dir), 'kubelet', 'server');

/** What the API server shows a kubelet. */
export const kubeletClientIdentity = (dir: string): Promise<Identity> =>
  identity(kubeletPkiDirOf(dir), pkiDirOf(dir), KUBELET_CLIENT, 'client');

/** Makes what a start needs and is missing. */
export async function makeCertificates(dir: string): Promise<void> {
  mkdirSync(pkiDirOf(dir), { recursive: true, mode: 0o700 });
  await loadPki(pkiDirOf(dir));
  await kubeletIdentity(dir);
}
