/** A part of a volume, as a mount names it. */
import { lstat, mkdir } from 'node:fs/promises';
import { join, normalize } from 'node:path';
import { ConfigError } from './environment.ts';

/**
 * The folder or file behind `subPath`, made as a folder where it is missing. A link in a volume was made by whoever writes there and could lead
 * anywhere on this machine (CVE-2017-1002101), so none is followed. Throws ConfigError.
 */
export async function subPathOf(volume: string, subPath: string): Promise<string> {
  let at = volume;
  for (const part of normalize(`/${subPath}`).split('/').filter(Boolean)) {
    at = join(at, part);
    const found = await lstat(at).catch(() => undefined);
    if (found?.isSymbolicLink())
      throw new ConfigError(
        `failed to prepare subPath "${subPath}" for volumeMount: it leads through a symbolic link`,
        'CreateContainerConfigError',
      );
    if (!found) await mkdir(at, { mode: 0o755 });
  }
  return at;
}
