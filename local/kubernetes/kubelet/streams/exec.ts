/** Runs a command beside a container's process for a client: with pipes, or on a pseudo-terminal. */
import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import type { Readable, Writable } from 'node:stream';
import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises';
import type { Beside } from '../runnable.ts';
import { killTree } from './process-tree.ts';
import { exitStatus, internalStatus, type RemoteStreams, type TerminalSize } from './streams.ts';

/** Notes a process that must not outlive us; answers how to forget it. */
export type Hold = (pid: number) => () => void;

/** After its end, output that something in the background may still write is waited for so long. */
const QUIET_MS = 200;
/** A client says how large its terminal is as soon as it is connected; who says nothing gets 80 by 24. */
const SIZE_MS = 50;
const DEFAULT_SIZE: TerminalSize = { width: 80, height: 24 };

/** Sends all of `from`; resolves when it has ended, or when its process is `over` and nothing came for a moment. */
async function forward(from: Readable, to: Writable | undefined, over: AbortSignal): Promise<void> {
  let last = Date.now();
  let blocked = false;
  from.on('data', (chunk: Buffer) => {
    last = Date.now();
    if (to === undefined || to.write(chunk)) return;
    blocked = true;
    from.pause();
    to.once('drain', () => {
      blocked = false;
      last = Date.now();
      from.resume();
    });
  });
  const ended = new Promise<void>((resolve) => from.once('close', resolve));
  await Promise.race([ended, new Promise((resolve) => over.addEventListener('abort', resolve, { once: true }))]);
  // What it left in the background may hold the pipe for ever. What it wrote itself may still be in the pipe, however long ago we last read.
  last = Date.now();
  while (!from.closed && (blocked || Date.now() - last < QUIET_MS)) {
    await Promise.race([ended, sleep(QUIET_MS / 4)]);
    // On a busy machine timers come first: the pipes are read before we look at the time.
    await turn();
  }
  from.destroy();
}

async function withPipes(beside: Beside, streams: RemoteStreams, hold: Hold): Promise<number> {
  const [file = '', ...args] = beside.command;
  const child = spawn(file, args, {
    cwd: beside.cwd,
    env: beside.env,
    detached: true,
    stdio: [streams.stdin ? 'pipe' : 'ignore', 'pipe', 'pipe'],
  });
  const exited = new Promise<number>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) => resolve(code ?? 128 + (signal ? constants.signals[signal] : 0)));
  });
  const { pid } = child;
  if (pid === undefined) return exited;
  const release = hold(pid);
  const stop = () => killTree(pid);
  streams.gone.addEventListener('abort', stop);
  if (streams.stdin && child.stdin) {
    // A command that does not read its input is no fault.
    child.stdin.on('error', () => undefined);
    streams.stdin.on('error', () => undefined).pipe(child.stdin);
  }
  const over = new AbortController();
  const outputs = [
    forward(child.stdout as Readable, streams.stdout, over.signal),
    forward(child.stderr as Readable, streams.stderr, over.signal),
  ];
  const code = await exited;
  over.abort();
  await Promise.all(outputs);
  streams.gone.removeEventListener('abort', stop);
  release();
  return code;
}

async function onTerminal(beside: Beside, streams: RemoteStreams, hold: Hold): Promise<number> {
  // Loaded with the first terminal: most clusters never open one.
  const { spawn: open } = await import('@lydell/node-pty');
  const [file = '', ...args] = beside.command;
  let resize: (size: TerminalSize) => void = () => undefined;
  const first = new Promise<TerminalSize>((resolve) => {
    resize = resolve;
    streams.onResize((size) => resize(size));
  });
  const { width, height } = await Promise.race([first, sleep(SIZE_MS, DEFAULT_SIZE)]);
  const terminal = open(file, args, {
    name: 'xterm',
    cols: width,
    rows: height,
    cwd: beside.cwd,
    env: { ...beside.env, TERM: 'xterm' },
    encoding: null,
  });
  const release = hold(terminal.pid);
  const stop = () => killTree(terminal.pid);
  streams.gone.addEventListener('abort', stop);
  resize = (size) => terminal.resize(size.width, size.height);
  const feed = () =>
    streams.stdin
      ?.on('error', () => undefined)
      .on('data', (chunk: Buffer) => terminal.write(chunk as unknown as string));
  let opened = !beside.handshake;
  if (opened) feed();
  terminal.onData((data) => {
    let chunk = data as unknown as Buffer;
    if (!opened) {
      // Until the inner terminal is there, ours would echo what the client types.
      const at = chunk.indexOf(0);
      if (at < 0) return;
      opened = true;
      feed();
      chunk = chunk.subarray(at + 1);
    }
    if (chunk.length === 0 || streams.stdout === undefined || streams.stdout.write(chunk)) return;
    terminal.pause();
    streams.stdout.once('drain', () => terminal.resume());
  });
  const code = await new Promise<number>((resolve) =>
    terminal.onExit(({ exitCode, signal }) => resolve(signal ? 128 + signal : exitCode)),
  );
  streams.gone.removeEventListener('abort', stop);
  release();
  return code;
}

/** Runs a command to its end and answers its exit code; `gone` of the streams ends it. Rejects when it cannot be started. */
export const runCommand = (beside: Beside, tty: boolean, streams: RemoteStreams, hold: Hold): Promise<number> =>
  tty ? onTerminal(beside, streams, hold) : withPipes(beside, streams, hold);

/** Runs what `enter` answers for the client to its end, and tells the client how it ended. A client that goes away ends it. */
export async function execute(
  enter: () => Promise<Beside>,
  command: readonly string[],
  tty: boolean,
  streams: RemoteStreams,
  hold: Hold,
): Promise<void> {
  try {
    const beside = await enter();
    const code = await runCommand(beside, tty, streams, hold);
    await streams.finish(exitStatus(command, code));
  } catch (error) {
    await streams.finish(internalStatus((error as Error).message));
  }
}
