/** Removes folders that tenants wrote in. */
import { chmod, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';

/** Makes every folder of ours enterable; links are not followed. */
async function unlock(folder: string): Promise<void> {
  await chmod(folder, 0o700);
  for (const entry of await readdir(folder, { withFileTypes: true }))
    if (entry.isDirectory()) await unlock(join(folder, entry.name));
}

/** Removes the folder and all in it, also what was locked against its owner (`chmod 0`), which would stop a plain removal. */
export async function removeTree(folder: string): Promise<void> {
  const remove = () => rm(folder, { recursive: true, force: true });
  await remove().catch(async () => {
    await unlock(folder).catch(() => undefined);
    await remove();
  });
}
