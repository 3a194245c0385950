import { duplexPair } from 'node:stream';
import { constants, createDeflate } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { type SpdyStream, serveSpdy } from '#local/kubernetes/kubelet/streams/spdy/connection.ts';
import { DICTIONARY } from '#local/kubernetes/kubelet/streams/spdy/dictionary.ts';
import {
  controlFrame,
  dataFrame,
  FIN,
  type Frame,
  FrameReader,
  PING,
  RST_STREAM,
  SYN_REPLY,
  SYN_STREAM,
} from '#local/kubernetes/kubelet/streams/spdy/frames.ts';
import { HeaderCodec } from '#local/kubernetes/kubelet/streams/spdy/headers.ts';

/** Behaviour is waited for; how long it takes is the machine's business. */
const SOON = { timeout: 15_000 };

const int = (value: number) => Buffer.from([value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255]);

/** A client of a served connection, with all that it was sent. */
function connection(opened: (stream: SpdyStream) => void) {
  const [client, wire] = duplexPair();
  const codec = new HeaderCodec();
  const reader = new FrameReader();
  const got: Frame[] = [];
  client.on('data', (bytes: Buffer) => got.push(...reader.push(bytes)));
  client.on('error', () => undefined);
  const served = serveSpdy(wire, opened);
  const syn = async (id: number, headers: Record<string, string>) =>
    client.write(
      controlFrame(SYN_STREAM, 0, Buffer.concat([int(id), int(0), Buffer.alloc(2), await codec.encode(headers)])),
    );
  const of = (type: number) => got.filter((frame) => frame.kind === 'control' && frame.type === type);
  const data = (id: number) =>
    Buffer.concat(
      got.flatMap((frame) => (frame.kind === 'data' && frame.stream === id ? [frame.payload] : [])),
    ).toString();
  const ended = (id: number) =>
    got.some((frame) => frame.kind === 'data' && frame.stream === id && frame.flags === FIN);
  return { client, codec, served, syn, of, data, ended };
}

test('the dictionary is that of the specification', () => {
  // Its checksum stands in the head of what is compressed with it.
  const deflate = createDeflate({ dictionary: DICTIONARY });
  deflate.write('x');
  deflate.flush(constants.Z_SYNC_FLUSH);
  return new Promise<void>((resolve) =>
    deflate.once('data', (bytes: Buffer) => {
      expect([DICTIONARY.length, bytes.subarray(2, 6).toString('hex')]).toEqual([1423, 'e3c6a7c2']);
      resolve();
    }),
  );
});

describe('headers', () => {
  test('survive, block after block with one history', async () => {
    const [here, there] = [new HeaderCodec(), new HeaderCodec()];
    const sizes: number[] = [];
    for (const requestid of ['0', '1', '2']) {
      const block = await here.encode({ streamtype: 'data', port: '8080', requestid });
      sizes.push(block.length);
      expect(await there.decode(block)).toEqual({ streamtype: 'data', port: '8080', requestid });
    }
    expect(sizes[2]).toBeLessThan(sizes[0] ?? 0);
  });

  test('that unpack to too much, or end too early, are refused', async () => {
    const codec = new HeaderCodec();
    const large = await codec.encode({ a: 'x'.repeat(100_000) }).catch((error: Error) => error);
    const bomb = Buffer.isBuffer(large) ? new HeaderCodec().decode(large) : Promise.reject(large);
    await expect(bomb).rejects.toThrow('more than 65536 bytes');
    const cut = createDeflate({ dictionary: DICTIONARY });
    const bytes = await new Promise<Buffer>((resolve) => {
      cut.once('data', resolve);
      cut.write(Buffer.concat([int(1), int(100), Buffer.from('abc')]));
      cut.flush(constants.Z_SYNC_FLUSH);
    });
    await expect(new HeaderCodec().decode(bytes)).rejects.toThrow('ends too early');
  });
});

describe('a connection', () => {
  test('answers each stream, carries its bytes both ways and its end', async () => {
    const { client, syn, of, data, ended } = connection((stream) => {
      stream.pipe(stream);
    });
    await syn(1, { streamtype: 'data' });
    await expect.poll(() => of(SYN_REPLY).length, SOON).toBe(1);
    // Bytes come as they will, frames in halves.
    const bytes = Buffer.concat([dataFrame(1, 0, Buffer.from('hello ')), dataFrame(1, FIN, Buffer.from('there'))]);
    client.write(bytes.subarray(0, 11));
    client.write(bytes.subarray(11));
    await expect.poll(() => ended(1), SOON).toBe(true);
    expect(data(1)).toBe('hello there');
  });

  test('answers a ping', async () => {
    const { client, of } = connection(() => undefined);
    client.write(controlFrame(PING, 0, int(7)));
    await expect.poll(() => of(PING).map(({ payload }) => payload.readUInt32BE(0)), SOON).toEqual([7]);
  });

  test('resets a stream that is dropped here, and learns of one that is dropped there', async () => {
    const streams: SpdyStream[] = [];
    const { client, syn, of } = connection((stream) => streams.push(stream));
    await syn(1, {});
    await syn(3, {});
    await expect.poll(() => streams.length, SOON).toBe(2);
    streams[0]?.destroy();
    await expect.poll(() => of(RST_STREAM).map(({ payload }) => payload.readUInt32BE(0)), SOON).toEqual([1]);
    client.write(controlFrame(RST_STREAM, 0, Buffer.concat([int(3), int(5)])));
    await expect.poll(() => streams[1]?.destroyed, SOON).toBe(true);
  });

  test('a reader that is slow holds the sender up, and gets everything', async () => {
    let held: SpdyStream | undefined;
    const { client, syn } = connection((stream) => {
      held = stream;
    });
    await syn(1, {});
    await expect.poll(() => held, SOON).toBeDefined();
    const total = 64;
    for (let i = 0; i < total; i += 1) client.write(dataFrame(1, 0, Buffer.alloc(32 * 1024)));
    client.write(dataFrame(1, FIN, Buffer.alloc(0)));
    await expect.poll(() => held?.readableLength, SOON).toBeGreaterThan(0);
    expect(held?.readableLength).toBeLessThan((total * 32 * 1024) / 2);
    expect(Buffer.concat((await held?.toArray()) ?? []).length).toBe(total * 32 * 1024);
  });

  test('that speaks something else ends, and its streams with it', async () => {
    let stream: SpdyStream | undefined;
    const { client, served, syn } = connection((opened) => {
      stream = opened;
    });
    await syn(1, {});
    await expect.poll(() => stream, SOON).toBeDefined();
    client.write(Buffer.from('\x80\x02\x00\x01\x00\x00\x00\x00', 'latin1'));
    await served;
    expect(stream?.destroyed).toBe(true);
  });
});
