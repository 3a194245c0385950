/** The processes of a cluster, found by its folder. */
import { readdirSync, readFileSync } from 'node:fs';

/** Processes that live and whose environment or arguments name the folder. */
export const processesOf = (dir: string): number[] =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        if (/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))) return false;
        return (
          readFileSync(`/proc/${pid}/environ`, 'utf8').includes(dir) ||
          readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(dir)
        );
      } catch {
        return false;
      }
    });
