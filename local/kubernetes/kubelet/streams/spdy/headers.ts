/** SPDY/3 header blocks: names and values, compressed with one history for each direction of a connection. */
import { constants, createDeflate, createInflate, type Deflate, type Inflate } from 'node:zlib';
import { DICTIONARY, prefixed } from './dictionary.ts';

export type Headers = Record<string, string>;

/** A block is small; one that unpacks to more is an attack. */
const LIMIT = 64 * 1024;

/** Passes bytes through a compressor that keeps its history, and takes all that comes out of them. */
function through(codec: Deflate | Inflate, bytes: Buffer): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const out: Buffer[] = [];
    let size = 0;
    const take = (chunk: Buffer) => {
      size += chunk.length;
      if (size > LIMIT) return void codec.destroy(new Error(`a header block of more than ${LIMIT} bytes`));
      out.push(chunk);
    };
    const end = (error?: Error | null) => {
      codec.off('data', take).off('error', end);
      if (error) reject(error);
      else resolve(Buffer.concat(out));
    };
    codec.on('data', take).on('error', end);
    codec.write(bytes, (error) => {
      if (error) end(error);
      else codec.flush(constants.Z_SYNC_FLUSH, () => end());
    });
  });
}

/** Names are lower case; a value of several parts is joined by NUL. */
function parse(block: Buffer): Headers {
  const headers: Headers = {};
  let at = 0;
  const take = (length: number) => {
    at += length;
    if (at > block.length) throw new Error('a header block that ends too early');
    return block.subarray(at - length, at);
  };
  const number = () => take(4).readUInt32BE(0);
  const word = () => take(number()).toString();
  for (let left = number(); left > 0; left -= 1) {
    const name = word();
    headers[name.toLowerCase()] = word();
  }
  return headers;
}

/** Both directions of one connection. Blocks must be given in the order of their frames. */
export class HeaderCodec {
  readonly #inflate = createInflate({ dictionary: DICTIONARY });
  readonly #deflate = createDeflate({ dictionary: DICTIONARY });

  async decode(block: Buffer): Promise<Headers> {
    return parse(await through(this.#inflate, block));
  }

  encode(headers: Headers): Promise<Buffer> {
    const entries = Object.entries(headers);
    const count = Buffer.alloc(4);
    count.writeUInt32BE(entries.length);
    return through(this.#deflate, Buffer.concat([count, ...entries.flat().map(prefixed)]));
  }

  close(): void {
    this.#inflate.destroy();
    this.#deflate.destroy();
  }
}
