/** The certificates between the API server and the kubelet, signed by the cluster's authority; made once, kept in files. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { issue } from '#local/kubernetes/apiserver/auth/certificates.ts';

/** A certificate and its key, and the authority that both ends trust; PEM. */
export interface Identity {
  caPem: string;
  certPem: string;
  keyPem: string;
}

/** Who the API server is to a kubelet: kubeadm's own name for it. */
export const KUBELET_CLIENT = 'kube-apiserver-kubelet-client';

/**
 * The certificate `name` of the folder `dir`, made when it is missing. `caDir` holds the cluster's `ca.crt` and `ca.key`.
 * A server's is for the addresses on which the kubelet is asked: 127.0.0.1 by our API server.
 */
export async function identity(
  dir: string,
  caDir: string,
  name: string,
  use: 'server' | 'client',
  addresses: readonly string[] = ['127.0.0.1'],
): Promise<Identity> {
  const caPem = readFileSync(join(caDir, 'ca.crt'), 'utf8');
  const [cert, key] = [join(dir, `${name}.crt`), join(dir, `${name}.key`)];
  if (!existsSync(cert)) {
    mkdirSync(dir, { recursive: true, mode: 0o700 });
    const authority = { certPem: caPem, keyPem: readFileSync(join(caDir, 'ca.key'), 'utf8') };
    const made = await issue(
      authority,
      { commonName: name },
      use === 'client' ? use : { server: addresses.map((value) => ({ type: 'ip', value })) },
    );
    writeFileSync(key, made.keyPem, { mode: 0o600 });
    // Written last: its presence says that both are there.
    writeFileSync(cert, made.certPem, { mode: 0o600 });
  }
  return { caPem, certPem: readFileSync(cert, 'utf8'), keyPem: readFileSync(key, 'utf8') };
}
