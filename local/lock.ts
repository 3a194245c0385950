/** One runtime a state folder: a file with the owner's process id, taken over when that process is gone. */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

const alive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
};

/** When the process began, so that a process id used again is not taken for the owner; empty where the system does not tell. */
function startOf(pid: number): string {
  try {
    // The 22nd field of stat, counted after the name in brackets, which may hold spaces.
    return readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)!.split(' ')[19] ?? '';
  } catch {
    return '';
  }
}

const held = new Set<string>();

/** Takes the lock and answers how to release it; throws when another runtime has it. */
export function lockState(stateDir: string): () => void {
  mkdirSync(stateDir, { recursive: true });
  const file = resolve(join(stateDir, 'lock'));
  const refuse = (pid: number): never => {
    throw new Error(
      `${resolve(stateDir)} is in use by another runtime (process ${pid}); stop that one, or choose another folder for the state`,
    );
  };
  if (held.has(file)) refuse(process.pid);
  const mine = `${process.pid} ${startOf(process.pid)}\n`;
  try {
    writeFileSync(file, mine, { flag: 'wx' });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    const [pid = 0, started = ''] = readFileSync(file, 'utf8').trim().split(' ');
    if (Number(pid) !== process.pid && alive(Number(pid)) && startOf(Number(pid)) === started) refuse(Number(pid));
    writeFileSync(file, mine);
  }
  held.add(file);
  return () => {
    held.delete(file);
    rmSync(file, { force: true });
  };
}
