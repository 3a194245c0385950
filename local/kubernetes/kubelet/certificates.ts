/** The certificates between the API server and the kubelet, signed by the cluster's authority; made once, kept in files. */
import 'reflect-metadata';
import { createPrivateKey, randomBytes, webcrypto } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** A certificate and its key, and the authority that both ends trust; PEM. */
export interface Identity {
  caPem: string;
  certPem: string;
  keyPem: string;
}

/** Who the API server is to a kubelet: kubeadm's own name for it. */
export const KUBELET_CLIENT = 'kube-apiserver-kubelet-client';

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const TEN_YEARS_MS = 10 * 365 * 24 * 3600 * 1000;
const SERVER_AUTH = '1.3.6.1.5.5.7.3.1';
const CLIENT_AUTH = '1.3.6.1.5.5.7.3.2';

async function issue(caCertPem: string, caKeyPem: string, name: string, use: 'server' | 'client') {
  // Loaded only here: a start with certificates in place does not pay for it.
  const x509 = await import('@peculiar/x509');
  x509.cryptoProvider.set(webcrypto as unknown as Parameters<typeof x509.cryptoProvider.set>[1]);
  const der = (key: webcrypto.CryptoKey) => webcrypto.subtle.exportKey('pkcs8', key);
  const signingKey = await webcrypto.subtle.importKey(
    'pkcs8',
    createPrivateKey(caKeyPem).export({ format: 'der', type: 'pkcs8' }),
    ALGORITHM,
    false,
    ['sign'],
  );
  const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: `4${randomBytes(15).toString('hex')}`,
    subject: `CN=${name}`,
    issuer: new x509.X509Certificate(caCertPem).subject,
    notBefore: new Date(Date.now() - 3_600_000),
    notAfter: new Date(Date.now() + TEN_YEARS_MS),
    publicKey: keys.publicKey,
    signingKey,
    signingAlgorithm: ALGORITHM,
    extensions: [
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([use === 'server' ? SERVER_AUTH : CLIENT_AUTH]),
      ...(use === 'server' ? [new x509.SubjectAlternativeNameExtension([{ type: 'ip', value: '127.0.0.1' }])] : []),
    ],
  });
  const key = createPrivateKey({ key: Buffer.from(await der(keys.privateKey)), format: 'der', type: 'pkcs8' });
  return {
    certPem: `${certificate.toString('pem')}\n`,
    keyPem: key.export({ format: 'pem', type: 'pkcs8' }).toString(),
  };
}

/**
 * The certificate `name` of the folder `dir`, made when it is missing. `caDir` holds the cluster's `ca.crt` and `ca.key`.
 * A server's is for 127.0.0.1, where the kubelet listens.
 */
export async function identity(dir: string, caDir: string, name: string, use: 'server' | 'client'): Promise<Identity> {
  const caPem = readFileSync(join(caDir, 'ca.crt'), 'utf8');
  const [cert, key] = [join(dir, `${name}.crt`), join(dir, `${name}.key`)];
  if (!existsSync(cert)) {
    mkdirSync(dir, { recursive: true, mode: 0o700 });
    const made = await issue(caPem, readFileSync(join(caDir, 'ca.key'), 'utf8'), name, use);
    writeFileSync(key, made.keyPem, { mode: 0o600 });
    // Written last: its presence says that both are there.
    writeFileSync(cert, made.certPem, { mode: 0o600 });
  }
  return { caPem, certPem: readFileSync(cert, 'utf8'), keyPem: readFileSync(key, 'utf8') };
}
