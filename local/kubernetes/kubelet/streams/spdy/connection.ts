/** The server's side of a SPDY/3.1 connection, as moby/spdystream speaks it: streams that the client opens, without flow control. */
import { Duplex } from 'node:stream';
import {
  CANCEL,
  controlFrame,
  dataFrame,
  FIN,
  type Frame,
  FrameReader,
  GOAWAY,
  PING,
  PROTOCOL_ERROR,
  RST_STREAM,
  replyFrame,
  resetFrame,
  SYN_STREAM,
} from './frames.ts';
import { HeaderCodec, type Headers } from './headers.ts';

/** More streams at once than any client opens. */
const STREAMS = 1_024;
const CHUNK = 32 * 1024;

/** One stream: readable until the client's FIN, writable until ours. */
class SpdyStream extends Duplex {
  readonly headers: Headers;
  readonly #send: (frame: Buffer, sent: () => void) => void;
  readonly #id: number;
  readonly #wanted: () => void;

  constructor(id: number, headers: Headers, send: (frame: Buffer, sent: () => void) => void, wanted: () => void) {
    super({ allowHalfOpen: true });
    this.#id = id;
    this.headers = headers;
    this.#send = send;
    this.#wanted = wanted;
  }

  override _read(): void {
    this.#wanted();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    for (let at = 0; at < chunk.length; at += CHUNK) {
      const last = at + CHUNK >= chunk.length;
      this.#send(dataFrame(this.#id, 0, chunk.subarray(at, at + CHUNK)), last ? done : () => undefined);
    }
    if (chunk.length === 0) done();
  }

  override _final(done: () => void): void {
    this.#send(dataFrame(this.#id, FIN, Buffer.alloc(0)), done);
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    if (!this.writableFinished || !this.readableEnded) this.#send(resetFrame(this.#id, CANCEL), () => undefined);
    done(error);
  }
}

export type { SpdyStream };

/** Serves a connection until it ends; `opened` gets each stream of the client once it was answered. */
export async function serveSpdy(wire: Duplex, opened: (stream: SpdyStream) => void): Promise<void> {
  const reader = new FrameReader();
  const codec = new HeaderCodec();
  const streams = new Map<number, SpdyStream>();
  const full = new Set<number>();
  let resume: (() => void) | undefined;
  const send = (frame: Buffer, sent: () => void = () => undefined) => {
    if (wire.writable) wire.write(frame, () => sent());
    else sent();
  };

  async function open(payload: Buffer, flags: number): Promise<void> {
    const id = payload.readUInt32BE(0) & 0x7fff_ffff;
    // Decoded even if refused: the compressor's history must not miss a block.
    const headers = await codec.decode(payload.subarray(10));
    if (streams.has(id) || streams.size >= STREAMS) return send(resetFrame(id, PROTOCOL_ERROR));
    const stream = new SpdyStream(id, headers, send, () => {
      if (full.delete(id) && full.size === 0) resume?.();
    });
    stream.on('error', () => undefined);
    stream.on('close', () => {
      streams.delete(id);
      if (full.delete(id) && full.size === 0) resume?.();
    });
    streams.set(id, stream);
    send(replyFrame(id, await codec.encode({})));
    if (flags & FIN) stream.push(null);
    opened(stream);
  }

  async function handle(frame: Frame): Promise<void> {
    if (frame.kind === 'data') {
      const stream = streams.get(frame.stream & 0x7fff_ffff);
      if (stream === undefined || stream.readableEnded) return;
      // There are no windows: one slow reader holds up the connection, as in Go's implementation.
      if (frame.payload.length > 0 && !stream.push(frame.payload)) full.add(frame.stream);
      if (frame.flags & FIN) stream.push(null);
      return;
    }
    if (frame.type === SYN_STREAM) return open(frame.payload, frame.flags);
    if (frame.type === RST_STREAM) streams.get(frame.payload.readUInt32BE(0) & 0x7fff_ffff)?.destroy();
    else if (frame.type === PING) send(controlFrame(PING, 0, frame.payload));
    else if (frame.type === GOAWAY) wire.end();
    // SETTINGS, HEADERS and WINDOW_UPDATE change nothing here.
  }

  try {
    for await (const bytes of wire) {
      for (const frame of reader.push(bytes as Buffer)) await handle(frame);
      if (full.size > 0) {
        await new Promise<void>((resolve) => {
          resume = resolve;
          wire.once('close', resolve);
        });
      }
    }
  } catch {
    // Not SPDY, or cut off: either way nothing more can be said.
  } finally {
    for (const stream of [...streams.values()]) stream.destroy();
    codec.close();
    wire.destroy();
  }
}
