/** What a function prints, appended to a file of its own. */
import { appendFileSync, existsSync, mkdirSync, renameSync, statSync } from 'node:fs';
import { join } from 'node:path';

const MAX_BYTES = 10 * 1024 * 1024;

/** Opens `NAME.log` in `folder`; a file over 10 MiB becomes `NAME.log.1` first. Writes are synchronous: what was printed before a crash is there. */
export function openLog(folder: string, name: string): (text: string) => void {
  mkdirSync(folder, { recursive: true });
  const path = join(folder, `${name}.log`);
  if (existsSync(path) && statSync(path).size > MAX_BYTES) renameSync(path, `${path}.1`);
  return (text) => appendFileSync(path, text);
}
