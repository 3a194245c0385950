/** The keys of a cluster: its certificate authority, the serving certificate and the key that signs service-account tokens; made once, kept in the state folder. */
import 'reflect-metadata';
import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  webcrypto,
} from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface Pki {
  caPem: string;
  certPem: string;
  keyPem: string;
  signingKey: KeyObject;
  verifyKey: KeyObject;
}

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const TEN_YEARS_MS = 10 * 365 * 24 * 3600 * 1000;

/** Only the owner reads private keys. */
const keep = (file: string, text: string): void => writeFileSync(file, text, { mode: 0o600 });

async function pemOf(key: webcrypto.CryptoKey): Promise<string> {
  const der = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', key));
  return createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })
    .export({ format: 'pem', type: 'pkcs8' })
    .toString();
}

async function makeCertificates(dir: string): Promise<void> {
  // Loaded only here: a start with keys in place does not pay for it.
  // Its container of dependencies wants the Reflect metadata API to be there first.
  await import('reflect-metadata');
  const x509 = await import('@peculiar/x509');
  x509.cryptoProvider.set(webcrypto as unknown as Parameters<typeof x509.cryptoProvider.set>[1]);
  const dates = { notBefore: new Date(Date.now() - 3_600_000), notAfter: new Date(Date.now() + TEN_YEARS_MS) };
  const serial = () => `4${randomBytes(15).toString('hex')}`;
  const caKeys = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
  const ca = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serial(),
    name: 'CN=kubernetes',
    ...dates,
    keys: caKeys,
    signingAlgorithm: ALGORITHM,
    extensions: [
      new x509.BasicConstraintsExtension(true, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.digitalSignature, true),
      await x509.SubjectKeyIdentifierExtension.create(caKeys.publicKey),
    ],
  });
  const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: serial(),
    subject: 'CN=kube-apiserver',
    issuer: ca.subject,
    ...dates,
    publicKey: keys.publicKey,
    signingKey: caKeys.privateKey,
    signingAlgorithm: ALGORITHM,
    extensions: [
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension(['1.3.6.1.5.5.7.3.1']),
      new x509.SubjectAlternativeNameExtension([
        { type: 'ip', value: '127.0.0.1' },
        { type: 'dns', value: 'localhost' },
        { type: 'dns', value: 'kubernetes' },
        { type: 'dns', value: 'kubernetes.default' },
        { type: 'dns', value: 'kubernetes.default.svc' },
        { type: 'dns', value: 'kubernetes.default.svc.cluster.local' },
      ]),
      await x509.AuthorityKeyIdentifierExtension.create(caKeys.publicKey),
    ],
  });
  keep(join(dir, 'tls.key'), await pemOf(keys.privateKey));
  keep(join(dir, 'tls.crt'), `${certificate.toString('pem')}\n`);
  keep(join(dir, 'ca.key'), await pemOf(caKeys.privateKey));
  // Written last: its presence says that all are there.
  keep(join(dir, 'ca.crt'), `${ca.toString('pem')}\n`);
}

/** Reads the keys of the folder, and makes them where they are missing. */
export async function loadPki(dir: string): Promise<Pki> {
  if (!existsSync(join(dir, 'ca.crt'))) await makeCertificates(dir);
  const signing = join(dir, 'sa.key');
  if (!existsSync(signing)) {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    keep(signing, privateKey.export({ format: 'pem', type: 'pkcs8' }).toString());
  }
  const read = (name: string) => readFileSync(join(dir, name), 'utf8');
  const signingKey = createPrivateKey(read('sa.key'));
  return {
    caPem: read('ca.crt'),
    certPem: read('tls.crt'),
    keyPem: read('tls.key'),
    signingKey,
    verifyKey: createPublicKey(signingKey),
  };
}
