/** Keys of role sessions: made from one secret of the state folder, so that they stay good after a restart and nothing is stored. */
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Credentials } from '#local/plugin.ts';

/** What a session token says. */
export interface Session {
  readonly accessKeyId: string;
  readonly roleArn: string;
  readonly sessionName: string;
  readonly expiresAt: number;
}

/** Issues and reads keys. */
export interface Keyring {
  issue(roleArn: string, sessionName: string, expiresAt: number): Credentials;
  /** The session of a token that this keyring made; nothing for any other. Expiry is the caller's to check. */
  read(sessionToken: string): Session | undefined;
  secretOf(accessKeyId: string): string;
}

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

function readOrMakeSecret(path: string): Buffer {
  if (!existsSync(path)) {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, randomBytes(32), { mode: 0o600 });
    chmodSync(path, 0o600);
  }
  return readFileSync(path);
}

/** Sessions and secrets that were worked out before; more than these are worked out anew. */
const REMEMBERED = 512;

const remembering = <T>(make: (of: string) => T): ((of: string) => T) => {
  const made = new Map<string, T>();
  return (of) => {
    const known = made.get(of);
    if (known !== undefined) return known;
    const value = make(of);
    if (made.size >= REMEMBERED) made.clear();
    if (value !== undefined) made.set(of, value);
    return value;
  };
};

/** Opens the keyring whose secret lies in the file `path` (mode 600; made when missing). */
export function openKeyring(path: string): Keyring {
  const secret = readOrMakeSecret(path);
  const mac = (purpose: string, of: string): Buffer => createHmac('sha256', secret).update(`${purpose}:${of}`).digest();
  const secretOf = remembering((accessKeyId): string => mac('secret', accessKeyId).toString('base64').slice(0, 40));
  const read = remembering((sessionToken): Session | undefined => {
    const [body = '', signature = ''] = sessionToken.split('.');
    const [given, wanted] = [Buffer.from(signature, 'base64url'), mac('token', body)];
    if (given.length !== wanted.length || !timingSafeEqual(given, wanted)) return undefined;
    return JSON.parse(Buffer.from(body, 'base64url').toString()) as Session;
  });
  return {
    secretOf,
    read,
    issue(roleArn, sessionName, expiresAt) {
      const accessKeyId = `ASIA${[...randomBytes(16)].map((byte) => ALPHABET[byte & 31]).join('')}`;
      const session: Session = { accessKeyId, roleArn, sessionName, expiresAt };
      const body = Buffer.from(JSON.stringify(session)).toString('base64url');
      return {
        accessKeyId,
        secretAccessKey: secretOf(accessKeyId),
        sessionToken: `${body}.${mac('token', body).toString('base64url')}`,
        expiration: new Date(expiresAt),
      };
    },
  };
}
