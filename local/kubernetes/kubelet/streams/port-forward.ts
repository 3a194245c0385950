/** Port-forward: connections of a client to ports of a pod, over SPDY streams or over WebSocket channels. */
import type { Duplex, Writable } from 'node:stream';
import { PassThrough } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { WebSocket } from 'ws';
import { channelOf, readChannels } from './channels.ts';
import { type Dialable, dial } from './dial.ts';
import { type SpdyStream, serveSpdy } from './spdy/connection.ts';

/** What kubectl speaks since 1.31: SPDY inside a WebSocket. */
export const TUNNEL_PROTOCOL = 'SPDY/3.1+portforward.k8s.io';
/** The same without the WebSocket. */
export const FORWARD_PROTOCOL = 'portforward.k8s.io';
/** What client libraries speak: two channels for each port. */
export const CHANNEL_PROTOCOLS = ['v4.channel.k8s.io', FORWARD_PROTOCOL];
const NORMAL_CLOSURE = 1000;

/** Joins the client's stream with a new connection to the port until both have ended; a failure goes to `errors`, which is ended in any case. */
async function forward(pod: Dialable, port: number, data: Duplex, errors: Writable): Promise<void> {
  try {
    const socket = await dial(pod, port);
    const there = pipeline(data, socket);
    const back = pipeline(socket, data);
    // One direction cut off cuts the other: nobody would notice a half that hangs.
    there.catch(() => socket.destroy());
    back.catch(() => data.destroy());
    await Promise.allSettled([there, back]);
  } catch (error) {
    errors.write(`error forwarding port ${port} to pod: ${(error as Error).message}`);
    data.end();
  }
  errors.end();
}

/** `streamtype`, `port` and `requestid` say which two streams of the client are one connection. */
export function forwardStreams(pod: Dialable, wire: Duplex): Promise<void> {
  const waiting = new Map<string, { data?: SpdyStream; error?: SpdyStream }>();
  return serveSpdy(wire, (stream) => {
    const { streamtype, port = '', requestid = '' } = stream.headers;
    const number = Number(port);
    const isPort = Number.isInteger(number) && number > 0 && number < 65_536;
    if (!isPort || (streamtype !== 'data' && streamtype !== 'error')) return void stream.destroy();
    const pair = { ...waiting.get(requestid), [streamtype]: stream };
    waiting.set(requestid, pair);
    if (pair.data === undefined || pair.error === undefined) return;
    waiting.delete(requestid);
    void forward(pod, number, pair.data, pair.error);
  });
}

/** The port as two bytes, lowest first: the first message of each channel. */
const portBytes = (port: number): Buffer => Buffer.of(port & 0xff, port >> 8);

/** Channel 2n is the data of the nth port, 2n + 1 its errors. */
export async function forwardChannels(pod: Dialable, socket: WebSocket, ports: readonly number[]): Promise<void> {
  const inputs = ports.map(() => new PassThrough());
  socket.on('error', () => socket.terminate());
  socket.on('close', () => {
    for (const input of inputs) input.destroy();
  });
  readChannels(socket, (channel, bytes, resume) => {
    const input = channel % 2 === 0 ? inputs[channel / 2] : undefined;
    if (!input?.writable || input.write(bytes)) return true;
    input.once('drain', resume);
    return false;
  });
  await Promise.all(
    inputs.map(async (input, index) => {
      const port = ports[index] ?? 0;
      const [data, errors] = [channelOf(socket, 2 * index), channelOf(socket, 2 * index + 1)];
      data.write(portBytes(port));
      errors.write(portBytes(port));
      try {
        const target = await dial(pod, port);
        input.on('close', () => target.destroy());
        await Promise.race([
          pipeline(target, data),
          // The client cannot say that it has no more, only hang up.
          new Promise((resolve) => input.once('close', resolve)),
          pipeline(input, target, { end: false }),
        ]);
      } catch (error) {
        errors.write(`error forwarding port ${port} to pod: ${(error as Error).message}`);
      }
    }),
  );
  socket.close(NORMAL_CLOSURE);
}
