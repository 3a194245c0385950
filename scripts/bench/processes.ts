/** Processes of this machine as /proc shows them: memory that is resident, CPU time that was used. */
import { execFileSync } from 'node:child_process';
import { readFileSync, readlinkSync } from 'node:fs';

/** Ids of processes whose command line has `part` and whose present folder lies under `folder`. */
export const processesIn = (folder: string, part: string): number[] =>
  execFileSync('ps', ['-eo', 'pid,args', '-ww'], { encoding: 'utf8' })
    .split('\n')
    .filter((line) => line.includes(part))
    .map((line) => Number.parseInt(line, 10))
    .filter((pid) => {
      try {
        return readlinkSync(`/proc/${pid}/cwd`).startsWith(folder);
      } catch {
        // It has ended meanwhile.
        return false;
      }
    });

/** Resident memory in MiB. */
export const residentMiB = (pid: number): number => {
  const [, kb = '0'] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Number(kb) / 1024;
};

/** Linux counts CPU time in hundredths of a second. */
const TICK_MS = 10;

/** CPU time in ms, of the process alone. */
export const cpuMs = (pid: number): number => {
  // The command's name stands in brackets and may hold blanks: fields are counted after it.
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
};
