/** Sealing of secrets before they reach the table: a KMS data key each, AES-256-GCM, and a context that is bound to both (DESIGN §4 secrets; seed-systems §4.1 H3). */
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { DecryptCommand, GenerateDataKeyCommand, KMSClient } from '@aws-sdk/client-kms';
import { fips } from './fips.ts';

/** What a sealed text belongs to. Another context opens nothing. Not secret: KMS logs it. */
export type SealContext = Readonly<Record<string, string>>;

/** What a secret's value is sealed for: whose it is, its name and its number (DESIGN §4 secrets). */
export const secretContext = (holder: string, name: string, number: number): SealContext => ({
  purpose: 'secret',
  holder,
  name,
  number: String(number),
});

/** What a credential is sealed for: the one request that waits for it. */
export const credentialContext = (request: string): SealContext => ({ purpose: 'credential', request });

export interface Sealing {
  readonly seal: (text: string, context: SealContext) => Promise<string>;
  /** Throws when the text was changed or belongs to something else. */
  readonly open: (sealed: string, context: SealContext) => Promise<string>;
}

/** Where data keys come from. */
export interface DataKeys {
  readonly generate: (context: SealContext) => Promise<{ readonly plain: Uint8Array; readonly wrapped: Uint8Array }>;
  readonly unwrap: (wrapped: Uint8Array, context: SealContext) => Promise<Uint8Array>;
}

const ALGORITHM = 'aes-256-gcm';
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const VERSION = 'v1';

/** The context as bytes, the same whatever the order of its names. */
const aadOf = (context: SealContext): Buffer =>
  Buffer.from(JSON.stringify(Object.entries(context).sort(([one], [other]) => (one < other ? -1 : 1))));

/** Sealed text is `v1.<wrapped key>.<nonce, cipher text and tag>`, in base64url. */
export const createSealing = (keys: DataKeys): Sealing => ({
  seal: async (text, context) => {
    const { plain, wrapped } = await keys.generate(context);
    const nonce = randomBytes(NONCE_BYTES);
    const cipher = createCipheriv(ALGORITHM, plain, nonce).setAAD(aadOf(context));
    const body = Buffer.concat([nonce, cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()]);
    plain.fill(0);
    return `${VERSION}.${Buffer.from(wrapped).toString('base64url')}.${body.toString('base64url')}`;
  },
  open: async (sealed, context) => {
    const [version, wrapped, body] = sealed.split('.');
    if (version !== VERSION || wrapped === undefined || body === undefined)
      throw new Error(`a sealed text begins with ${VERSION} and has three parts`);
    const plain = await keys.unwrap(Buffer.from(wrapped, 'base64url'), context);
    const bytes = Buffer.from(body, 'base64url');
    const decipher = createDecipheriv(ALGORITHM, plain, bytes.subarray(0, NONCE_BYTES), { authTagLength: TAG_BYTES })
      .setAAD(aadOf(context))
      .setAuthTag(bytes.subarray(-TAG_BYTES));
    const text = Buffer.concat([decipher.update(bytes.subarray(NONCE_BYTES, -TAG_BYTES)), decipher.final()]).toString(
      'utf8',
    );
    plain.fill(0);
    return text;
  },
});

/** Data keys of one KMS key. `opens` is the key that wrapped what is opened; null: any that the caller may use, as the wrapped key itself says. */
export const kmsDataKeys = (
  keyArn: string,
  client = new KMSClient(fips('kms')),
  opens: string | null = keyArn,
): DataKeys => ({
  generate: async (context) => {
    const { Plaintext, CiphertextBlob } = await client.send(
      new GenerateDataKeyCommand({ KeyId: keyArn, KeySpec: 'AES_256', EncryptionContext: { ...context } }),
    );
    if (Plaintext === undefined || CiphertextBlob === undefined) throw new Error('KMS answered no data key');
    return { plain: Plaintext, wrapped: CiphertextBlob };
  },
  unwrap: async (wrapped, context) => {
    const { Plaintext } = await client.send(
      new DecryptCommand({ KeyId: opens ?? undefined, CiphertextBlob: wrapped, EncryptionContext: { ...context } }),
    );
    if (Plaintext === undefined) throw new Error('KMS answered no plain text');
    return Plaintext;
  },
});

/** Opens what any key sealed and seals with this one: for the move from one to another. */
export const liveResealing = (keyArn: string): Sealing => createSealing(kmsDataKeys(keyArn, undefined, null));

export const liveSealing = (keyArn: string): Sealing => createSealing(kmsDataKeys(keyArn));
