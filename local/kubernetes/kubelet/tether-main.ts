/** The tether: starts processes for the kubelet and kills them all when the channel to it closes, however that happens. */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readdirSync, readFileSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { constants } from 'node:os';
import { dirname, join } from 'node:path';
import { StringDecoder } from 'node:string_decoder';
import type { Exit, FromTether, ProcessSpec, ToTether } from './tether.ts';

const pids = process.argv[2] ?? '.';
const children = new Map<number, ChildProcess>();
/** What an exec'd command may say. */
const OUTPUT_LIMIT = 10_240;

/** When a process was started, in ticks since boot: with the pid it names one process for good. */
function startOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  } catch {
    return undefined;
  }
}

function killGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch {
    // Gone already.
  }
}

/** Ends what an earlier tether left behind when it was killed together with its kubelet. */
function sweep(): void {
  for (const name of readdirSync(pids)) {
    const pid = Number(name);
    if (pid > 1 && startOf(pid) === readFileSync(join(pids, name), 'utf8')) killGroup(pid, 'SIGKILL');
    rmSync(join(pids, name), { force: true });
  }
}

const note = (pid: number) => writeFileSync(join(pids, String(pid)), startOf(pid) ?? '', { mode: 0o600 });
const forget = (pid: number) => rmSync(join(pids, String(pid)), { force: true });

/** One output stream as CRI log lines: `TIME stdout F text`. A line longer than the pipe's chunks is still one line. */
function logWriter(fd: number, stream: string) {
  const decoder = new StringDecoder('utf8');
  let rest = '';
  const line = (text: string) =>
    writeSync(fd, `${new Date().toISOString().replace('Z', '000000Z')} ${stream} F ${text}\n`);
  return {
    write(chunk: Buffer) {
      const lines = (rest + decoder.write(chunk)).split('\n');
      rest = lines.pop() ?? '';
      for (const text of lines) line(text);
    },
    end: () => rest !== '' && line(rest),
  };
}

function run(id: number, spec: ProcessSpec): void {
  const send = (exit: Exit) => process.connected && process.send?.({ id, exit } satisfies FromTether);
  const [file = '', ...args] = spec.command;
  let output = '';
  let fd: number | undefined;
  const keep = (chunk: Buffer) => {
    output = (output + chunk).slice(-OUTPUT_LIMIT);
  };
  if (spec.log !== undefined) {
    mkdirSync(dirname(spec.log), { recursive: true, mode: 0o700 });
    fd = openSync(spec.log, 'a', 0o600);
  }
  const writers = ['stdout', 'stderr'].map((stream) =>
    fd === undefined ? { write: keep, end: () => undefined } : logWriter(fd, stream),
  );
  const finish = (exit: Exit) => {
    for (const writer of writers) writer.end();
    if (fd !== undefined) closeSync(fd);
    fd = undefined;
    if (children.delete(id)) send(exit);
  };
  const child = spawn(file, args, { cwd: spec.cwd, env: spec.env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
  children.set(id, child);
  child.stdout.on('data', (chunk: Buffer) =>
    fd !== undefined || spec.log === undefined ? writers[0]?.write(chunk) : undefined,
  );
  child.stderr.on('data', (chunk: Buffer) =>
    fd !== undefined || spec.log === undefined ? writers[1]?.write(chunk) : undefined,
  );
  child.on('error', (error: NodeJS.ErrnoException) => {
    if (child.pid === undefined) finish({ code: error.code === 'ENOENT' ? 127 : 126, output, error: error.message });
  });
  const { pid } = child;
  if (pid === undefined) return;
  note(pid);
  child.on('exit', (code, signal) => {
    // The first process of a container is its life: what it started ends with it.
    killGroup(pid, 'SIGKILL');
    forget(pid);
    const exit = { code: code ?? 128 + (signal ? constants.signals[signal] : 0), output: '' };
    // Its last lines may still be in the pipes.
    const done = () => finish({ ...exit, output });
    const late = setTimeout(done, 200);
    child.on('close', () => {
      clearTimeout(late);
      done();
    });
  });
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined);
process.on('message', (message: ToTether) => {
  if (message.op === 'spawn') return run(message.id, message.spec);
  if (message.op === 'hold') return note(message.pid);
  if (message.op === 'release') return forget(message.pid);
  const pid = children.get(message.id)?.pid;
  if (pid !== undefined) killGroup(pid, message.signal);
});
process.on('disconnect', () => {
  for (const { pid } of children.values()) if (pid !== undefined) killGroup(pid, 'SIGKILL');
  sweep();
  process.exit(0);
});
sweep();
