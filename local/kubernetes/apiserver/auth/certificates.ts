/** Certificates of a cluster: its authority, and what that signs for servers and clients. */
import 'reflect-metadata';
import { createPrivateKey, randomBytes, webcrypto } from 'node:crypto';

/** A certificate and its private key; PEM. */
export interface Certificate {
  certPem: string;
  keyPem: string;
}

export interface Subject {
  /** A client's user name. */
  commonName: string;
  /** A client's groups. */
  organizations?: string[];
}

export type Use = { server: { type: 'ip' | 'dns'; value: string }[] } | 'client';

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const TEN_YEARS_MS = 10 * 365 * 24 * 3600 * 1000;
const SERVER_AUTH = '1.3.6.1.5.5.7.3.1';
const CLIENT_AUTH = '1.3.6.1.5.5.7.3.2';

/** Loaded only when something is to be signed: a start with all certificates in place does not pay for it. */
async function library() {
  const x509 = await import('@peculiar/x509');
  x509.cryptoProvider.set(webcrypto as unknown as Parameters<typeof x509.cryptoProvider.set>[1]);
  return x509;
}

const newKeys = () => webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
const serial = () => `4${randomBytes(15).toString('hex')}`;

async function pemOf(key: webcrypto.CryptoKey): Promise<string> {
  const der = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', key));
  return createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })
    .export({ format: 'pem', type: 'pkcs8' })
    .toString();
}

const validity = (endsIn = TEN_YEARS_MS) => ({
  // An hour back, for clocks that differ.
  notBefore: new Date(Date.now() - 3_600_000),
  notAfter: new Date(Date.now() + endsIn),
});

/** A new authority. */
export async function newAuthority(): Promise<Certificate> {
  const x509 = await library();
  const keys = await newKeys();
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serial(),
    name: 'CN=kubernetes',
    ...validity(),
    keys,
    signingAlgorithm: ALGORITHM,
    extensions: [
      new x509.BasicConstraintsExtension(true, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.digitalSignature, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { certPem: `${certificate.toString('pem')}\n`, keyPem: await pemOf(keys.privateKey) };
}

/** A certificate that the authority signs. `endsIn`: milliseconds of life, ten years by default. */
export async function issue(
  authority: Certificate,
  { commonName, organizations = [] }: Subject,
  use: Use,
  endsIn?: number,
): Promise<Certificate> {
  const x509 = await library();
  const ca = new x509.X509Certificate(authority.certPem);
  const signingKey = await webcrypto.subtle.importKey(
    'pkcs8',
    createPrivateKey(authority.keyPem).export({ format: 'der', type: 'pkcs8' }),
    ALGORITHM,
    false,
    ['sign'],
  );
  const keys = await newKeys();
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: serial(),
    subject: [...organizations.map((group) => ({ O: [group] })), { CN: [commonName] }],
    issuer: ca.subject,
    ...validity(endsIn),
    publicKey: keys.publicKey,
    signingKey,
    signingAlgorithm: ALGORITHM,
    extensions: [
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([use === 'client' ? CLIENT_AUTH : SERVER_AUTH]),
      ...(use === 'client' ? [] : [new x509.SubjectAlternativeNameExtension(use.server)]),
      await x509.AuthorityKeyIdentifierExtension.create(ca.publicKey),
    ],
  });
  return { certPem: `${certificate.toString('pem')}\n`, keyPem: await pemOf(keys.privateKey) };
}
