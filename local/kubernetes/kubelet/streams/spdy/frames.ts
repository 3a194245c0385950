/** SPDY/3.1 frames on the wire, as far as Kubernetes' streams use them. Pure. */

export const SYN_STREAM = 1;
export const SYN_REPLY = 2;
export const RST_STREAM = 3;
export const PING = 6;
export const GOAWAY = 7;

export const FIN = 1;
/** RST_STREAM status: the sender is no longer interested. */
export const CANCEL = 5;
export const PROTOCOL_ERROR = 1;

const VERSION = 3;
const HEAD = 8;
/** Frames may say 16 MB; Go's writers send what they were given at once, which is 32 KB. */
const LIMIT = 4 * 1024 * 1024;

export type Frame =
  | { kind: 'control'; type: number; flags: number; payload: Buffer }
  | { kind: 'data'; stream: number; flags: number; payload: Buffer };

const int = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value >>> 0);
  return bytes;
};

const frame = (first: number, flags: number, payload: Buffer): Buffer =>
  Buffer.concat([int(first), int(((flags << 24) | payload.length) >>> 0), payload]);

export const controlFrame = (type: number, flags: number, payload: Buffer): Buffer =>
  frame((0x8000_0000 | (VERSION << 16) | type) >>> 0, flags, payload);
export const dataFrame = (stream: number, flags: number, payload: Buffer): Buffer => frame(stream, flags, payload);
export const replyFrame = (stream: number, headers: Buffer): Buffer =>
  controlFrame(SYN_REPLY, 0, Buffer.concat([int(stream), headers]));
export const resetFrame = (stream: number, status: number): Buffer =>
  controlFrame(RST_STREAM, 0, Buffer.concat([int(stream), int(status)]));

/** Cuts a stream of bytes into frames. Throws on what is no SPDY/3. */
export class FrameReader {
  #rest: Buffer = Buffer.alloc(0);

  *push(bytes: Buffer): Generator<Frame> {
    this.#rest = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes]);
    while (this.#rest.length >= HEAD) {
      const first = this.#rest.readUInt32BE(0);
      const second = this.#rest.readUInt32BE(4);
      const [flags, length] = [second >>> 24, second & 0xff_ffff];
      if (length > LIMIT) throw new Error(`a frame of ${length} bytes, at most ${LIMIT} are taken`);
      if (this.#rest.length < HEAD + length) return;
      const payload = this.#rest.subarray(HEAD, HEAD + length);
      this.#rest = this.#rest.subarray(HEAD + length);
      if (first < 0x8000_0000) yield { kind: 'data', stream: first, flags, payload };
      else {
        const version = (first >>> 16) & 0x7fff;
        if (version !== VERSION) throw new Error(`SPDY version ${version}, spoken is ${VERSION}`);
        yield { kind: 'control', type: first & 0xffff, flags, payload };
      }
    }
  }
}
