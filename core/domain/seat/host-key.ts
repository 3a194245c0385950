/** The SSH host key of a seat: what people's clients know its pod by, however often it is made anew. */
import { generateKeyPairSync } from 'node:crypto';

/** A new private key as PEM. ECDSA P-256: FIPS-approved, and in a form that OpenSSH reads (DESIGN §4 secrets). */
export const makeHostKey = (): string =>
  generateKeyPairSync('ec', {
    namedCurve: 'P-256',
    privateKeyEncoding: { type: 'sec1', format: 'pem' },
    publicKeyEncoding: { type: 'spki', format: 'pem' },
  }).privateKey;
