/** The tether: starts processes for the kubelet and kills them all when the channel to it closes, however that happens. */
import { type ChildProcess, spawn } from 'node:child_process';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import { dirname, join } from 'node:path';
import { notFound } from './launch.ts';
import { openLog } from './log-writer.ts';
import { killMarked } from './marked.ts';
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
  killMarked(join(dirname(pids), 'pods'));
}

const note = (pid: number) => writeFileSync(join(pids, String(pid)), startOf(pid) ?? '', { mode: 0o600 });
const forget = (pid: number) => rmSync(join(pids, String(pid)), { force: true });

function run(id: number, spec: ProcessSpec): void {
  const send = (exit: Exit) => process.connected && process.send?.({ id, exit } satisfies FromTether);
  const [file = '', ...args] = spec.command;
  let output = '';
  const log = spec.log === undefined ? undefined : openLog(spec.log);
  const keep = (chunk: Buffer) => {
    output = (output + chunk).slice(-OUTPUT_LIMIT);
  };
  const finish = (exit: Exit) => {
    log?.end();
    if (children.delete(id)) send(exit);
  };
  const child = spawn(file, args, { cwd: spec.cwd, env: spec.env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
  children.set(id, child);
  for (const stream of ['stdout', 'stderr'] as const)
    child[stream].on('data', (chunk: Buffer) => (log ? log.write(stream, chunk) : keep(chunk)));
  child.on('error', (error: NodeJS.ErrnoException) => {
    if (child.pid === undefined)
      finish({ code: error.code === 'ENOENT' ? 127 : 126, output, error: notFound(file, error.code) });
  });
  const { pid } = child;
  if (pid === undefined) return;
  note(pid);
  if (process.connected) process.send?.({ id, pid } satisfies FromTether);
  child.on('exit', (code, signal) => {
    // The first process of a container is its life: what it started ends with it.
    killGroup(pid, 'SIGKILL');
    forget(pid);
    const exit = { code: code ?? 128 + (signal ? constants.signals[signal] : 0), output: '' };
    // Its last lines may still be in the pipes.
    const done = () => finish({ ...exit, output });
    // On a busy machine timers come first: the pipes are read once more before it is too late.
    const late = setTimeout(() => setImmediate(done), 200);
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
