/** A container that was made for a person at its keyboard (`stdin: true`): its process is joined by whoever attaches. */
import { PassThrough, Writable } from 'node:stream';
import { notFound } from '../launch.ts';
import { openLog } from '../log-writer.ts';
import type { Beside } from '../runnable.ts';
import type { Exit, Running } from '../tether.ts';
import { type Hold, runCommand } from './exec.ts';
import { killTree } from './process-tree.ts';
import { type RemoteStreams, SUCCESS, type TerminalSize } from './streams.ts';

export interface Console extends Running {
  /** Joins a client until the process ends or the client goes; `once`: the input ends with the first client's. */
  attach(client: RemoteStreams, once: boolean): Promise<void>;
}

export function openConsole(process: Beside, tty: boolean, log: string, hold: Hold): Console {
  const input = new PassThrough();
  const clients = new Set<RemoteStreams>();
  const written = openLog(log);
  let resize: (size: TerminalSize) => void = () => undefined;
  let pid: number | undefined;
  const output = (stream: 'stdout' | 'stderr') =>
    new Writable({
      write(chunk: Buffer, _encoding, done) {
        written.write(stream, chunk);
        for (const client of clients) client[stream]?.write(chunk);
        done();
      },
    });
  const streams: RemoteStreams = {
    stdin: input,
    stdout: output('stdout'),
    stderr: tty ? undefined : output('stderr'),
    onResize: (handler) => {
      resize = handler;
    },
    gone: new AbortController().signal,
    finish: async () => undefined,
  };
  const noted: Hold = (own) => {
    pid = own;
    return hold(own);
  };
  const exited = runCommand(process, tty, streams, noted)
    .then((code): Exit => ({ code, output: '' }))
    .catch((error: NodeJS.ErrnoException): Exit => {
      return { code: 127, output: '', error: notFound(process.command[0] ?? '', error.code) };
    })
    .finally(() => written.end());
  return {
    exited,
    pid: () => pid,
    signal(name) {
      if (pid === undefined) return;
      if (name === 'SIGKILL') return killTree(pid);
      try {
        globalThis.process.kill(-pid, name);
      } catch {
        // Gone already.
      }
    },
    async attach(client, once) {
      clients.add(client);
      client.stdin?.pipe(input, { end: once });
      client.onResize((size) => resize(size));
      const left = new Promise((resolve) => client.gone.addEventListener('abort', resolve, { once: true }));
      await Promise.race([exited, left]);
      clients.delete(client);
      client.stdin?.unpipe(input);
      await client.finish(SUCCESS);
    },
  };
}
