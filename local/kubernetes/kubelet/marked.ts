/** Plain processes of a container that went their own way (a session of their own) are still known by a folder that their environment names. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';

/** The variable that names it: every plain process has its own temporary folder. */
export const MARK = 'TMPDIR';

/** Kills every process whose mark begins with `folder`. Who clears their environment, or sets the variable, is not found. */
export function killMarked(folder: string): void {
  // Without /proc (macOS) process groups have to do.
  if (!existsSync('/proc/self')) return;
  const mark = `${MARK}=${folder}`;
  for (const name of readdirSync('/proc').filter((entry) => /^\d+$/.test(entry))) {
    try {
      const environment = readFileSync(`/proc/${name}/environ`, 'utf8').split('\0');
      if (environment.some((entry) => entry.startsWith(mark))) process.kill(Number(name), 'SIGKILL');
    } catch {
      // Somebody else's, or gone.
    }
  }
}
