/** The keys of a cluster: its certificate authority, the serving and the admin's certificate, and the key that signs service-account tokens; made once, kept in the state folder. */
import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Certificate, issue, newAuthority } from './certificates.ts';
import { MASTERS } from './user.ts';

export interface Pki {
  caPem: string;
  certPem: string;
  keyPem: string;
  /** A client certificate of the group that may do everything. */
  admin: Certificate;
  signingKey: KeyObject;
  verifyKey: KeyObject;
}

/** What the API server is called: by people on this machine, and by pods. */
const NAMES = [
  { type: 'ip' as const, value: '127.0.0.1' },
  ...[
    'localhost',
    'kubernetes',
    'kubernetes.default',
    'kubernetes.default.svc',
    'kubernetes.default.svc.cluster.local',
  ].map((value) => ({ type: 'dns' as const, value })),
];

/** The certificate of the folder, made when it is missing. Only the owner reads private keys. */
async function kept(dir: string, name: string, make: () => Promise<Certificate>): Promise<Certificate> {
  const [cert, key] = [join(dir, `${name}.crt`), join(dir, `${name}.key`)];
  if (!existsSync(cert)) {
    const made = await make();
    writeFileSync(key, made.keyPem, { mode: 0o600 });
    // Written last: its presence says that both are there.
    writeFileSync(cert, made.certPem, { mode: 0o600 });
  }
  return { certPem: readFileSync(cert, 'utf8'), keyPem: readFileSync(key, 'utf8') };
}

/** Reads the keys of the folder, and makes them where they are missing. */
export async function loadPki(dir: string): Promise<Pki> {
  const authority = await kept(dir, 'ca', newAuthority);
  const serving = await kept(dir, 'tls', () => issue(authority, { commonName: 'kube-apiserver' }, { server: NAMES }));
  const admin = await kept(dir, 'admin', () =>
    issue(authority, { commonName: 'kubernetes-admin', organizations: [MASTERS] }, 'client'),
  );
  const signing = join(dir, 'sa.key');
  if (!existsSync(signing)) {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    writeFileSync(signing, privateKey.export({ format: 'pem', type: 'pkcs8' }), { mode: 0o600 });
  }
  const signingKey = createPrivateKey(readFileSync(signing, 'utf8'));
  return { caPem: authority.certPem, ...serving, admin, signingKey, verifyKey: createPublicKey(signingKey) };
}
