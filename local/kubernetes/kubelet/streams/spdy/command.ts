/** Remote commands over SPDY, as a kube-apiserver asks a kubelet for them: one stream for each of the command's own. */
import type { Duplex, Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import type { RemoteStreams, StreamOptions, TerminalSize } from '../streams.ts';
import { type SpdyStream, serveSpdy } from './connection.ts';

/** Of those that a client offers, the one with a Status as its last word. */
export const SPDY_COMMAND_PROTOCOL = 'v4.channel.k8s.io';
/** How long the client has to open what it asked for. */
const OPEN_MS = 30_000;

/** Sizes come as JSON, one a line. */
function readSizes(from: Readable, take: (size: TerminalSize) => void): void {
  let rest = '';
  from.setEncoding('utf8').on('data', (text: string) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines.filter(Boolean)) {
      const { Width: width, Height: height } = JSON.parse(line) as { Width?: number; Height?: number };
      if (width && height) take({ width, height });
    }
  });
  from.on('error', () => undefined);
}

/** Resolves when all streams are there. Rejects when they do not come. */
export async function spdyCommandStreams(wire: Duplex, wanted: StreamOptions): Promise<RemoteStreams> {
  const names = ['error', ...(['stdin', 'stdout', 'stderr'] as const).filter((name) => wanted[name])];
  if (wanted.tty) names.push('resize');
  const streams = new Map<string, SpdyStream>();
  const gone = new AbortController();
  const all = Promise.withResolvers<void>();
  void serveSpdy(wire, (stream) => {
    const name = stream.headers.streamtype ?? '';
    if (!names.includes(name) || streams.has(name)) return void stream.destroy();
    streams.set(name, stream);
    if (streams.size === names.length) all.resolve();
  }).then(() => gone.abort());
  const late = new AbortController();
  await Promise.race([
    all.promise,
    sleep(OPEN_MS, undefined, { signal: late.signal }).then(() => {
      wire.destroy();
      throw new Error(`the streams ${names.join(', ')} were not all opened`);
    }),
  ]).finally(() => late.abort());
  const resized: ((size: TerminalSize) => void)[] = [];
  let last: TerminalSize | undefined;
  const resize = streams.get('resize');
  if (resize)
    readSizes(resize, (size) => {
      last = size;
      for (const handler of resized) handler(size);
    });
  return {
    stdin: streams.get('stdin'),
    stdout: streams.get('stdout'),
    stderr: streams.get('stderr'),
    onResize(handler) {
      resized.push(handler);
      if (last) handler(last);
    },
    gone: gone.signal,
    async finish(status) {
      streams.get('error')?.write(JSON.stringify(status));
      const open = [...streams.values()].filter((stream) => !stream.destroyed);
      await Promise.all(open.map((stream) => new Promise<void>((resolve) => stream.end(() => resolve()))));
      wire.end();
    },
  };
}
