/** One process of a real control plane: kept by a tether, so that it ends with us however we end; its output goes to a log file. */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import type { Tether } from '../kubelet/tether.ts';

export interface Component {
  name: string;
  /** Resolves with a sentence when it has ended, for whatever reason. */
  ended: Promise<string>;
  /** SIGTERM, and SIGKILL when it is not gone after `graceMs`. */
  stop(graceMs: number): Promise<void>;
}

/** What a shell says that was handed a program of another kind of machine, as a kernel's last resort. */
const NOT_RUN = [2, 126, 127];
const TAIL_BYTES = 8_192;
const TAIL_LINES = 8;

/** The last lines of a log in the CRI format, without time and stream. */
function tailOf(path: string): string {
  let fd: number;
  try {
    fd = openSync(path, 'r');
  } catch {
    return '';
  }
  try {
    const { size } = fstatSync(fd);
    const buffer = Buffer.alloc(Math.min(size, TAIL_BYTES));
    readSync(fd, buffer, 0, buffer.length, size - buffer.length);
    return buffer
      .toString()
      .trimEnd()
      .split('\n')
      .slice(-TAIL_LINES)
      .map((line) => line.replace(/^\S+ std(out|err) F /, ''))
      .join('\n');
  } finally {
    closeSync(fd);
  }
}

/** Starts a binary. `cwd` is its home, too. */
export function startComponent(
  tether: Tether,
  { name, command, cwd, log }: { name: string; command: string[]; cwd: string; log: string },
): Component {
  const running = tether.run({ command, cwd, log, env: { PATH: process.env.PATH ?? '', HOME: cwd } });
  return {
    name,
    ended: running.exited.then(({ code, error }) => {
      const foreign = NOT_RUN.includes(code) ? `; is it a program for ${process.platform} ${process.arch}?` : '';
      if (error !== undefined) return `${command[0]} cannot be run: ${error}${foreign}`;
      return `${command[0]} ended with code ${code}${foreign}; its last words (all in ${log}):\n${tailOf(log)}`;
    }),
    async stop(graceMs) {
      running.signal('SIGTERM');
      const late = setTimeout(() => running.signal('SIGKILL'), graceMs);
      await running.exited;
      clearTimeout(late);
    },
  };
}
