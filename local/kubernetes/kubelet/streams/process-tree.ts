/** A process with all that it started. */
import { readdirSync, readFileSync } from 'node:fs';

function childrenOf(pid: number): number[] {
  try {
    return readdirSync(`/proc/${pid}/task`).flatMap((task) =>
      readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8').split(' ').filter(Boolean).map(Number),
    );
  } catch {
    // Gone, or a system without /proc, where the process group has to do.
    return [];
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // Gone already.
  }
}

/** Kills the group of a process and all its descendants, also those that made groups and sessions of their own. */
export function killTree(pid: number): void {
  const all = [pid];
  for (const one of all) all.push(...childrenOf(one));
  kill(-pid);
  for (const one of all) kill(one);
}
