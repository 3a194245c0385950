/** Child processes that a killed runtime may leave behind: written down when they start, ended at the next start. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

interface Child {
  readonly pid: number;
  /** A part of its command line that no other process has: a process id may be used again. */
  readonly mark: string;
}

const folderOf = (stateDir: string): string => join(stateDir, 'children');

/** Writes a child down; answers how to strike it off once it ended. `mark` must be in its command line, and nobody else's. */
export function rememberChild(stateDir: string, name: string, pid: number, mark: string): () => void {
  const file = join(folderOf(stateDir), `${name}.json`);
  mkdirSync(folderOf(stateDir), { recursive: true });
  writeFileSync(file, JSON.stringify({ pid, mark } satisfies Child));
  return () => rmSync(file, { force: true });
}

/** The command line of a process; empty where there is none. A zombie has none in /proc, which is as good as gone. */
function commandLine(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
  } catch {
    if (existsSync('/proc/self')) return '';
    return spawnSync('ps', ['-p', String(pid), '-o', 'command='], { encoding: 'utf8' }).stdout ?? '';
  }
}

async function end({ pid, mark }: Child): Promise<void> {
  const isOurs = (): boolean => commandLine(pid).includes(mark);
  for (const [signal, ms] of [
    ['SIGTERM', 3000],
    ['SIGKILL', 2000],
  ] as const) {
    if (!isOurs()) return;
    process.kill(pid, signal);
    for (const until = Date.now() + ms; isOurs() && Date.now() < until; ) await delay(20);
  }
}

/** Ends every child that is written down and still runs; other processes with such an id are left alone. */
export async function endOrphans(stateDir: string): Promise<void> {
  const folder = folderOf(stateDir);
  if (!existsSync(folder)) return;
  await Promise.all(
    readdirSync(folder).map(async (name) => {
      const file = join(folder, name);
      await end(JSON.parse(readFileSync(file, 'utf8')) as Child);
      rmSync(file, { force: true });
    }),
  );
}
