/** Keys of the local KMS: 256 random bits each in the state folder, never leaving it. */
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stableId } from '#local/template/without-effect.ts';
import { ACCOUNT, AwsError, REGION } from '#local/types.ts';

/** Pairs that must be the same again to decrypt. */
export type EncryptionContext = Readonly<Record<string, string>>;

export interface Key {
  readonly id: string;
  readonly arn: string;
}

export interface Keys {
  /** Makes the key named so, or finds the one of an earlier run. */
  ensure(name: string): Key;
  alias(name: string, keyId: string): void;
  /** By id, ARN, alias name or alias ARN; throws NotFoundException. */
  find(named: string): Key;
  encrypt(key: Key, plaintext: Buffer, context: EncryptionContext): Buffer;
  /** The key that made a ciphertext; throws InvalidCiphertextException. */
  keyOf(ciphertext: Buffer): Key;
  /** Throws InvalidCiphertextException for another context or a changed ciphertext. */
  decrypt(ciphertext: Buffer, context: EncryptionContext): Buffer;
}

const ID_BYTES = 36;
const IV_BYTES = 12;
const TAG_BYTES = 16;

const uuidOf = (name: string): string =>
  stableId(name, 32).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');

/** The order of pairs does not count. */
const aad = (context: EncryptionContext): Buffer =>
  Buffer.from(JSON.stringify(Object.entries(context).sort(([a], [b]) => (a < b ? -1 : 1))));

const invalid = (): AwsError => new AwsError('InvalidCiphertextException', '');

/** Opens the keys in `folder` (files of mode 600). */
export function openKeys(folder: string): Keys {
  mkdirSync(folder, { recursive: true });
  const keys = new Map<string, Key>();
  const aliases = new Map<string, string>();
  const material = (id: string): Buffer => readFileSync(join(folder, id));

  const find = (named: string): Key => {
    const last = named.replace(/^arn:aws:kms:[^:]*:[^:]*:(key\/)?/, '');
    const found = keys.get(aliases.get(last) ?? last);
    if (!found) throw new AwsError('NotFoundException', `Key '${named}' does not exist`);
    return found;
  };
  const keyOf = (ciphertext: Buffer): Key => {
    const found = keys.get(ciphertext.subarray(0, ID_BYTES).toString());
    if (!found) throw invalid();
    return found;
  };

  return {
    find,
    keyOf,
    ensure(name) {
      const id = uuidOf(name);
      const path = join(folder, id);
      if (!existsSync(path)) {
        writeFileSync(path, randomBytes(32), { mode: 0o600 });
        chmodSync(path, 0o600);
      }
      const key: Key = { id, arn: `arn:aws:kms:${REGION}:${ACCOUNT}:key/${id}` };
      keys.set(id, key);
      return key;
    },
    alias: (name, keyId) => void aliases.set(name, find(keyId).id),
    encrypt(key, plaintext, context) {
      const iv = randomBytes(IV_BYTES);
      const cipher = createCipheriv('aes-256-gcm', material(key.id), iv).setAAD(aad(context));
      const body = Buffer.concat([cipher.update(plaintext), cipher.final()]);
      return Buffer.concat([Buffer.from(key.id), iv, cipher.getAuthTag(), body]);
    },
    decrypt(ciphertext, context) {
      const key = keyOf(ciphertext);
      const iv = ciphertext.subarray(ID_BYTES, ID_BYTES + IV_BYTES);
      const tag = ciphertext.subarray(ID_BYTES + IV_BYTES, ID_BYTES + IV_BYTES + TAG_BYTES);
      try {
        const decipher = createDecipheriv('aes-256-gcm', material(key.id), iv, { authTagLength: TAG_BYTES });
        decipher.setAAD(aad(context)).setAuthTag(tag);
        return Buffer.concat([decipher.update(ciphertext.subarray(ID_BYTES + IV_BYTES + TAG_BYTES)), decipher.final()]);
      } catch {
        throw invalid();
      }
    },
  };
}
