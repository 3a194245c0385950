/** The processes that belong to a state folder: what names it on its command line, and everything under that. */
import { execFileSync } from 'node:child_process';
import { readlinkSync } from 'node:fs';
import { resolve } from 'node:path';

export interface Process {
  readonly pid: number;
  readonly args: string;
}

/** The folder that a process runs in, which for a pod is one of its cluster; Linux alone tells. It finds a process whose parents were killed. */
const folderOf = (pid: number): string => {
  try {
    return readlinkSync(`/proc/${pid}/cwd`);
  } catch {
    return '';
  }
};

/** DynamoDB Local, embedded clusters, tethers and agents of a state folder, and a `npm start` that was given it; zombies do not count. */
export const processesUnder = (state: string): Process[] => {
  const folder = resolve(state);
  const all = execFileSync('ps', ['-eo', 'pid=,ppid=,stat=,args=', '-ww'], {
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  })
    .split('\n')
    .flatMap((line) => {
      const [, pid, parent, status, args] = /^\s*(\d+)\s+(\d+)\s+(\S+)\s+(.*)$/.exec(line) ?? [];
      return pid === undefined || status?.startsWith('Z') || args === undefined
        ? []
        : [{ pid: Number(pid), parent: Number(parent), args }];
    });
  const found = new Set(
    all
      .filter(({ pid, args }) => pid !== process.pid && (args.includes(folder) || folderOf(pid).startsWith(folder)))
      .map(({ pid }) => pid),
  );
  for (let size = -1; size !== found.size; ) {
    size = found.size;
    for (const { pid, parent } of all) if (found.has(parent)) found.add(pid);
  }
  return all.filter(({ pid }) => found.has(pid)).map(({ pid, args }) => ({ pid, args }));
};
