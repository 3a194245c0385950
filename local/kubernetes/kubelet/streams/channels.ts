/** Remote commands over WebSockets: `v5.channel.k8s.io` and `v4.channel.k8s.io`, where each message begins with the number of its channel. */
import { PassThrough, Writable } from 'node:stream';
import type { RawData, WebSocket } from 'ws';
import type { RemoteStreams, StreamOptions, TerminalSize } from './streams.ts';

/** What we speak for exec and attach. v5 is v4 with a message that closes one channel. */
export const COMMAND_PROTOCOLS = ['v5.channel.k8s.io', 'v4.channel.k8s.io'];

const STDIN = 0;
const STDOUT = 1;
const STDERR = 2;
const ERROR = 3;
const RESIZE = 4;
/** v5: the second byte names the channel that ends. */
const CLOSE = 255;
const NORMAL_CLOSURE = 1000;

/** A writable whose bytes become messages of one channel; written at the pace at which they leave. */
export const channelOf = (socket: WebSocket, channel: number): Writable =>
  new Writable({
    write(chunk: Buffer, _encoding, done) {
      // A client that is gone reads no more; the command is ended by `gone`.
      if (socket.readyState !== socket.OPEN) return done();
      socket.send(Buffer.concat([Buffer.of(channel), chunk]), () => done());
    },
  });

const bytesOf = (data: RawData): Buffer =>
  Array.isArray(data) ? Buffer.concat(data) : Buffer.isBuffer(data) ? data : Buffer.from(data);

/** Calls `take` with each message's channel and bytes; `take` may answer false to be paused until the given function is called. */
export function readChannels(
  socket: WebSocket,
  take: (channel: number, bytes: Buffer, resume: () => void) => boolean,
): void {
  socket.on('message', (data) => {
    const bytes = bytesOf(data);
    const [channel] = bytes;
    if (channel === undefined) return;
    if (!take(channel, bytes.subarray(1), () => socket.resume())) socket.pause();
  });
}

function sizeOf(text: string): TerminalSize | undefined {
  try {
    const { Width, Height } = JSON.parse(text) as { Width?: number; Height?: number };
    return Width && Height ? { width: Width, height: Height } : undefined;
  } catch {
    return undefined;
  }
}

/** The streams of a client that is connected with one of COMMAND_PROTOCOLS. */
export function commandStreams(socket: WebSocket, wanted: StreamOptions): RemoteStreams {
  const gone = new AbortController();
  const stdin = wanted.stdin ? new PassThrough() : undefined;
  const resized: ((size: TerminalSize) => void)[] = [];
  let last: TerminalSize | undefined;
  readChannels(socket, (channel, bytes, resume) => {
    if (channel === RESIZE) {
      last = sizeOf(bytes.toString()) ?? last;
      if (last) for (const handler of resized) handler(last);
    } else if (channel === CLOSE && bytes[0] === STDIN) stdin?.end();
    else if (channel === STDIN && stdin?.writable && !stdin.write(bytes)) {
      stdin.once('drain', resume);
      return false;
    }
    return true;
  });
  const outputs = {
    stdout: wanted.stdout ? channelOf(socket, STDOUT) : undefined,
    stderr: wanted.stderr ? channelOf(socket, STDERR) : undefined,
  };
  const end = () => {
    gone.abort();
    stdin?.destroy();
  };
  socket.on('close', end);
  socket.on('error', () => socket.terminate());
  // As the kubelet does: an empty message tells the client that the command's streams are there.
  socket.send(Buffer.of(wanted.stdout ? STDOUT : wanted.stderr ? STDERR : ERROR));
  return {
    stdin,
    ...outputs,
    onResize(handler) {
      resized.push(handler);
      if (last) handler(last);
    },
    gone: gone.signal,
    async finish(status) {
      // The close would overtake what still waits to be written.
      const open = [outputs.stdout, outputs.stderr].filter((output) => output !== undefined);
      await Promise.all(open.map((output) => new Promise<void>((resolve) => output.end(() => resolve()))));
      channelOf(socket, ERROR).write(Buffer.from(JSON.stringify(status)));
      socket.close(NORMAL_CLOSURE);
    },
  };
}
