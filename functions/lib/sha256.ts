/** SHA-256 and its HMAC as the SDK's signer asks for them, where thousands of calls are signed with one key: pushes, and the local AWS that checks them. */
import { createHash, createHmac, createSecretKey, type Hash, type Hmac, type KeyObject } from 'node:crypto';

type Bytes = string | ArrayBuffer | ArrayBufferView;

const bufferOf = (data: Bytes): Buffer =>
  typeof data === 'string'
    ? Buffer.from(data)
    : ArrayBuffer.isView(data)
      ? Buffer.from(data.buffer, data.byteOffset, data.byteLength)
      : Buffer.from(data);

/** More keys than these are made anew; a function has two in use at a time. */
const REMEMBERED = 512;
const keys = new Map<string, KeyObject>();

/** In Node 24 a key that is given as bytes costs four times the HMAC itself: it is kept as an object. */
const keyOf = (secret: Bytes): KeyObject => {
  const bytes = bufferOf(secret);
  const name = bytes.toString('latin1');
  const known = keys.get(name);
  if (known !== undefined) return known;
  if (keys.size >= REMEMBERED) keys.clear();
  const made = createSecretKey(bytes);
  keys.set(name, made);
  return made;
};

/** What `SignatureV4` takes as `sha256`. */
export class Sha256 {
  private readonly hash: Hash | Hmac;
  constructor(secret?: Bytes) {
    this.hash = secret === undefined ? createHash('sha256') : createHmac('sha256', keyOf(secret));
  }
  update(data: Bytes): void {
    this.hash.update(bufferOf(data));
  }
  async digest(): Promise<Uint8Array> {
    return this.hash.digest();
  }
}
