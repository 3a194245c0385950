/** The binaries of a real control plane: the folder that KUBEBUILDER_ASSETS names, as envtest has it. */
import { constants } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';

export const ASSETS_VARIABLE = 'KUBEBUILDER_ASSETS';

/** Paths of executables. */
export interface Assets {
  etcd: string;
  apiServer: string;
}

const HOW = `set ${ASSETS_VARIABLE} to a folder with "etcd" and "kube-apiserver" for this machine (setup-envtest fetches one: setup-envtest use -p path 1.36.x), or unset it for the embedded Kubernetes`;

async function executable(folder: string, name: string): Promise<string> {
  const path = join(folder, name);
  const found = await stat(path).catch(() => undefined);
  if (found === undefined) throw new Error(`${ASSETS_VARIABLE}=${folder}: there is no "${name}" in it; ${HOW}`);
  if (!found.isFile()) throw new Error(`${ASSETS_VARIABLE}=${folder}: "${name}" in it is no file; ${HOW}`);
  await access(path, constants.X_OK).catch(() => {
    throw new Error(`${path} is not executable: chmod +x ${path}, or ${HOW}`);
  });
  return path;
}

/** Finds the binaries in a folder; throws what is wrong with it and what to do. */
export async function findAssets(given: string): Promise<Assets> {
  const folder = resolve(given);
  const found = await stat(folder).catch(() => undefined);
  if (found === undefined) throw new Error(`${ASSETS_VARIABLE}=${folder}: there is no such folder; ${HOW}`);
  if (!found.isDirectory()) throw new Error(`${ASSETS_VARIABLE}=${folder} is no folder; ${HOW}`);
  const [etcd, apiServer] = [await executable(folder, 'etcd'), await executable(folder, 'kube-apiserver')];
  return { etcd, apiServer };
}
